"""From a benchmark to an adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Resources
from rageval.retrieval.adapters.examples import Examples, find_examples
from rageval.retrieval.adapters.fit import Epoch, fit
from rageval.retrieval.adapters.query_adapter import QueryAdapter, question_digest
from rageval.retrieval.adapters.teacher import taught_by_answers
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.passages import Passages
from rageval.types import Benchmark, Json, Question

_SENTENCES = SentenceChunker()


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter, the number of questions that it was trained on and that were held out, and how good it was on the
    latter after each epoch, from 0, without it.
    """

    adapter: QueryAdapter
    questions: int
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The first epoch with the highest figure; its factors are the adapter's."""
        return max(self.history, key=lambda epoch: epoch.held_out)

    def to_json(self) -> dict[str, Json]:
        return {
            "digest": self.adapter.digest,
            "embedder": self.adapter.embedder,
            "source": self.adapter.source,
            "shape": [[*factor.shape] for factor in self.adapter.factors],
            "questions": self.questions,
            "epochs": self.history[-1].number,
            "best_epoch": self.best.number,
            "held_out_reciprocal_rank": {"before": self.history[0].held_out, "after": self.best.held_out},
        }


async def train_adapter(
    benchmark: Benchmark,
    embedder: Embedder,
    *,
    source: str,
    rank: int | None = None,
    seed: int = 0,
    apart_from: Sequence[Question] = (),
    chunker: AnyChunker = _SENTENCES,
    teacher: ChatModel | None = None,
    on_taught: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainedAdapter:
    """Train on the questions of a benchmark that have relevance labels, against all passages of its corpus. Those that
    are among `apart_from`, by their words, are left out.

    With a `teacher`, what is right is not the labels but how likely each candidate makes the expected answer, by this
    chat model (`taught_by_answers`): a call for each candidate, at most nine a question, after which `on_taught` is
    told how many questions of all are done. Questions without a reference answer are left out then.

    `source` is what the benchmark is called in the adapter; see `find_examples` and `fit` for the rest. Raises
    DeclarationError for a benchmark with fewer than 10 such questions.
    """
    passages = await Resources(benchmark.documents).get(Passages(chunker))
    others = {question_digest(question.text) for question in apart_from}
    asked = tuple(question for question in benchmark.questions if question_digest(question.text) not in others)
    examples = await find_examples(replace(benchmark, questions=asked), passages, embedder)
    if teacher is not None:
        examples = await taught_by_answers(examples, passages, teacher, on_taught=on_taught)
        source = f"{source}, by the answers of {teacher.identity}"
    return fit_adapter(examples, embedder.identity, source=source, rank=rank, seed=seed, on_epoch=on_epoch)


def fit_adapter(
    examples: Examples,
    embedder: str,
    *,
    source: str,
    rank: int | None = None,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainedAdapter:
    """Train on these examples; `embedder` is the identity of the one whose vectors they are."""
    factors, history = fit(examples, rank=rank, seed=seed, on_epoch=on_epoch)
    seen = frozenset(question_digest(question.text) for question in examples.asked)
    return TrainedAdapter(QueryAdapter(embedder, factors, source, seen), len(examples.asked), history)
