from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.decide.gate import GateResult, MetricGate, gate
from rageval.errors import DeclarationError, NotComparableError
from rageval.scores.run_scores import RunScores
from tests.unit.sides import ids, side


def equal(n: int, *metrics: str) -> tuple[RunScores, RunScores]:
    """Baseline and candidate with the same scores."""
    return side(dict.fromkeys(metrics, [0.5] * n)), side(dict.fromkeys(metrics, [0.5] * n), "two")


def lost(n: int) -> tuple[RunScores, RunScores]:
    """The candidate loses every question."""
    return side({"map": [1.0] * n}), side({"map": [0.0] * n}, "two")


def only(result: GateResult) -> MetricGate:
    (one,) = result.gates.values()
    return one


@pytest.mark.parametrize(("margin", "verdict"), [(0.02, "pass"), (0.01, "inconclusive")])
def test_n_equal_questions_pass_with_p_of_one_minus_margin_to_the_n(margin: float, verdict: str) -> None:
    """200 ties and one unseen question at -1: the mean is -Beta(1, 200), so p = (1 - margin)**200."""
    one = only(gate(*equal(200, "map"), {"map": margin}))
    assert one.p_pass == pytest.approx((1 - margin) ** 200, abs=0.012)
    assert one.p_fail > 0.99
    assert one.verdict == verdict


def test_a_candidate_that_loses_everywhere_fails() -> None:
    """Twenty losses and one unseen question at 1: the mean is -1 + 2 Beta(1, 20), so p = (1 - (1 - 0.5) / 2)**20."""
    result = gate(*lost(20), {"map": 0.5})
    assert only(result).p_fail == pytest.approx(0.75**20, abs=0.002)
    assert (only(result).verdict, result.verdict) == ("fail", "fail")
    assert only(result).sentence.startswith("map fails: worse by more than 0.5, -1.000 [-1.000, -0.")


def test_a_better_candidate_passes_at_margin_zero() -> None:
    baseline, candidate = reversed(lost(100))
    assert gate(baseline, candidate, {"map": 0.0}).verdict == "pass"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "sentence"),
    [
        (0.0, 1.0, "fail", "hallucination fails: worse by more than 0.5, -1.000 [-1.000, -0."),
        (1.0, 0.0, "pass", "hallucination passes: not worse by 0.5, +1.000 [+0."),
        (0.0, 0.25, "pass", "hallucination passes: not worse by 0.5, -0.250 [-0."),
    ],
)
def test_more_hallucination_than_the_margin_fails(before: float, after: float, verdict: str, sentence: str) -> None:
    """A rise by 1 beside a margin of 0.5 is what a fall by 1 is elsewhere: p is 0.75**20 as above."""
    baseline, candidate = side({"hallucination": [before] * 20}), side({"hallucination": [after] * 20}, "two")
    result = gate(baseline, candidate, {"hallucination": 0.5})
    assert (only(result).verdict, result.verdict) == (verdict, verdict)
    assert only(result).sentence.startswith(sentence)
    assert (only(result).pairs.baseline_mean, only(result).pairs.candidate_mean) == (before, after)
    if verdict == "fail":
        assert only(result).p_fail == pytest.approx(0.75**20, abs=0.002)


def test_too_few_questions_are_inconclusive_whatever_they_say() -> None:
    assert gate(*equal(5, "map"), {"map": 0.05}).verdict == "inconclusive"
    assert gate(*lost(1), {"map": 0.2}).verdict == "inconclusive"
    assert only(gate(*lost(1), {"map": 0.2})).sentence.endswith("more questions than these 1 are needed")


def test_a_pass_is_not_adjusted_for_the_number_of_metrics() -> None:
    """At margin 0.017, p is 0.983**200 = 0.032: enough for each of two, since both must pass (Berger 1982)."""
    alone = gate(*equal(200, "map"), {"map": 0.017})
    both = gate(*equal(200, "map", "mrr"), {"map": 0.017, "mrr": 0.017})
    assert (alone.verdict, both.verdict) == ("pass", "pass")
    for one in both.gates.values():
        assert one.p_pass == only(alone).p_pass
        assert one.difference.low == only(alone).difference.low


@pytest.mark.parametrize(("second", "verdict"), [("pass", "pass"), ("inconclusive", "inconclusive"), ("fail", "fail")])
def test_the_verdict_over_all_metrics(second: str, verdict: str) -> None:
    """`map` passes; one inconclusive metric prevents a pass, one fail is a fail whatever the rest says."""
    n, after = 60, {"pass": 0.5, "inconclusive": 0.5, "fail": 0.0}[second]
    margin = {"pass": 0.3, "inconclusive": 0.01, "fail": 0.1}[second]
    baseline = side({"map": [0.5] * n, "mrr": [0.5] * n, "recall@5": [0.5] * n})
    candidate = side({"map": [0.5] * n, "mrr": [after] * n, "recall@5": [0.5] * n}, "two")
    assert gate(baseline, candidate, {"map": 0.3, "mrr": margin}).verdict == verdict
    with_inconclusive = gate(baseline, candidate, {"map": 0.3, "mrr": margin, "recall@5": 0.001}).verdict
    assert with_inconclusive == ("fail" if second == "fail" else "inconclusive")


def test_holm_over_the_metrics_for_fails_too() -> None:
    """Twelve losses at margin 0.5: p is 0.75**12 = 0.032, enough alone and not enough beside another like it."""
    before, after = side({"map": [1] * 12, "mrr": [1] * 12}), side({"map": [0] * 12, "mrr": [0] * 12}, "two")
    assert gate(before, after, {"map": 0.5}).verdict == "fail"
    assert gate(before, after, {"map": 0.5, "mrr": 0.5}).verdict == "inconclusive"


@pytest.mark.parametrize("metrics", [("map",), ("map", "mrr")])
@pytest.mark.parametrize("margin", [0.02, 0.1])
def test_that_many_more_questions_settle_it(margin: float, metrics: tuple[str, ...]) -> None:
    margins = dict.fromkeys(metrics, margin)
    one = gate(*equal(10, *metrics), margins).gates["map"]
    assert one.more_questions is not None
    assert one.if_difference == 0.0
    assert one.sentence.endswith(f": {one.more_questions} more questions would decide it if there were no difference")
    enough = 10 + one.more_questions  # give or take one in twenty: the test draws at random
    assert gate(*equal(math.ceil(enough * 1.05), *metrics), margins).verdict == "pass"
    assert gate(*equal(math.floor(enough * 0.95), *metrics), margins).verdict == "inconclusive"


def mixed(n: int, losses: int) -> tuple[RunScores, RunScores]:
    """Of every ten questions, `losses` are lost by 0.3."""
    return side({"map": [0.5] * n}), side({"map": [0.2 if i % 10 < losses else 0.5 for i in range(n)]}, "two")


@pytest.mark.parametrize(("losses", "verdict"), [(1, "pass"), (5, "fail")])
def test_that_many_more_questions_settle_it_either_way(losses: int, verdict: str) -> None:
    """Differences of -0.03 and -0.15 beside a margin of 0.1: more of the same pass, or fail."""
    one = only(gate(*mixed(20, losses), {"map": 0.1}))
    assert one.verdict == "inconclusive"
    assert one.more_questions is not None
    assert one.if_difference == pytest.approx(-0.03 * losses)
    assert f"the difference were -0.{3 * losses:02}0" in one.sentence
    assert gate(*mixed(20 + one.more_questions, losses), {"map": 0.1}).verdict == verdict


def test_a_truth_at_the_margin_is_never_settled() -> None:
    """Ten questions lost by 0.25 on average, at a margin of just that: what is said supposes no difference instead."""
    baseline, candidate = side({"map": [0.5] * 10}), side({"map": [0.0, 0.5] * 5})
    one = only(gate(baseline, candidate, {"map": 0.25}))
    assert one.verdict == "inconclusive"
    assert one.if_difference == 0.0
    assert one.more_questions is not None


def test_smallest_margin() -> None:
    """Equal candidates pass at margins from 1 - 0.05**(1/n) on."""
    one = only(gate(*equal(200, "map"), {"map": 0.5}))
    assert one.smallest_margin == pytest.approx(1 - math.pow(0.05, 1 / 200), rel=0.02)
    assert one.smallest_margin is not None
    assert gate(*equal(200, "map"), {"map": one.smallest_margin * 1.05}).verdict == "pass"
    assert only(gate(*lost(1), {"map": 0.5})).smallest_margin is None


def test_the_interval_shown_has_one_sided_bounds() -> None:
    assert only(gate(*equal(50, "map"), {"map": 0.1})).difference.level == pytest.approx(0.90)
    assert only(gate(*equal(50, "map"), {"map": 0.1}, level=0.99)).difference.level == pytest.approx(0.98)


def interval_says(one: MetricGate) -> str:
    low, high = one.difference.low, one.difference.high
    return "pass" if low > -one.margin else "fail" if high < -one.margin else "inconclusive"


def test_the_lower_end_is_the_metrics_own_and_the_upper_end_is_adjusted() -> None:
    """60 ties and one unseen question: 0.05**(1/60) below, and above 0.025**(1/60) for each of two metrics."""
    alone = only(gate(*equal(60, "map"), {"map": 0.01}))
    both = gate(*equal(60, "map", "mrr"), {"map": 0.01, "mrr": 0.01})
    assert alone.difference.high == pytest.approx(1 - math.pow(0.05, 1 / 60), abs=0.003)
    for one in both.gates.values():
        assert one.difference.low == alone.difference.low == pytest.approx(math.pow(0.05, 1 / 60) - 1, abs=0.003)
        assert one.difference.high == pytest.approx(1 - math.pow(0.025, 1 / 60), abs=0.004)
        assert one.difference.level == pytest.approx(0.90)
        assert "(90%; upper end for all 2 metrics): " in one.sentence
    assert "(90%): " in alone.sentence


def test_of_a_metric_that_fails_beside_one_that_does_not_no_more_is_shown_than_that() -> None:
    """`map` loses everything at margin 0.5; Holm then spends all of the 5% on `mrr`."""
    before = side({"map": [1.0] * 60, "mrr": [0.5] * 60})
    after = side({"map": [0.0] * 60, "mrr": [0.5] * 60}, "two")
    result = gate(before, after, {"map": 0.5, "mrr": 0.01})
    assert [one.verdict for one in result.gates.values()] == ["fail", "inconclusive"]
    assert result.gates["map"].difference.high == pytest.approx(-0.5, abs=1e-12)
    assert result.gates["mrr"].difference.high == pytest.approx(1 - math.pow(0.05, 1 / 60), abs=0.003)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([-1.0, -0.3, 0.0, 0.0, 0.0, 0.3]), min_size=40, max_size=40), min_size=1, max_size=3
    ),
    st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4]), min_size=3, max_size=3),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_the_verdict_is_that_of_the_interval_shown_and_of_holm(
    differences: list[list[float]], margins: list[float], level: float
) -> None:
    metrics = ["map", "mrr", "recall@5"][: len(differences)]
    before = {name: [1.0 if d < 0 else 0.0 for d in row] for name, row in zip(metrics, differences, strict=True)}
    after = {
        name: [b + d for b, d in zip(before[name], row, strict=True)]
        for name, row in zip(metrics, differences, strict=True)
    }
    result = gate(side(before), side(after, "two"), dict(zip(metrics, margins, strict=False)), level=level)
    for one in result.gates.values():
        assert one.verdict == interval_says(one)
        assert (one.p_pass <= 1.0 - level) == (one.verdict == "pass")
        assert (one.p_fail_adjusted <= 1.0 - level) == (one.verdict == "fail")
        assert one.difference.low <= one.difference.point <= one.difference.high


def test_clusters_are_less_evidence() -> None:
    """Sixty equal questions in thirty groups are thirty questions: p is 0.9**30 to 0.9**60 without clusters."""
    baseline, candidate = equal(60, "map")
    grouped = side({"map": [0.5] * 60}, documents={question: (i // 2,) for i, question in enumerate(ids(60))})
    assert only(gate(baseline, candidate, {"map": 0.1})).p_pass == pytest.approx(0.9**60, abs=0.003)
    clustered = only(gate(grouped, candidate, {"map": 0.1}, cluster_by="document"))
    assert clustered.p_pass >= 0.9**30 - 0.008
    alone, in_groups = (
        only(gate(grouped, candidate, {"map": 0.01}, cluster_by=by)).more_questions for by in ("none", "document")
    )
    assert alone is not None
    assert in_groups == 2 * (alone + 60) - 60
    assert clustered.smallest_margin is not None
    assert clustered.smallest_margin == only(gate(*equal(30, "map"), {"map": 0.1})).smallest_margin


@pytest.mark.parametrize(
    ("margins", "changes", "told"),
    [
        ({}, {}, "found no margin"),
        ({"map": 1.0}, {}, "found margin 1 for map"),
        ({"map": -0.1}, {}, "found margin -0.1 for map"),
        ({"map": math.nan}, {}, "found margin nan for map"),
        ({"map": 0.1, "AP": 0.1}, {}, "found two margins for map"),
        ({"mapp": 0.1}, {}, "unknown metric"),
        ({"map": 0.1}, {"level": 0.5}, "found level 0.5"),
    ],
)
def test_wrong_requests(margins: dict[str, float], changes: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told) as error:
        gate(*equal(3, "map"), margins, **changes)
    assert not isinstance(error.value, NotComparableError)


def test_missing_metrics_are_not_comparable() -> None:
    with pytest.raises(NotComparableError, match="found no mrr, expected it beside map"):
        gate(*equal(3, "map"), {"map": 0.1, "mrr": 0.1})


def test_json() -> None:
    result = gate(*equal(10, "faithfulness"), {"faithfulness": 0.1})
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (data["verdict"], data["level"], data["benchmark"], data["questions"]) == ("inconclusive", 0.95, "small", 10)
    metric = data["metrics"]["faithfulness"]
    assert (metric["margin"], metric["verdict"], metric["n"], metric["judge_only"]) == (0.1, "inconclusive", 10, True)
    assert metric["sentence"] == str(result).splitlines()[1]
