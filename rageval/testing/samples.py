"""What the conformance tests work on: a small benchmark in English and Chinese, and responses of every kind."""

from __future__ import annotations

from collections.abc import Collection

from rageval.benchmark import from_records
from rageval.models.base import ChatModel, Embedder
from rageval.models.known_models import KnownModel
from rageval.models.rerank_endpoint import RerankCalls, RerankService, SplitRerank
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Need, Resources
from rageval.types import UNANSWERABLE, Benchmark, Document, Hit, Question, RelevanceLabel, Response

_DOCUMENTS = (
    Document("arlen", "Mount Arlen is 2310 metres high. Its summit was first reached in 1871.", "Mount Arlen", "en"),
    Document("brone", "The river Brone is 95 kilometres long. It flows into Lake Corva near Delmar.", "", "en"),
    Document("corva", "Lake Corva is 61 metres deep. Its water is too salty to drink.", "Lake Corva", "en"),
    Document("donghu", "东湖最深处四十米，湖中盛产银鱼。", "东湖", "zh"),
    Document("baisha", "白沙镇有两万居民，多数人以捕鱼为生。", "", "zh"),
)
_QUESTIONS = (
    Question("high", "How high is Mount Arlen?", "en", ("2310 metres",)),
    Question("flow", "Into which lake does the river Brone flow?", "en", ("Lake Corva", "Corva")),
    Question("painter", "Who painted the theatre of Delmar?", "en", (), (UNANSWERABLE,)),
    Question("deep", "东湖最深处有多深？", "zh", ("四十米",)),
)
_LABELS = (
    RelevanceLabel("high", "arlen", 2),
    RelevanceLabel("flow", "brone", 2),
    RelevanceLabel("flow", "corva", 1),
    RelevanceLabel("flow", "arlen", 0),
    RelevanceLabel("deep", "donghu", 1),
)


def sample_benchmark() -> Benchmark:
    """Five documents, four questions (one of them cannot be answered), five labels; in English and Chinese."""
    return from_records("conformance", _DOCUMENTS, _QUESTIONS, _LABELS)


def sample_grades(question: Question) -> dict[str, int]:
    """The question's relevance labels, by document id."""
    return {label.doc_id: label.grade for label in _LABELS if label.question_id == question.id}


def sample_hits(question: Question) -> tuple[Hit, ...]:
    """All documents, those of the question's language first."""
    ranked = sorted(_DOCUMENTS, key=lambda document: document.language != question.language)
    return tuple(Hit.whole(document, score=-float(rank)) for rank, document in enumerate(ranked))


def sample_responses(question: Question) -> dict[str, Response]:
    """Responses of every kind, by what they are."""
    hits = sample_hits(question)
    answer = "东湖最深处四十米。" if question.language == "zh" else "It is 2310 metres high [1]."
    silence = "我不知道。" if question.language == "zh" else "I do not know."
    return {
        "an answer": Response(hits, answer, (0, 1), citations=(0,)),
        "an answer without passages": Response((), answer),
        "an abstention": Response(hits, silence, (0, 1), abstained=True),
        "an empty answer": Response(hits, "", (0, 1)),
        "passages without an answer": Response(hits, None, (0, 1)),
        "nothing at all": Response(),
    }


def sample_resources(needs: Collection[Need], chat: ChatModel, embedder: Embedder | None = None) -> Resources:
    """The sample's documents and labels, and those models that are needed; the embedder counts words unless given.

    Rerank models at endpoints are those that are named.
    """
    benchmark = sample_benchmark()
    return Resources(
        benchmark.documents,
        labels=benchmark.labels,
        chat=chat if "chat" in needs else None,
        embedder=embedder or HashEmbedder() if "embed" in needs else None,
        rankers=_open_ranker,
    )


def _open_ranker(service: RerankService) -> ChatModel:
    known = KnownModel(service.identity, "rerank")
    return SplitRerank(RerankCalls(service, known), service, known)
