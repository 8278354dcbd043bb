from __future__ import annotations

import hashlib

import pytest

from rageval.errors import LabelFileError
from rageval.people.items import read_items
from rageval.types import Passage, Question
from tests.unit.people.conftest import WriteItems

GOOD = {"id": "a", "question": "How deep?", "context": ["It is deep.", "61 m."], "answer": "61 m", "label": 1}


def test_an_item_is_a_question_and_a_response_that_read_every_passage(write_items: WriteItems) -> None:
    path = write_items(
        {**GOOD, "reference": "61 metres", "annotator": "li"},
        {**GOOD, "id": "b", "question": "东湖有多深？", "context": [], "answer": "", "label": False},
        {**GOOD, "id": "c", "reference": ["61", "62"], "language": "zh", "label": 1.0},
        {**GOOD, "id": "d", "reference": None, "language": None, "label": True},
    )
    file = read_items(path)
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
        read_items(path)
    assert raised.value.problems == (
        f"{path}:1: found 'It is deep.' for context, expected a list of texts that are not empty",
        f"{path}:1: found '1' for label, expected 0 or 1",
        f"{path}:4: found bad JSON (Expecting value at column 1), expected one JSON object a line",
        f"{path}:5: found the id 'a' again, expected it only at {path}:2",
    )
