"""Sufficient context crossed with what became of the answers: counts by hand."""

from __future__ import annotations

import pytest

from rageval.decide.context_table import Became, context_table


def scores(enough: dict[str, float], failed: list[str] | None = None) -> dict[str, object]:
    return {"token_f1": {}, "sufficient_context": {"questions": enough, "failed": failed or [], "unscored": {}}}


def test_counts_and_shares_by_hand() -> None:
    became: dict[str, Became | None] = {
        "a": "right", "b": "right", "c": "wrong", "d": "refused", "e": "wrong", "f": None, "g": "right", "h": "right",
    }  # fmt: skip
    enough = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0, "e": 0.0, "f": 1.0, "h": 1.0}  # g has no verdict
    found = context_table(scores(enough), became)
    assert found is not None
    assert [(row.name, row.questions, row.counts) for row in found.rows] == [
        ("sufficient", 4, (3, 1, 0)),
        ("not sufficient", 2, (0, 1, 1)),
    ]
    assert found.unknown == 2
    assert [share.point for share in found.rows[0].shares] == [0.75, 0.25, 0.0]
    low = found.rows[1].shares[0]
    # Clopper and Pearson, 0 of 2, at 1 - 0.05 / 2 / 3 two-sided: 1 - (0.05 / 12) ** (1 / 2)
    assert (low.low, low.high) == pytest.approx((0.0, 1 - (0.05 / 12) ** 0.5))


def test_failed_questions_and_empty_rows_are_left_out() -> None:
    found = context_table(scores({"a": 1.0, "b": 0.0}, failed=["b"]), {"a": "refused", "b": "wrong"})
    assert found is not None
    assert [(row.name, row.counts) for row in found.rows] == [("sufficient", (0, 0, 1))]
    assert found.unknown == 1
    assert found.to_json()["unknown"] == 1


def test_without_the_metric_there_is_no_table() -> None:
    assert context_table({"token_f1": {"questions": {}}}, {"a": "right"}) is None


def test_another_judge_of_the_run_will_do() -> None:
    of_other = {"sufficient_context:strong": {"questions": {"a": 1.0}, "failed": [], "unscored": {}}}
    found = context_table(of_other, {"a": "right"})
    assert found is not None
    assert found.metric == "sufficient_context:strong"
