from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rageval.errors import LabelFileError
from rageval.judges import JUDGES, CustomJudge, Judged
from rageval.models.base import ChatModel
from rageval.people.items import read_items
from rageval.people.sampling import draw_sample
from rageval.people.sheet import write_sheet
from rageval.types import Hit, Passage, Question, Response
from tests.flow.judged_run import JudgedRun, fill, read_sheet
from tests.flow.judged_run import write_sheet as write_rows
from tests.unit.people.conftest import WriteItems

GOOD = {"id": "a", "question": "How deep?", "context": ["It is deep.", "61 m."], "answer": "61 m", "label": 1}


def test_an_item_is_a_question_and_a_response_that_read_every_passage(write_items: WriteItems) -> None:
    path = write_items(
        {**GOOD, "reference": "61 metres", "annotator": "li"},
        {**GOOD, "id": "b", "question": "东湖有多深？", "context": [], "answer": "", "label": False},
        {**GOOD, "id": "c", "reference": ["61", "62"], "language": "zh", "label": 1.0},
        {**GOOD, "id": "d", "reference": None, "language": None, "label": True},
    )
    file = read_items(path, JUDGES["claim_support"])
    assert (file.name, file.sha256) == ("labels.jsonl", hashlib.sha256(path.read_bytes()).hexdigest())
    first, second, third, fourth = file.items
    assert first.question == Question("a", "How deep?", "en", ("61 metres",))
    assert first.response.context_passages == (
        Passage("a/1", 0, 11, "It is deep."),
        Passage("a/2", 0, 5, "61 m."),
    )
    assert (first.response.answer, first.response.abstained) == ("61 m", False)
    assert (second.question.language, second.response.hits, second.response.answer) == ("zh", (), "")
    assert (third.question.language, third.question.references) == ("zh", ("61", "62"))
    assert (fourth.question.language, fourth.question.references) == ("en", ())
    assert [(item.id, item.label) for item in file.items] == [("a", 1), ("b", 0), ("c", 1), ("d", 1)]
    assert {type(item.label) for item in file.items} == {int}


def test_every_problem_is_told_with_its_line(write_items: WriteItems) -> None:
    path = write_items({**GOOD, "label": "1", "context": "It is deep."}, GOOD, "", "id: b", GOOD)
    with pytest.raises(LabelFileError) as raised:
        read_items(path, JUDGES["claim_support"])
    assert raised.value.problems == (
        f"{path}:1: found 'It is deep.' for context, expected a list of texts that are not empty",
        f"{path}:1: found '1' for label, expected 0 or 1",
        f"{path}:4: found bad JSON (Expecting value at column 1), expected one JSON object a line",
        f"{path}:5: found the id 'a' again, expected it only at {path}:2",
    )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"id,question,label\n", "(items of your own are JSON Lines: .jsonl)"),
        ("a.csv", b"run;question_id;label\n", "found columns separated by semicolons, expected commas"),
        ("a.jsonl", b"id;question;label\n", "found a table (columns separated by semicolons), expected JSON Lines"),
        ("a.xlsx", b"PK\x03\x04\x14", "found a spreadsheet (.xlsx), expected JSON Lines (.jsonl)"),
    ],
)
def test_a_sheet_where_items_are_wanted(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelFileError) as raised:
        read_items(tmp_path / name, JUDGES["claim_support"])
    (problem,) = raised.value.problems
    assert told in problem


TRICKY = ["One.\n\nStill the first.", "[1] looks like a number.", "A list:\n\n[9] far off", "last"]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_passages_of_a_sheet_come_back_whole(ending: str, run: JudgedRun, tmp_path: Path) -> None:
    """Blank lines and numbers of their own included; what a title was is the beginning of its passage."""
    hits = tuple(Hit(Passage("d", 0, len(text), text, "Title" if text == "last" else ""), 1.0) for text in TRICKY)
    run.folder.add_outcome("q005", Response(hits, "An answer.", (3, 0, 1, 2)))
    sample = draw_sample(run.folder, run.name, 37)
    sheet = tmp_path / f"sheet.{ending}"
    write_sheet(run.folder, sample, sheet)
    fill(sheet, lambda question: 1)
    (item,) = [item for item in read_items(sheet, JUDGES["answer_relevance"]).items if item.id == "q005"]
    assert [passage.text for passage in item.response.context_passages] == ["Title: last", *TRICKY[:3]]
    assert (item.question.references, item.question.language, item.human.annotator) == (("50",), "en", "ann")


def test_labels_of_ones_own_judge(tmp_path: Path, run: JudgedRun) -> None:
    """Of the judge's own metric, each 0 or 1; a number between is no label for a judge that says yes or no."""

    class Short(CustomJudge):
        name = "custom.short"

        async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
            return Judged()

    sheet = tmp_path / "sheet.jsonl"
    write_sheet(run.folder, draw_sample(run.folder, run.name, 37), sheet)
    fill(sheet, lambda question: 1)
    rows = [{**row, "metric": "custom.short"} for row in read_sheet(sheet)]
    write_rows(sheet, rows)
    assert {item.label for item in read_items(sheet, Short()).items} == {1}
    write_rows(sheet, [{**rows[0], "label": 0.5}, *rows[1:]])
    with pytest.raises(LabelFileError, match=r"found 0\.5 for label, expected 0 or 1"):
        read_items(sheet, Short())
    with pytest.raises(
        LabelFileError, match=r"found labels of custom\.short, judged by custom\.short, for the judge cl"
    ):
        read_items(sheet, JUDGES["claim_support"])
