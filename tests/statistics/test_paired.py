"""Paired differences against scipy, statsmodels and worked counts; a gate's errors of type I and its power."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from rageval.stats import against_margin, gate_power, mean_interval, paired, paired_difference, required_questions

NINE = np.array([-1.7, -1.3, -0.85, -0.41, 0.0, 0.41, 0.85, 1.3, 1.7])
SYMMETRIC = NINE / math.sqrt(float(np.mean(NINE**2)))  # nine equally likely values with mean 0 and sd 1


def halves(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a baseline and of a candidate with these differences."""
    return 0.5 - d / 2, 0.5 + d / 2


def three_errors(p: float, repetitions: int) -> float:
    return 3 * math.sqrt(p * (1 - p) / repetitions)


def test_counts_and_difference_worked() -> None:
    """Differences 0.5, 0, -0.2, 0.3, 0."""
    result = paired_difference([0.1, 0.4, 0.7, 0.2, 1.0], [0.6, 0.4, 0.5, 0.5, 1.0])
    assert (result.wins, result.ties, result.losses) == (2, 2, 1)
    assert result.difference.point == pytest.approx(0.6 / 5)
    # Of the eight sums ±0.5 ± 0.2 ± 0.3 two are 1 in size, two 0.6, two 0.4, two 0: half are as large as 0.6.
    assert (result.p_value, result.test) == (0.5, "permutation, exact")
    assert result.difference.method == "dirichlet"
    assert -1.0 <= result.difference.low < 0.12 < result.difference.high <= 1.0


@pytest.mark.parametrize("n", [4, 9, 12])
def test_exact_permutation_equals_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.random(n), rng.random(n)
    theirs = stats.permutation_test((b - a,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    ours = paired_difference(a, b)
    assert ours.test == "permutation, exact"
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


def test_random_permutation_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    a = rng.random(60)
    b = np.clip(a + rng.normal(0.04, 0.2, 60), 0, 1)
    theirs = stats.permutation_test(
        (b - a,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=True, batch=500, rng=rng
    )
    ours = paired_difference(a, b)
    assert ours.test == "permutation"
    p = float(theirs.pvalue)
    assert 0.005 < p < 0.6
    assert ours.p_value == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) * (1 / 20_000 + 1 / 10_000)))


def test_clusters_flip_together_and_widen_the_interval() -> None:
    rng = np.random.default_rng(6)
    documents = np.repeat(np.arange(10), 3)
    a, b = rng.random(30) / 2, rng.random(30) / 2 + np.repeat(rng.random(10), 3) / 2
    sums = np.bincount(documents, weights=b - a)
    theirs = stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    labels = [f"document {i}" for i in documents]
    ours = paired_difference(a, b, method="permutation", clusters=labels)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    assert ours.difference.method == "dirichlet, clustered"
    assert ours.difference.width > paired_difference(a, b).difference.width
    by_draws = paired_difference(a, b, clusters=labels)
    assert by_draws.test == "dirichlet, clustered"
    ends = (ours.difference.low, ours.difference.high)
    assert (by_draws.difference.low, by_draws.difference.high) == pytest.approx(ends, abs=0.02)
    assert (by_draws.p_value <= 0.05) == (not by_draws.difference.low <= 0.0 <= by_draws.difference.high)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_binary_scores_are_tested_by_mcnemar(pairs: list[tuple[bool, bool]]) -> None:
    a, b = (np.array(scores, dtype=float) for scores in zip(*pairs, strict=True))
    table = [[int(np.sum((a == i) & (b == j))) for j in (0, 1)] for i in (0, 1)]
    result = paired_difference(a, b)
    assert result.test == "mcnemar"
    assert result.p_value == pytest.approx(float(mcnemar(table, exact=True).pvalue), abs=1e-12)
    assert (result.wins, result.ties, result.losses) == (table[0][1], table[0][0] + table[1][1], table[1][0])
    assert paired_difference(a, b, method="mcnemar") == result
    assert -1.0 <= result.difference.low <= result.difference.point <= result.difference.high <= 1.0


def test_methods_by_name() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.random(40), rng.random(40)
    assert paired_difference(a > 0.5, b > 0.5, method="permutation").test.startswith("permutation")
    low, high = stats.t.interval(0.95, 39, np.mean(b - a), stats.sem(b - a))
    student = paired_difference(a, b, method="t").difference
    assert (student.low, student.high, student.method) == (pytest.approx(low), pytest.approx(high), "t")
    for method in ("percentile", "bca", "studentised"):
        ours = paired_difference(a, b, method=method, rng=np.random.default_rng(8))
        assert ours.difference.method == method
        assert ours.p_value == pytest.approx(paired_difference(a, b).p_value, abs=0.03)
        assert (ours.difference.low, ours.difference.high) == pytest.approx((low, high), abs=0.03)


def binary_pairs(rng: np.random.Generator, n: int) -> np.ndarray:
    """A tenth of the questions lost, a fifth won."""
    return rng.choice([-1.0, 0.0, 1.0], n, p=[0.1, 0.7, 0.2])


def rarely_other(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.choice([-1.0, 0.0, 1.0], n, p=[0.01, 0.94, 0.05])


def ndcg_like(rng: np.random.Generator, n: int) -> np.ndarray:
    """Two thirds of the questions tie; where not, changes of rank, more for the better."""
    return rng.choice(
        [-1.0, -0.5, -0.37, -0.13, 0.0, 0.13, 0.37, 0.5], n, p=[0.02, 0.03, 0.03, 0.05, 0.67, 0.1, 0.06, 0.04]
    )


TRUTHS = {binary_pairs: 0.1, rarely_other: 0.04, ndcg_like: 0.013 + 0.0222 - 0.0065 - 0.0111 + 0.02 - 0.015 - 0.02}


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize("draw", TRUTHS)
def test_coverage_of_the_difference(draw: Any, n: int) -> None:
    """Nominal 95%, 500 repetitions; at least 0.93 less three standard errors."""
    rng = np.random.default_rng(20261121)
    covered = 0
    for _ in range(500):
        interval = paired_difference(*halves(draw(rng, n)), method="permutation", rng=rng).difference
        covered += interval.low <= TRUTHS[draw] <= interval.high
    assert covered / 500 >= 0.93 - three_errors(0.93, 500)


MARGINS = (0.02, 0.05, 0.1)


def passes(d: np.ndarray, margin: float, **named: Any) -> bool:
    return against_margin(*halves(d), margin, **named).p_pass <= 0.05


def fails(d: np.ndarray, margin: float, **named: Any) -> bool:
    return against_margin(*halves(d), margin, **named).p_fail <= 0.05


def share_decided(decides: Any, usual: float, rare: float, p_rare: float, n: int, margin: float) -> float:
    """The exact probability of a verdict where differences are `rare` with that probability, and otherwise `usual`."""
    share = 0.0
    for count in range(n + 1):
        probability = float(stats.binom.pmf(count, n, p_rare))
        if probability > 1e-5:
            share += probability * decides(np.repeat([rare, usual], [count, n - count]), margin)
    return share


@pytest.mark.parametrize("n", [30, 100, 150, 300])
@pytest.mark.parametrize("margin", MARGINS)
def test_type_one_error_where_losses_are_rare_and_total(margin: float, n: int) -> None:
    """Differences of 0, but of -1 with probability `margin`: a normal bound passes whenever none is drawn."""
    assert share_decided(passes, 0.0, -1.0, margin, n, margin) <= 0.05
    assert share_decided(fails, 0.0, -1.0, margin, n, margin) <= 0.05
    naive = float(stats.binom.pmf(0, n, margin))
    if n * margin < 2.9:
        assert naive > 0.05


@pytest.mark.parametrize("n", [30, 150])
@pytest.mark.parametrize("margin", MARGINS)
def test_type_one_error_where_gains_are_rare_and_total(margin: float, n: int) -> None:
    """A little worse, by twice the margin, but 1 better now and then: minus the margin on average."""
    p_gain = margin / (1 + 2 * margin)
    assert share_decided(fails, -2 * margin, 1.0, p_gain, n, margin) <= 0.05
    assert share_decided(passes, -2 * margin, 1.0, p_gain, n, margin) <= 0.05


def test_type_one_error_of_graded_and_clustered_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """True difference -margin exactly: pass and fail at most 5% each (2,000 repetitions, three standard errors).

    The clustered ones have four questions a document and an intra-cluster correlation of one half; that the clusters
    matter shows where they are kept from the test.
    """
    monkeypatch.setattr(paired, "MARGIN_DRAWS", 2000)
    rng = np.random.default_rng(20261122)
    ceiling = 0.05 + three_errors(0.05, 2000)

    def wrong(n: int, sd: float, margin: float, per_document: int, told: bool) -> tuple[float, float]:
        passed = failed = 0
        documents = np.repeat(np.arange(n // per_document), per_document)
        for _ in range(2000):
            own, shared = rng.choice(SYMMETRIC, n), rng.choice(SYMMETRIC, n)[documents]
            d = sd * (own if per_document == 1 else np.where(rng.random(n) < 0.5**0.5, shared, own)) - margin
            result = against_margin(*halves(d), margin, clusters=documents if told else None, rng=rng)
            passed, failed = passed + (result.p_pass <= 0.05), failed + (result.p_fail <= 0.05)
        return passed / 2000, failed / 2000

    for n, sd, margin in ((40, 0.2, 0.05), (150, 0.3, 0.02)):
        assert max(wrong(n, sd, margin, 1, told=False)) <= ceiling
    for n in (40, 160):
        assert max(wrong(n, 0.3, 0.05, 4, told=True)) <= ceiling
    assert max(wrong(160, 0.3, 0.05, 4, told=False)) > 0.08


@pytest.mark.parametrize(
    ("sd", "margin", "difference"),
    [(sd, margin, 0.0) for sd in (0.1, 0.2, 0.3) for margin in (0.02, 0.05)] + [(0.1, 0.05, 0.02), (0.2, 0.02, 0.01)],
)
def test_power_is_as_planned(sd: float, margin: float, difference: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the questions that `required_questions` plans for 80%, 3,000 gates pass as often, within 3 points.

    2,000 draws a gate instead of 20,000 blur its p-value by half a point about its threshold: not on average.
    """
    monkeypatch.setattr(paired, "MARGIN_DRAWS", 2000)
    n = required_questions(difference, sd, margin=margin)
    assert 0.8 <= gate_power(difference, sd, n, margin=margin) < 0.83
    rng = np.random.default_rng(n)
    passed = sum(passes(d, margin, rng=rng) for d in rng.choice(difference + sd * SYMMETRIC, (3000, n)))
    assert passed / 3000 == pytest.approx(gate_power(difference, sd, n, margin=margin), abs=0.03)
    assert passed / 3000 == pytest.approx(0.8, abs=0.035)


def test_too_few_questions_are_neither_pass_nor_fail() -> None:
    """Ten identical answers do not show that none would be lost; of 1 - 0.02 each, 149 are needed: 0.98^149 < 0.05."""
    for n, expected in ((10, False), (140, False), (160, True)):
        result = against_margin(np.ones(n), np.ones(n), 0.02)
        assert (result.p_pass <= 0.05) is expected
        assert result.p_fail > 0.5


@pytest.mark.parametrize("n", [1, 10, 60])
def test_identical_and_opposite_systems_have_worked_p_values(n: int) -> None:
    """The mean is -W with W ~ Beta(1, n), the weight of the unseen question: P(W >= m) = (1 - m)^n. With differences
    -1 throughout the mean is -1 for passing, and 2 W - 1 >= -m for failing: P(W >= (1 - m) / 2) = ((1 + m) / 2)^n.
    """
    margin = 0.05
    same, lost = (against_margin(np.ones(n), np.full(n, x), margin) for x in (1.0, 0.0))
    assert same.p_pass == pytest.approx((1 - margin) ** n, abs=0.015)
    assert (same.p_fail, lost.p_pass) == (1.0, 1.0)
    assert lost.p_fail == pytest.approx(((1 + margin) / 2) ** n, abs=0.015)


def test_same_seed_same_result() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.random(50), rng.random(50)
    assert paired_difference(a, b) == paired_difference(a, b)
    assert against_margin(a, b, 0.1) == against_margin(a, b, 0.1)
    swapped, straight = paired_difference(b, a), paired_difference(a, b)
    assert swapped.difference.point == pytest.approx(-straight.difference.point)
    assert swapped.difference.low == pytest.approx(-straight.difference.high, abs=0.01)
    assert straight.difference == mean_interval(b - a, method="dirichlet", bounds=(-1, 1), rng=after_the_test(b - a))


def after_the_test(d: np.ndarray) -> np.random.Generator:
    rng = np.random.default_rng(0)
    paired.sign_flip_p_value(d, resamples=paired.PERMUTATIONS, rng=rng)
    return rng


@pytest.mark.parametrize(
    ("a", "b", "named", "message"),
    [
        ([], [], {}, "baseline: found an array of shape"),
        ([0.5, 0.5], [0.5], {}, "found 2 and 1 scores"),
        ([0.5], [math.nan], {}, "candidate: found values that are not finite"),
        ([0.5], [1.5], {}, "outside"),
        ([-0.5], [0.5], {}, "outside"),
        ([0.5], [0.5], {"method": "mcnemar"}, "mcnemar expects"),
        ([0.0, 1.0], [1.0, 1.0], {"method": "mcnemar", "clusters": [1, 2]}, "mcnemar expects"),
        ([0.5], [0.5], {"method": "magic"}, "magic"),
        ([0.5], [0.5], {"level": 0.0}, "level"),
        ([0.5, 0.2], [0.5, 0.1], {"clusters": [1]}, "1 of them for 2"),
    ],
)
def test_paired_difference_refuses(a: Any, b: Any, named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(a, b, **named)


@pytest.mark.parametrize(
    ("a", "b", "margin", "message"),
    [
        ([0.5, 0.5], [0.5], 0.1, "2 and 1"),
        ([0.5], [0.5, 0.2], 0.1, "1 and 2"),
        ([0.5], [0.5], -0.1, "margin"),
        ([0.5], [0.5], 1.0, "margin"),
        ([0.0], [1.5], 0.1, "outside"),
        ([1.0], [1.5], 0.1, "outside"),
        ([math.nan], [0.5], 0.1, "not finite"),
    ],
)
def test_against_margin_refuses(a: Any, b: Any, margin: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        against_margin(a, b, margin)
