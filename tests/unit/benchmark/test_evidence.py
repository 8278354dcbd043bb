"""Evidence by quote and by part: in labels.tsv, beside the question, and in Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import from_records, load, statistics
from rageval.errors import BenchmarkError
from rageval.types import Benchmark, Document, Question, RelevanceLabel

CORVA = "Lake Corva is 61 metres deep. Its water is salty.\nLake Arlen is 12 metres deep. Its water is sweet."
DONGHU = "东湖最深处四十米，湖中盛产银鱼。\n东湖的水是\n淡水。"
DOCUMENTS = {"corva": CORVA, "donghu": DONGHU}


def write(folder: Path, labels: str | None, *questions: Mapping[str, Any]) -> Path:
    asked = questions or ({"id": "q1", "text": "How deep is Lake Corva?"},)
    (folder / "card.yaml").write_text("name: lakes\n", encoding="utf-8")
    for name, rows in (
        ("documents", [{"id": name, "text": text} for name, text in DOCUMENTS.items()]),
        ("questions", asked),
    ):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    if labels is not None:
        (folder / "labels.tsv").write_text(labels, encoding="utf-8", newline="")
    return folder


def asked(*evidence: Mapping[str, Any], name: str = "q1") -> dict[str, Any]:
    return {"id": name, "text": "How deep is Lake Corva?", "evidence": [*evidence]}


def problems_of(folder: Path) -> Sequence[str]:
    with pytest.raises(BenchmarkError) as caught:
        load(str(folder))
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def words(benchmark: Benchmark) -> list[str | None]:
    return [None if x.start is None else DOCUMENTS[x.doc_id][x.start : x.end] for x in benchmark.labels]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("quote", "61 metres"),
        ("part\tquote", "depth\t61 METRES"),
        ("quote\tend\tstart", "61  metres\t23\t14"),
        ("quote\tpart\tstart\tend", "\t\t14\t23"),
    ],
)
def test_columns_in_any_order(header: str, row: str, tmp_path: Path) -> None:
    table = f"question_id\tdocument_id\tgrade\t{header}\nq1\tcorva\t2\t{row}\n"
    part = "depth" if "depth" in row else ""
    assert load(str(write(tmp_path, table))).labels == (RelevanceLabel("q1", "corva", 2, 14, 23, part),)


def test_evidence_beside_the_question(tmp_path: Path) -> None:
    evidence = [
        {"doc_id": "corva", "quote": "Lake Corva is 61 metres deep", "grade": 2, "part": "depth"},
        {"doc_id": "donghu", "quote": "东湖的水是淡水", "part": 2},
        {"doc_id": "corva", "start": 36, "end": 48, "quote": "water is salty", "grade": 2},
    ]
    evidence[2] |= {"start": CORVA.index("water is salty"), "end": CORVA.index("water is salty") + 14}
    benchmark = load(str(write(tmp_path, None, asked(*evidence))))
    assert words(benchmark) == ["Lake Corva is 61 metres deep", "东湖的水是\n淡水", "water is salty"]
    assert [(label.grade, label.part) for label in benchmark.labels] == [(2, "depth"), (1, "2"), (2, "")]


def test_evidence_beside_a_table(tmp_path: Path) -> None:
    """It takes the grade of the table's row, which then says nothing more."""
    table = "question_id\tdocument_id\tgrade\nq1\tcorva\t3\nq1\tdonghu\t1\n"
    benchmark = load(str(write(tmp_path, table, asked({"doc_id": "corva", "quote": "61 metres"}))))
    assert benchmark.labels == (RelevanceLabel("q1", "donghu", 1), RelevanceLabel("q1", "corva", 3, 14, 23))


def test_a_table_and_evidence_that_disagree(tmp_path: Path) -> None:
    table = "question_id\tdocument_id\tgrade\nq1\tcorva\t3\n"
    folder = write(tmp_path, table, asked({"doc_id": "corva", "quote": "61 metres", "grade": 2}))
    assert problems_of(folder) == [
        (
            "questions.jsonl:1: evidence[0]: found grade 2 for question 'q1' and document 'corva', expected 3 as at "
            f"{folder}/labels.tsv:2"
        )
    ]


def test_evidence_makes_labels_required(tmp_path: Path) -> None:
    folder = write(tmp_path, None, asked({"doc_id": "corva", "quote": "61 metres"}), {"id": "q2", "text": "What?"})
    (problem,) = problems_of(folder)
    assert problem.startswith("questions.jsonl:2: found question 'q2' without a relevant document")


BAD_QUOTES = {
    "metres deep": "found the quote 'metres deep' twice in document 'corva' (17 to 28 and 67 to 78), expected it "
    "once: quote more words, or give start and end too",
    "Lake Corva is 16 metres deep": "found no 'Lake Corva is 16 metres deep' in document 'corva', expected words of "
    "its text; the nearest text is 'Lake Corva is 61 metres deep' (0 to 28)",
    "XYZ": "found no 'XYZ' in document 'corva', expected words of its text; nothing there is like it",
}


@pytest.mark.parametrize("quote", BAD_QUOTES)
def test_a_quote_that_is_not_there_once(quote: str, tmp_path: Path) -> None:
    table = f"question_id\tdocument_id\tgrade\tquote\nq1\tcorva\t2\t{quote}\n"
    assert problems_of(write(tmp_path, table)) == [f"labels.tsv:2: {BAD_QUOTES[quote]}"]
    (tmp_path / "labels.tsv").unlink()
    folder = write(tmp_path, None, asked({"doc_id": "corva", "quote": quote}))
    assert problems_of(folder) == [f"questions.jsonl:1: evidence[0]: {BAD_QUOTES[quote]}"]


def test_quote_and_span_must_agree(tmp_path: Path) -> None:
    table = "question_id\tdocument_id\tgrade\tstart\tend\tquote\nq1\tcorva\t2\t0\t10\t61 metres\n"
    assert problems_of(write(tmp_path, table)) == [
        (
            "labels.tsv:2: found 'Lake Corva' at 0 to 10 of document 'corva', expected the quote '61 metres' (the "
            "quote stands at 14 to 23): correct either, or leave start and end out"
        )
    ]


def test_a_span_tells_apart_what_is_there_twice(tmp_path: Path) -> None:
    start = CORVA.rindex("metres deep")
    table = f"question_id\tdocument_id\tgrade\tstart\tend\tquote\nq1\tcorva\t2\t{start}\t{start + 11}\tmetres deep\n"
    assert load(str(write(tmp_path, table))).labels == (RelevanceLabel("q1", "corva", 2, start, start + 11),)


ITEM_KEYS = "expected doc_id, quote, start, end, grade, part"
BAD_EVIDENCE: dict[str, tuple[Any, str]] = {
    "no list": ({"doc_id": "corva"}, "found an object for 'evidence', expected a list of objects"),
    "no object": (["61"], "evidence[0]: found a text, expected an object with the keys doc_id, quote, start, end,"),
    "unknown key": ([{"doc": "corva", "quote": "61"}], f"evidence[0]: found the unknown key 'doc', {ITEM_KEYS}"),
    "nothing": ([{"doc_id": "corva"}], "evidence[0]: found neither a quote nor start and end, expected one of them"),
    "empty quote": ([{"doc_id": "corva", "quote": " "}], "evidence[0]: found an empty 'quote', expected words of"),
    "no text": ([{"doc_id": "corva", "quote": 61}], "evidence[0]: found a number for 'quote', expected a text"),
    "half a span": ([{"doc_id": "corva", "start": 3}], "evidence[0]: found half a span (start '3', end ''), expected"),
    "a broken span": ([{"doc_id": "corva", "start": 1.5, "end": 3}], "evidence[0]: found the span '1.5' to '3', exp"),
    "outside": ([{"doc_id": "corva", "start": 3, "end": 900}], "evidence[0]: found the span 3 to 900, expected 0 <="),
    "a broken grade": ([{"doc_id": "corva", "quote": "61", "grade": 1.5}], "evidence[0]: found the grade '1.5', exp"),
    "a null grade": ([{"doc_id": "corva", "quote": "61", "grade": None}], "evidence[0]: found the grade 'None', exp"),
    "white part": ([{"doc_id": "corva", "quote": "61", "part": "a b"}], "evidence[0]: found the part 'a b', expected"),
    "no part": ([{"doc_id": "corva", "quote": "61", "part": True}], "evidence[0]: found true or false for 'part', e"),
    "unknown document": ([{"doc_id": "d9", "quote": "61"}], "evidence[0]: found the unknown document 'd9', expected"),
    "twice": (
        [{"doc_id": "corva", "quote": "61"}] * 2,
        "evidence[1]: found question 'q1' and document 'corva' labelled",
    ),
}


@pytest.mark.parametrize("name", BAD_EVIDENCE)
def test_bad_evidence_is_one_problem(name: str, tmp_path: Path) -> None:
    value, problem = BAD_EVIDENCE[name]
    (found,) = problems_of(write(tmp_path, None, {"id": "q1", "text": "How deep?", "evidence": value}))
    assert found.startswith(f"questions.jsonl:1: {problem}")
    assert ", expected " in found


def test_a_part_needs_a_span(tmp_path: Path) -> None:
    table = "question_id\tdocument_id\tgrade\tpart\nq1\tcorva\t2\ta\n"
    assert problems_of(write(tmp_path, table)) == [
        "labels.tsv:2: found the part 'a' of a label without a span, expected start and end or a quote, or no part"
    ]


def test_parts_in_python_and_a_span_in_two_parts() -> None:
    documents, questions = [Document("corva", CORVA)], [Question("q1", "How deep?")]
    labels = [RelevanceLabel("q1", "corva", 1, 14, 23, part) for part in ("a", "b")]
    benchmark = from_records("lakes", documents, questions, labels)
    assert benchmark.labels == tuple(labels)
    with pytest.raises(BenchmarkError, match=r"labels\[1\]: found question 'q1' and document 'corva' labelled again"):
        from_records("lakes", documents, questions, [labels[0], labels[0]])
    with pytest.raises(BenchmarkError, match=r"labels\[0\]: found the part 'a b', expected a name without white"):
        from_records("lakes", documents, questions, [RelevanceLabel("q1", "corva", 1, 14, 23, "a b")])


def test_the_handbook_has_parts() -> None:
    """Both hops of every multi-hop question are needed; what English and Chinese counterparts say is one part."""
    benchmark = load("handbook")
    spans = [label for label in benchmark.labels if label.start is not None]
    parts = {question.id: {x.part for x in spans if x.question_id == question.id} for question in benchmark.questions}
    two = {question.id for question in benchmark.questions if "multi-hop" in question.tags} | {"zh-b-11"}
    for question in benchmark.questions:
        assert parts[question.id] == ({"1", "2"} if question.id in two else {"1"} if question.answerable else set())
    topics = {(x.question_id, x.doc_id[3:], x.part) for x in spans if x.question_id != "zh-b-11"}
    assert len(topics) == len({(question, topic) for question, topic, _ in topics})
    figures = statistics(benchmark)
    assert (figures.spans, figures.parts) == (220, 112 + 33)
