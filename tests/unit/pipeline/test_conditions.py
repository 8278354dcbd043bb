"""Conditions on the metadata of documents."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.pipeline.conditions import Condition, read_conditions, values_of
from rageval.types import Document, Question

DOCUMENT = Document(
    "d",
    "text",
    language="zh",
    metadata={
        "year": 2021,
        "date": "2021-03-14",
        "kind": "Guide",
        "tags": ["a", "湖"],
        "score": 0.5,
        "x": None,
        "ok": True,
    },
)


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"year": 2021}, True),
        ({"year": "2021"}, True),
        ({"year": 2021.0}, True),
        ({"year": 2020}, False),
        ({"year": [2020, 2021]}, True),
        ({"year": {"from": 2021}}, True),
        ({"year": {"from": 2000, "to": 2020}}, False),
        ({"year": {"from": "2000", "to": "2021"}}, True),
        ({"score": {"from": 0.25, "to": 10}}, True),
        ({"date": {"from": date(2021, 3, 14)}}, True),
        ({"date": {"from": 2021, "to": 2021}}, True),
        ({"date": {"to": "2021-03"}}, True),
        ({"date": {"to": "2021-02"}}, False),
        ({"date": {"from": "2021-04"}}, False),
        ({"date": 2021}, False),
        ({"kind": " guide"}, True),
        ({"kind": ["map", "chart"]}, False),
        ({"tags": "湖"}, True),
        ({"tags": ["b", "A"]}, True),
        ({"language": "zh"}, True),
        ({"language": "en"}, False),
        ({"x": "none"}, False),
        ({"gone": {"from": 0}}, False),
    ],
)
def test_what_holds(given: dict[str, Any], holds: bool) -> None:
    (condition,) = read_conditions(given)
    assert condition.holds(DOCUMENT) is holds


def test_templates_take_what_the_question_has() -> None:
    question = Question("q", "Which?", "en", metadata={"year": 2021, "list": [1]})
    own, year, gone, odd = read_conditions(
        {
            "language": "{question.language}",
            "year": {"to": "{question.metadata.year}"},
            "kind": ["{question.metadata.kind}"],
            "x": "{question.metadata.list}",
        }
    )
    assert own.of(question) == Condition("language", ("en",))
    assert year.of(question) == Condition("year", most=2021)
    assert gone.of(question) is None
    assert odd.of(question) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"a": None}, r"where\.a: found None, expected a text"),
        ({"a": []}, r"where\.a: found no value"),
        ({"a": {}}, r"where\.a: found \{\}, expected from and to"),
        ({"a": {"form": 1}}, r"where\.a: found .*, expected from and to, one or both"),
        ({"a": {"from": [1]}}, r"where\.a\.from: found \[1\]"),
        ({"a": "{question.title}"}, r"where\.a: found '\{question\.title\}', expected a text without braces"),
    ],
)
def test_what_is_no_condition(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        read_conditions(given)


def test_in_words() -> None:
    assert [*map(str, read_conditions({"a": [1, "b"], "c": {"from": 1, "to": 2}, "d": {"to": 3}}))] == [
        "a = 1 or b",
        "c >= 1 and <= 2",
        "d <= 3",
    ]
    assert values_of(DOCUMENT, "x") == ()
