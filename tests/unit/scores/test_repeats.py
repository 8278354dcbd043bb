"""Pooling several answers to each question."""

from __future__ import annotations

import numpy as np

from rageval.metrics import parse
from rageval.scores.repeats import answers_by_question, first_answers, pool_repeats
from rageval.scores.scoring import scores_to_json
from rageval.types import Score, Unscored

METRIC = parse("faithfulness")
FIRST = {METRIC: {"a": Score(1.0), "b": Unscored("abstained"), "c": Score(0.0, failed=True), "d": Unscored("silent")}}
SECOND = {METRIC: {"a": Score(0.0, failed=True), "b": Score(0.5), "c": Score(0.0, failed=True), "d": Unscored("late")}}


def test_pooled() -> None:
    assert pool_repeats([FIRST]) is FIRST
    pooled = pool_repeats([FIRST, SECOND])[METRIC]
    assert pooled == {"a": Score(0.5), "b": Score(0.5), "c": Score(0.0, failed=True), "d": Unscored("silent")}


def test_equal_scores_have_exactly_that_mean() -> None:
    ones = {METRIC: {"a": Score(0.1)}}
    assert pool_repeats([ones] * 3)[METRIC]["a"] == Score(0.1)


def test_as_json_and_back() -> None:
    part = scores_to_json(pool_repeats([FIRST, SECOND]), {}, [FIRST, SECOND])["faithfulness"]
    assert isinstance(part, dict)
    assert part["repeats"] == [
        {"questions": {"a": 1.0, "c": 0.0}, "failed": ["c"], "unscored": {"b": "abstained", "d": "silent"}},
        {"questions": {"a": 0.0, "b": 0.5, "c": 0.0}, "failed": ["a", "c"], "unscored": {"d": "late"}},
    ]
    assert first_answers(part)["questions"] == {"a": 1.0, "c": 0.0}
    questions, table = answers_by_question(part)
    assert questions == ("a", "b", "c")
    np.testing.assert_array_equal(table, [[1.0, 0.0], [np.nan, 0.5], [0.0, 0.0]])


def test_without_repeats() -> None:
    part = scores_to_json(FIRST, {}, [FIRST])["faithfulness"]
    assert isinstance(part, dict)
    assert "repeats" not in part
    assert first_answers(part) is part
    assert answers_by_question(part)[1].tolist() == [[1.0], [0.0]]
