"""Grades of documents: order, marks, kills, and rows of labels.tsv as the sheet of `rageval label-next` gives them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.people.document_labelling import (
    DocumentLabelling,
    DocumentQueue,
    add_to_labels,
    pool_documents,
    store_queue,
    stored_queues,
)
from tests.conftest import CommandLine
from tests.flow.document_run import DOCUMENTS, QUESTIONS, make_document_run

PAGE = (Path(__file__).parents[3] / "docs" / "relevance_labels.md").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> RunFolder:
    """A run that retrieved all three documents for both questions, over a benchmark with one label."""
    monkeypatch.chdir(tmp_path)
    return make_document_run(tmp_path, command_line)


def labelling_of(run: RunFolder, *pairs: tuple[str, str], top: int = 2) -> DocumentLabelling:
    documents = {document.id: document for document in load("benchmark").documents}
    return DocumentLabelling(run, DocumentQueue("ndcg@10", top, pairs), documents)


def mark(doc: str, words: str, nth: int = 0) -> dict[str, object]:
    start = [found.start() for found in re.finditer(re.escape(words), DOCUMENTS[doc])][nth]
    return {"doc_id": doc, "start": start, "end": start + len(words)}


def test_the_order_and_what_is_stored(run: RunFolder) -> None:
    labelling = labelling_of(run, ("q1", "corva"), ("q2", "donghu"))
    item = labelling.item("ann", 0)
    assert (item["question"], item["answer"], item["kind"], item["top"]) == (QUESTIONS["q1"], None, "grade", 2)
    assert item["passages"][0]["text"] == DOCUMENTS["corva"]
    with pytest.raises(DeclarationError, match="number: found 1, expected 0 to 0"):
        labelling.item("ann", 1)
    labelling.decide("ann", 0, {"label": None, "comment": "hm"})
    assert labelling.state("ann")["position"] == 0
    labelling.decide("ann", 0, {"label": "?"})
    labelling.decide("ann", 0, {"label": 2, "evidence": [mark("corva", "61 metres")]})
    assert labelling.item("ann", 1)["decision"] is None
    again = labelling_of(run, ("q1", "corva"), ("q2", "donghu"))
    assert [one["label"] for one in again.state("ann")["labels"]] == [2]
    assert again.state("ben")["position"] == 0


@pytest.mark.parametrize(
    "given",
    [
        {"label": 3},
        {"label": -1},
        {"label": 1.0},
        {"label": True},
        {"label": "yes"},
        {"label": 1, "evidence": [{"doc_id": "donghu", "start": 0, "end": 1}]},
        {"label": 1, "evidence": [{"doc_id": "corva", "start": 5, "end": 5}]},
        {"label": 1, "evidence": [{"doc_id": "corva", "start": 0, "end": 999}]},
    ],
    ids=str,
)
def test_what_is_refused(run: RunFolder, given: dict[str, object]) -> None:
    with pytest.raises(DeclarationError, match="found"):
        labelling_of(run, ("q1", "corva")).decide("ann", 0, given)
    assert not (run.path / "labelling").exists()


def test_the_labels_are_to_the_byte_those_of_the_sheet(run: RunFolder, command_line: CommandLine) -> None:
    """The page of docs/relevance_labels.md adds a filled-in sheet to labels.tsv."""
    table = Path("benchmark/labels.tsv")
    before = table.read_bytes()
    assert command_line("label-next", run.path, "--metric", "ndcg@10", "-o", "next.csv").code == 0
    with Path("next.csv").open(encoding="utf-8-sig", newline="") as sheet:
        columns, *rows = csv.reader(sheet)
    pairs = [(row[columns.index("question_id")], row[columns.index("document_id")]) for row in rows]
    assert len(pairs) == 4
    grades = {
        ("q1", "corva"): ("2", "61 metres deep"),
        ("q2", "donghu"): ("1", "东湖的水是淡水"),
        ("q1", "donghu"): ("0", ""),
    }
    for row, pair in zip(rows, pairs, strict=True):
        row[columns.index("grade")], row[columns.index("quote")] = grades.get(pair, ("", ""))
    with Path("next.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
        csv.writer(sheet).writerows([columns, *rows])
    (code,) = re.findall(r"^```python\n(import csv.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    exec(code, {})
    by_sheet = table.read_bytes()

    table.write_bytes(before)
    labelling = labelling_of(run, *pairs)
    for number, pair in enumerate(pairs):
        grade, quote = grades.get(pair, ("?", ""))
        evidence = [mark(pair[1], quote)] if quote else []
        labelling.decide("ann", number, {"label": "?" if grade == "?" else int(grade), "evidence": evidence})
    assert add_to_labels(labelling.rows("ann"), table) == 3
    assert table.read_bytes() == by_sheet
    assert add_to_labels(labelling.rows("ann"), table) == 0
    assert table.read_bytes() == by_sheet
    found = {(one.question_id, one.doc_id): one for one in load("benchmark").labels}
    label = found["q1", "corva"]
    assert DOCUMENTS["corva"][label.start : label.end] == "61 metres deep"


def test_words_that_stand_twice_have_offsets(run: RunFolder) -> None:
    labelling = labelling_of(run, ("q2", "donghu"))
    twice, once = mark("donghu", "东湖的水", 1), mark("donghu", "很清")
    labelling.decide("ann", 0, {"label": 1, "evidence": [twice, once]})
    base = {"question_id": "q2", "document_id": "donghu", "grade": "1"}
    assert labelling.rows("ann") == [
        {**base, "start": str(twice["start"]), "end": str(twice["end"])},
        {**base, "quote": "很清"},
    ]
    table = Path("benchmark/labels.tsv")
    add_to_labels(labelling.rows("ann"), table)
    spans = [(one.start, one.end) for one in load("benchmark").labels if one.doc_id == "donghu"]
    assert spans == [(twice["start"], twice["end"]), (once["start"], once["end"])]
    table.write_text("question_id\tdocument_id\tgrade\nq1\thills\t0\n", "utf-8")
    with pytest.raises(DeclarationError, match="found no column end, quote, start, expected one for marked evidence"):
        add_to_labels(labelling.rows("ann"), table)
    assert table.read_text("utf-8").count("\n") == 2


def test_the_first_documents_of_each_question(run: RunFolder) -> None:
    """For a benchmark without labels: those that have none, question by question."""
    queue = pool_documents(run, 2)
    assert sorted(queue.pairs) == [("q1", "corva"), ("q1", "donghu"), ("q2", "corva"), ("q2", "donghu")]
    assert [doc for _, doc in queue.pairs] == ["corva", "donghu"] * 2
    assert (queue.about, queue.top) == ("pool@2", 1)
    store_queue(run, queue)
    assert stored_queues(run) == [queue]
    with pytest.raises(DeclarationError, match="depth: found 0"):
        pool_documents(run, 0)
