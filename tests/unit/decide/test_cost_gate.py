"""Gates of cost and latency, over runs with chosen costs and latencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rageval.decide.comparison import compare
from rageval.decide.cost_gate import CostGate, refuse_cost_margins
from rageval.decide.gate import gate
from rageval.errors import DeclarationError, NotComparableError
from rageval.report import gate as report
from rageval.report.money import comparison_lines
from rageval.scores.run_scores import RunScores
from rageval.scores.spent import Spending
from tests.unit.sides import ids, side


def spent(costs: Sequence[float] = (), latencies: Sequence[float] = (), **changes: Any) -> RunScores:
    n = max(len(costs), len(latencies)) + len(changes.get("failed", ())) + len(changes.get("cached", ()))
    spending = Spending(dict(zip(ids(n), costs, strict=False)), dict(zip(ids(n), latencies, strict=False)), **changes)
    return side({"map": [0.5] * n}, spending=spending)


def only(baseline: RunScores, candidate: RunScores, name: str, margin: float | str) -> CostGate:
    (one,) = gate(baseline, candidate, {name: margin}).costs.values()
    return one


def test_equal_costs_pass_where_an_unseen_dearest_question_would_not_break_the_margin() -> None:
    """All questions cost 1: the unseen one adds 1 with a Gamma(1) weight, so P(pass) is that of a mean of
    Beta(1, n) below the margin: (1 - 0.1)**n is 0.015 at 40 and 0.12 at 20.
    """
    assert only(spent([1.0] * 40), spent([1.0] * 40), "cost", 0.1).p_pass == pytest.approx(0.9**40, abs=0.006)
    assert only(spent([1.0] * 40), spent([1.0] * 40), "cost", "+0.1").verdict == "pass"
    few = only(spent([1.0] * 20), spent([1.0] * 20), "cost", "+0.1")
    assert few.verdict == "inconclusive"
    assert few.more_questions is not None
    assert 8 <= few.more_questions <= 20


def test_a_relative_margin_of_cost() -> None:
    """1.05 against 1 has 0.05 to spare of a range of about 1.1: 200 questions are enough for +10%, 20 are not."""
    passed = only(spent([1.0] * 200), spent([1.05] * 200), "cost", "+10%")
    assert passed.verdict == "pass"
    assert passed.high is not None
    assert 0.05 < passed.high < 0.1
    assert passed.sentence.startswith("cost passes: not above the baseline by more than +10%, from 1 to 1.05, +5% [")
    assert only(spent([1.0] * 20), spent([1.05] * 20), "cost", "+10%").verdict == "inconclusive"
    failed = only(spent([1.0] * 100), spent([1.5] * 100), "cost", "+10%")
    assert failed.verdict == "fail"
    assert failed.low is not None
    assert 0.1 <= failed.low < 0.5


def test_costs_that_are_not_known_are_no_verdict() -> None:
    unknown = spent(latencies=[1.0] * 9, unknown="no price of large is given")
    with pytest.raises(NotComparableError, match="candidate: no price of large"):
        gate(spent([1.0] * 9), unknown, {"cost": "+10%"})
    with pytest.raises(NotComparableError, match="not pinned"):
        gate(side({"map": [0.5] * 9}), spent([1.0] * 9), {"cost": "+10%"})


def test_failed_questions_are_left_out_of_costs_and_told() -> None:
    candidate = spent([1.0] * 98, failed=ids(100)[98:])
    one = only(spent([1.0] * 100), candidate, "cost", "+10%")
    assert one.n == 98
    assert "failed questions are left out" in one.sentence


def test_a_gate_of_latency() -> None:
    """p95 by order statistics: with 200 equal values both bounds are that value, so the verdict is certain."""
    slow, fast = spent(latencies=[2.0] * 200), spent(latencies=[1.0] * 200)
    assert only(fast, slow, "latency_p95", "+0.5s").verdict == "fail"
    assert only(fast, slow, "latency_p95", "+1.5s").verdict == "pass"
    assert only(fast, slow, "latency_p50", "+150%").verdict == "pass"
    assert only(fast, slow, "latency_p50", "1500ms").verdict == "pass"
    few = only(spent(latencies=[1.0] * 20), spent(latencies=[1.0] * 20), "latency_p95", "+0.5s")
    assert few.verdict == "inconclusive"
    assert few.more_questions is not None
    assert 72 - 20 <= few.more_questions <= 95 - 20  # searched in steps of a quarter
    assert "20 answers are too few to bound it" in few.sentence


def test_failures_may_have_taken_any_time() -> None:
    """Twenty of 200 failed: the upper end of the candidate's p95 is among them."""
    candidate = spent(latencies=[1.0] * 180, failed=ids(200)[180:])
    one = only(spent(latencies=[1.0] * 200), candidate, "latency_p95", "+5s")
    assert (one.verdict, one.high) == ("inconclusive", None)
    assert "20 of the candidate" in one.sentence


def test_answers_from_the_cache_are_no_latencies() -> None:
    one = only(spent(latencies=[1.0] * 9), spent(cached=ids(9)), "latency_p50", "+1s")
    assert one.verdict == "inconclusive"
    assert "no latency of the candidate is left (9 answers from the cache" in one.sentence


def test_costs_and_metrics_are_one_gate() -> None:
    baseline, candidate = spent([1.0] * 100), spent([2.0] * 100)
    result = gate(baseline, candidate, {"map": 0.1, "cost": "+10%"})
    assert (result.gates["map"].verdict, result.costs["cost"].verdict, result.verdict) == ("pass", "fail", "fail")
    assert result.costs["cost"].p_fail_adjusted >= result.costs["cost"].p_fail
    told = report.markdown(result)
    assert "- cost fails: above the baseline by more than +10%" in told
    assert "dearest answer" in told
    assert b'tests="2" failures="1"' in report.junit(result)
    assert result.to_json()["costs"]


@pytest.mark.parametrize(
    ("name", "margin"),
    [("cost", "10s"), ("cost", "-5%"), ("cost", -1.0), ("latency_p95", "fast"), ("latency_p50", ""), ("map", "+10%")],
)
def test_a_margin_that_is_none_is_refused(name: str, margin: float | str) -> None:
    with pytest.raises(DeclarationError, match=name):
        gate(spent([1.0]), spent([1.0]), {name: margin})


def test_sequential_gates_take_metrics_alone() -> None:
    assert refuse_cost_margins({"map": 0.1}) == {"map": 0.1}
    with pytest.raises(DeclarationError, match="latency_p95 in a sequential gate"):
        refuse_cost_margins({"map": 0.1, "latency_p95": "+1s"})


def test_a_comparison_shows_difference_and_ratio() -> None:
    result = compare(spent([1.0, 2.0, 3.0], [1.0] * 3), spent([2.0, 4.0, 6.0], [2.0] * 3))
    assert result.costs is not None
    assert result.costs.difference is not None
    assert result.costs.difference.point == pytest.approx(2.0)
    assert result.costs.ratio is not None
    assert result.costs.ratio.point == pytest.approx(2.0)
    lines = comparison_lines(result.costs)
    assert lines[0].startswith("cost per question from 2 to 4: +2 [")
    assert lines[1].startswith("latency p50 from 1 [0, not known] to 2 [0, not known] s: +1 [not known, not known]")
