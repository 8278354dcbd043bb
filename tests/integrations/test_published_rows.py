"""Well-known sets with one row a question, built with the real library in the features that the hub gives for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import from_hugging_face, load
from rageval.errors import BenchmarkError
from rageval.types import Benchmark, Document, Question
from tests.conftest import CommandLine

datasets = pytest.importorskip("datasets")

TEXT = datasets.Value("string")
NUMBER = datasets.Value("int32")

HOTPOT = {
    "id": "5a8b57f2",
    "question": "Were Scott Derrickson and Ed Wood of the same nationality?",
    "answer": "yes",
    "type": "comparison",
    "level": "hard",
    "supporting_facts": {"title": ["Scott Derrickson", "Ed Wood"], "sent_id": [0, 0]},
    "context": {
        "title": ["Ed Wood (film)", "Scott Derrickson", "Ed Wood"],
        "sentences": [
            ["Ed Wood is a 1994 film.", " It is a comedy."],
            ["He is an American director."],
            ["Edward Wood was an American filmmaker."],
        ],
    },
}
MS_MARCO = [
    {
        "answers": ["Results-Based Accountability is a way of thinking."],
        "passages": {
            "is_selected": [0, 1],
            "passage_text": ["Since 2007, RBA has grown.", "RBA is a disciplined way of thinking."],
            "url": ["u0", "u1"],
        },
        "query": "what is rba",
        "query_id": 19699,
        "query_type": "description",
        "wellFormedAnswers": [],
    },
    {
        "answers": ["No Answer Present."],
        "passages": {"is_selected": [0, 0], "passage_text": ["Some text.", ""], "url": ["u2", "u3"]},
        "query": "who was it",
        "query_id": 19700,
        "query_type": "person",
        "wellFormedAnswers": [],
    },
]
MUSIQUE = [
    {
        "id": "2hop__482757_12019",
        "paragraphs": [
            {"idx": 0, "title": "Arlen", "paragraph_text": "Arlen lies in Corva.", "is_supporting": True},
            {"idx": 1, "title": "Other", "paragraph_text": "Nothing.", "is_supporting": False},
        ],
        "question": "Where does the hill lie?",
        "question_decomposition": [{"id": 1, "question": "?", "answer": "x", "paragraph_support_idx": 0}],
        "answer": "Corva",
        "answer_aliases": ["the Corva valley"],
        "answerable": answerable,
    }
    for answerable in (True, False)
]
MUSIQUE[1] = {**MUSIQUE[1], "id": "2hop__482757_12020"}
TRIVIA = {
    "question": "Which American-born Sinclair won the Nobel Prize for Literature in 1930?",
    "question_id": "tc_1",
    "question_source": "http://www.triviacountry.com/",
    "entity_pages": {
        "doc_source": ["TagMe"],
        "filename": ["a.txt"],
        "title": ["Sinclair Lewis"],
        "wiki_context": ["Harry Sinclair Lewis was an American novelist."],
    },
    "search_results": {
        "description": ["d", "d"],
        "filename": ["b.txt", "c.txt"],
        "rank": [0, 1],
        "title": ["Nobel 1930", "Empty"],
        "url": ["u", "v"],
        "search_context": ["The prize went to Sinclair Lewis.", ""],
    },
    "answer": {
        "aliases": ["Harry Sinclair Lewis", "Sinclair Lewis"],
        "normalized_aliases": ["sinclair lewis"],
        "matched_wiki_entity_name": "",
        "normalized_matched_wiki_entity_name": "",
        "normalized_value": "sinclair lewis",
        "type": "WikipediaEntity",
        "value": "Sinclair Lewis",
    },
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def loaded(tmp_path: Path, rows: Sequence[Mapping[str, Any]], features: Any = None, **arguments: Any) -> Benchmark:
    path = tmp_path / "set.parquet"
    datasets.Dataset.from_list([dict(row) for row in rows], features=features).to_parquet(path)
    return from_hugging_face(str(path), **arguments)


def grades(benchmark: Benchmark) -> list[tuple[str, str, int]]:
    return [(x.question_id, x.doc_id, x.grade) for x in benchmark.labels]


def counts(benchmark: Benchmark) -> dict[str, int]:
    return {one.kind: one.count for one in benchmark.tolerated}


def test_hotpot_qa(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            **dict.fromkeys(("id", "question", "answer", "type", "level"), TEXT),
            "supporting_facts": datasets.Sequence({"title": TEXT, "sent_id": NUMBER}),
            "context": datasets.Sequence({"title": TEXT, "sentences": datasets.Sequence(TEXT)}),
        }
    )
    benchmark = loaded(tmp_path, [HOTPOT], features)
    assert benchmark.questions == (Question("5a8b57f2", HOTPOT["question"], "en", ("yes",)),)
    assert benchmark.documents[0] == Document(
        "5a8b57f2-0", "Ed Wood is a 1994 film. It is a comedy.", "Ed Wood (film)", "en"
    )
    assert [grade for *_, grade in grades(benchmark)] == [0, 1, 1]
    assert benchmark.card.description.startswith("one row a question, as in HotpotQA and 2WikiMultihopQA: context →")


@pytest.mark.parametrize("form", ["JSON texts", "objects of lists", "lists of objects"])
def test_two_wiki(form: str, tmp_path: Path) -> None:
    """As the authors have it (pairs, in some copies as JSON), with `content` for the sentences, and as objects."""
    titles, facts = HOTPOT["context"]["title"], HOTPOT["supporting_facts"]["title"]
    sentences = HOTPOT["context"]["sentences"]
    row = {"_id": "w1", "type": "comparison", "question": "Who?", "answer": "yes"}
    if form == "JSON texts":
        row["context"] = json.dumps([*zip(titles, sentences, strict=True)])
        row["supporting_facts"] = json.dumps([[title, 0] for title in facts])
    elif form == "objects of lists":
        row["context"] = {"title": titles, "content": sentences}
        row["supporting_facts"] = {"title": facts, "sent_id": [0, 0]}
    else:
        pairs = zip(titles, sentences, strict=True)
        row["context"] = [{"title": title, "sentences": lines} for title, lines in pairs]
        row["supporting_facts"] = [{"title": title, "sent_id": 0} for title in facts]
    benchmark = loaded(tmp_path, [row])
    assert [document.title for document in benchmark.documents] == titles
    assert grades(benchmark) == [("w1", "w1-0", 0), ("w1", "w1-1", 1), ("w1", "w1-2", 1)]
    assert benchmark.questions[0].references == ("yes",)


def test_ms_marco(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "answers": datasets.Sequence(TEXT),
            "passages": datasets.Sequence({"is_selected": NUMBER, "passage_text": TEXT, "url": TEXT}),
            "query": TEXT,
            "query_id": NUMBER,
            "query_type": TEXT,
            "wellFormedAnswers": datasets.Sequence(TEXT),
        }
    )
    benchmark = loaded(tmp_path, MS_MARCO, features)
    assert benchmark.questions == (
        Question("19699", "what is rba", "en", ("Results-Based Accountability is a way of thinking.",)),
        Question("19700", "who was it", "en", (), ("unanswerable",)),
    )
    assert grades(benchmark) == [("19699", "19699-0", 0), ("19699", "19699-1", 1), ("19700", "19700-0", 0)]
    assert counts(benchmark) == {"number as an id": 2, "passage without text": 1}


def test_musique(tmp_path: Path) -> None:
    benchmark = loaded(tmp_path, MUSIQUE)
    first, second = benchmark.questions
    assert (first.references, first.tags) == (("Corva", "the Corva valley"), ())
    assert (second.references, second.tags) == ((), ("unanswerable",))
    assert [grade for *_, grade in grades(benchmark)] == [1, 0, 0, 0]
    assert benchmark.documents[0].text == "Arlen lies in Corva."


def test_trivia_qa(tmp_path: Path) -> None:
    benchmark = loaded(tmp_path, [TRIVIA])
    assert benchmark.questions[0].references == ("Sinclair Lewis", "Harry Sinclair Lewis")
    assert [document.title for document in benchmark.documents] == ["Sinclair Lewis", "Nobel 1930"]
    assert benchmark.labels == ()
    assert counts(benchmark) == {"passage without text": 1}


def test_a_row_of_another_form_names_layout_and_remedy(tmp_path: Path) -> None:
    row = {**HOTPOT, "context": {"title": ["x"], "lines": [["y"]]}}
    with pytest.raises(BenchmarkError, match=r"\[0\]: found a row \(KeyError: 'content'\), expected one in the layout"):
        loaded(tmp_path, [row])
    with pytest.raises(BenchmarkError, match="or `columns` that say what is what"):
        loaded(tmp_path, [{**HOTPOT, "context": "{"}])


CHINESE = {
    "T2Retrieval": ("question", [{"qid": "0", "pid": "46", "score": 3}, {"qid": "0", "pid": "9", "score": 1}]),
    "DuRetrieval": (
        "question",
        [{"qid": "ec0a", "pid": "a7c1", "score": 1}, {"qid": "ec0a", "pid": "gone", "score": 1}],
    ),
    "CmedqaRetrieval": (
        "question",
        [{"qid": "10", "pid": "88", "score": 1.0}, {"qid": "10", "pid": "89", "score": 1.0}],
    ),
}
IRREGULAR = {
    "T2Retrieval": {},
    "DuRetrieval": {"label of an unknown document": 1},
    "CmedqaRetrieval": {"grade with a decimal point": 2, "document without text": 1, "label of an unknown document": 1},
}


@pytest.mark.parametrize("name", CHINESE)
@pytest.mark.parametrize("publisher", ["C-MTEB", "mteb"])
def test_chinese_sets(name: str, publisher: str, tmp_path: Path) -> None:
    """C-MTEB has corpus and queries as splits and the labels in a second dataset; mteb has configs in one."""
    _, labels = CHINESE[name]
    texts = {label["pid"]: f"文档{label['pid']}的内容。" for label in labels if label["pid"] != "gone"}
    if name == "CmedqaRetrieval":
        texts["89"] = ""
    corpus = [{"id": doc, "text": text} for doc, text in texts.items()]
    queries = [{"id": labels[0]["qid"], "text": "怎么回事？"}, {"id": "unasked", "text": "别的？"}]
    if publisher == "mteb":
        labels = [{"query-id": x["qid"], "corpus-id": x["pid"], "score": x["score"]} for x in labels]
        parts = {name: {"corpus": {"dev": corpus}, "queries": {"dev": queries}, "qrels": {"dev": labels}}}
    else:
        parts = {
            name: {"default": {"corpus": corpus, "queries": queries}},
            f"{name}-qrels": {"default": {"dev": labels}},
        }
    for folder, configs in parts.items():
        card: list[str] = ["---", "configs:"]
        for config, splits in configs.items():
            card += [f"- config_name: {config}", "  data_files:"]
            for split, rows in splits.items():
                path = tmp_path / folder / config / f"{split}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                datasets.Dataset.from_list(rows).to_parquet(path)
                card += [f"  - split: {split}", f"    path: {config}/{split}.parquet"]
        (tmp_path / folder / "README.md").write_text("\n".join([*card, "---", ""]), encoding="utf-8")
    benchmark = load(f"hf:{tmp_path / name}")
    assert [question.language for question in benchmark.questions] == ["zh"]
    assert len(benchmark.labels) == 2
    assert counts(benchmark) == IRREGULAR[name]
    with pytest.raises(BenchmarkError) if IRREGULAR[name] else pytest.MonkeyPatch.context():
        load(f"hf:{tmp_path / name}", strict=True)


LOG = {"question": "How high?", "answer": "2310 m", "contexts": ["Arlen is 2310 m high."]}


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        (
            {},
            "(contexts → documents? answer → references?), expected columns: {documents: contexts, references: answer}",
        ),
        ({"ground_truth": "2310 metres"}, "(contexts → documents?), expected columns: {documents: contexts}"),
    ],
)
def test_a_log_of_a_system_is_asked_about(more: dict[str, str], asked: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError) as caught:
        loaded(tmp_path, [{**LOG, **more}])
    (problem,) = caught.value.problems
    assert asked in problem
    assert "or score the system as a recorded run" in problem


def test_the_roles_are_told(tmp_path: Path, command_line: CommandLine) -> None:
    benchmark = loaded(tmp_path, [LOG], columns={"documents": "contexts", "references": "answer"})
    assert benchmark.questions[0].references == ("2310 m",)
    roles = (
        "one row a question: question → question, contexts → documents, answer → references; every document relevant"
    )
    assert benchmark.card.description == roles
    row = {"question": "How high?", "response": "a log's", "context": "Arlen.", "answer": "2310 m", "reference": "2310"}
    benchmark = loaded(tmp_path, [row])
    assert benchmark.questions[0].references == ("2310",)
    ended = command_line("check-benchmark", f"hf:{tmp_path / 'set.parquet'}")
    assert "context → documents, reference → references; every document relevant" in ended.out
