"""Metrics of the user's own: a number within the declared range becomes a score, all else is unscored with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.metrics.custom import CustomMetric, check_custom_metric, score_custom
from rageval.types import Failure, Hit, Passage, Question, Response, Score, Unscored

ASKED = Question("q", "How deep is the lake?", references=("40 m",))
ANSWERED = Response((Hit(Passage("a", 0, 1, "x"), 1.0),), "It is 40 m deep.", (0,))
FAILURE = Failure("ExecutionError", "timed out")
GRADES = {"a": 2, "b": 0}


class Words(CustomMetric):
    """Words of the answer: best none, worst ten.

    More of this is for programmers.
    """

    name = "metric.words"
    worst, best = 10, 0

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float:
        return len((response.answer or "").split())


class Returns(CustomMetric):
    """Whatever it was told to return."""

    name = "metric.returns"

    def __init__(self, make: Callable[[], Any], **declared: Any) -> None:
        self.make = make
        for name, value in declared.items():
            setattr(self, name, value)

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> Any:
        return self.make()


class SeesAll(CustomMetric):
    """The grade of the first hit's document / 2."""

    name = "metric.first_grade"
    best = 2

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float:
        assert question is ASKED
        return grades.get(response.hits[0].passage.doc_id, 0)


def score(metric: CustomMetric, outcome: Response | Failure = ANSWERED) -> Score | Unscored:
    return score_custom(metric, ASKED, outcome, GRADES)


def fails() -> float:
    raise KeyError("no such\nthing")


def test_a_number_is_placed_between_worst_and_best() -> None:
    """Five words, of ten at worst: half way. Grade 2 of 2 is the best."""
    assert score(Words()) == Score(0.5)
    assert score(SeesAll()) == Score(1.0)
    assert Words().summary == "Words of the answer: best none, worst ten."


@pytest.mark.parametrize(
    ("worst", "best", "number", "expected"),
    [
        (0, 1, 0.25, 0.25),
        (0, 1, True, 1.0),
        (0, 1, np.float32(0.5), 0.5),
        (0, 1, Decimal("0.5"), 0.5),
        (0, 1, Fraction(1, 4), 0.25),
        (1, 0, 0.25, 0.75),
        (-1, 1, -1, 0.0),
        (-1, 1, 0, 0.5),
        (200, 0, 50, 0.75),
        (0, 1, 1 + 1e-12, 1.0),
        (0, 1, -1e-12, 0.0),
    ],
)
def test_every_range_and_kind_of_number(worst: float, best: float, number: Any, expected: float) -> None:
    assert score(Returns(lambda: number, worst=worst, best=best)) == Score(expected)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fails, "KeyError: 'no such\\nthing'"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: math.nan, "found nan, expected a number from 0 to 1, or Unscored"),
        (lambda: math.inf, "found inf, expected a number from 0 to 1, or Unscored"),
        (lambda: 1.5, "found 1.5, expected a number from 0 to 1, or Unscored"),
        (lambda: -0.1, "found -0.1, expected a number from 0 to 1, or Unscored"),
        (lambda: None, "found None, expected a number from 0 to 1, or Unscored"),
        (lambda: "0.5", "found '0.5', expected a number from 0 to 1, or Unscored"),
        (lambda: Score(0.5), "found Score(value=0.5, failed=False), expected a number from 0 to 1, or Unscored"),
        (lambda: Unscored("too short"), "too short"),
        (lambda: Unscored(""), "no reason was given"),
    ],
)
def test_what_is_no_score_has_a_reason(make: Callable[[], Any], reason: str) -> None:
    assert score(Returns(make)) == Unscored(reason)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats()) | st.binary())
def test_whatever_is_returned_is_a_score_within_bounds_or_a_reason(value: object) -> None:
    found = score(Returns(lambda: value))
    assert isinstance(found, Unscored) or 0.0 <= found.value <= 1.0
    assert isinstance(found, Score) or (found.reason and "\n" not in found.reason)


def test_an_exception_with_a_huge_message_is_cut() -> None:
    def shout() -> float:
        raise ValueError("x" * 10_000)

    found = score(Returns(shout))
    assert isinstance(found, Unscored)
    assert len(found.reason) == 300


def test_a_failure_scores_the_worst_unless_the_question_is_out_of_reach() -> None:
    assert score(Words(), FAILURE) == Score(0.0, failed=True)
    bare = Question("q", "Why?")
    needs_reference, needs_labels = Returns(lambda: 1, needs_reference=True), Returns(lambda: 1, needs_labels=True)
    for outcome in (ANSWERED, FAILURE):
        assert score_custom(needs_reference, bare, outcome, GRADES) == Unscored("the question has no reference answer")
        assert score_custom(needs_labels, bare, outcome, {}) == Unscored("the question has no relevance labels")
    assert score_custom(needs_labels, bare, ANSWERED, GRADES) == Score(1.0)


def test_without_an_answer_only_metrics_that_read_none_have_a_score() -> None:
    unanswered = Response(ANSWERED.hits, None, (0,))
    assert score(Returns(lambda: 1), unanswered) == Unscored("no answer was generated")
    assert score(Returns(lambda: 1, reads_answers=False), unanswered) == Score(1.0)


class Late(CustomMetric):
    """Not arithmetic."""

    name = "metric.late"

    async def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float:  # type: ignore[override]
        return 1.0


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        (
            Returns(int, name="words"),
            "found 'words' as the name of a Returns, expected metric. with lower-case letters",
        ),
        (Returns(int, name="metric.Words"), "found 'metric.Words' as the name"),
        (Returns(int, name="custom.words"), "found 'custom.words' as the name"),
        (Returns(int, name=None), "found None as the name"),
        (Returns(int, worst=1, best=1), "metric.returns: found worst 1 and best 1, expected two finite numbers that"),
        (Returns(int, worst=0, best=math.inf), "found worst 0 and best inf"),
        (Returns(int, worst="0"), "found worst '0' and best 1.0"),
        (Late(), "metric.late: found `async def score`, expected a plain `def score`"),
    ],
)
def test_a_wrong_declaration_is_refused_in_one_line(metric: CustomMetric, problem: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        check_custom_metric(metric, "metrics")
    assert str(caught.value).startswith("metrics: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_name_says_what_kind_of_metric_it_is() -> None:
    metric = parse("metric.words")
    assert (str(metric), metric.kind, metric.worst, metric.lower_is_better) == ("metric.words", "custom", 0.0, False)
    for text in ("metric.", "metric.Words", "metric.7", "metric.words@3", "metric.words\n", "metric.words:strong"):
        with pytest.raises(DeclarationError):
            parse(text)
