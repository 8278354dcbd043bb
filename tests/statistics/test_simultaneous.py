"""Intervals for several things at once: agreement with p-values and verdicts, coverage together, errors together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.stats import norm

from rageval.decide.sweep import main_effects
from rageval.stats import against_margin, holm, holm_bounds, many, paired, paired_difference
from rageval.stats.many import simultaneous_intervals
from tests.statistics.test_paired import SYMMETRIC, halves, three_errors

Draw = Callable[[np.random.Generator, int], np.ndarray]


# Sweeps: all effects on a metric


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.integers(-8, 8).map(lambda n: n / 8)),
    st.sampled_from([0.5, 0.8, 0.95, 0.99]),
)
def test_an_interval_excludes_0_exactly_where_p_is_small(differences: np.ndarray, level: float) -> None:
    found = simultaneous_intervals(differences, level=level, rng=np.random.default_rng(1))
    excludes = (found.low > 0.0) | (found.high < 0.0)
    np.testing.assert_array_equal(excludes, found.p_adjusted <= 1.0 - level)
    assert (found.p_adjusted >= found.p).all()
    assert ((found.low <= found.mean) & (found.mean <= found.high)).all()
    np.testing.assert_allclose(found.mean, differences.mean(axis=1))


@pytest.mark.parametrize(("n", "tolerance"), [(10, 0.03), (60, 0.006)])
def test_a_single_row_takes_in_its_own_interval(n: int, tolerance: float) -> None:
    """Differences that are all but equal have no spread to flip, and are no proof of what has not been seen."""
    d = 0.02 + 1e-4 * np.random.default_rng(2).choice(SYMMETRIC, n)
    own = paired_difference(*halves(d)).difference
    found = simultaneous_intervals([d], rng=np.random.default_rng(3))
    assert (found.low[0], found.high[0]) == pytest.approx((own.low, own.high), abs=tolerance)
    assert found.p[0] == found.p_adjusted[0] > 0.05


def test_equal_rows_need_no_width_and_independent_ones_that_of_sidak() -> None:
    """Ten rows that are all the same are as wide as one; ten independent ones each as wide as at 0.95 ** (1 / 10)."""
    d = 0.4 * np.random.default_rng(4).choice(SYMMETRIC, (10, 400))
    for rows, level in ((np.repeat(d[:1], 10, axis=0), 0.95), (d, 0.95**0.1)):
        found = simultaneous_intervals(rows, rng=np.random.default_rng(5))
        expected = 2 * stats.t.ppf((1 + level) / 2, 399) * rows.std(axis=1, ddof=1) / math.sqrt(400)
        np.testing.assert_allclose(found.high - found.low, expected, rtol=0.05)


def test_max_t_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pattern of 11 questions, scipy's one-sample t of each row's residuals: max-T in so many words. p is the
    share of patterns whose largest t reaches a row's own, the interval mean ± t of the level x standard error.
    """
    monkeypatch.setattr(many, "_own_interval", lambda *_: (1.0, -1.0, 0.0))
    d = 0.2 * np.random.default_rng(6).choice(SYMMETRIC, (3, 11)) + np.array([[0.3], [0.1], [0.0]])
    residuals = d - d.mean(axis=1, keepdims=True)
    flipped = [residuals * signs for signs in itertools.product((1, -1), repeat=11)]
    largest = np.sort([np.abs(stats.ttest_1samp(one, 0, axis=1).statistic).max() for one in flipped])
    t = np.abs(stats.ttest_1samp(d, 0, axis=1).statistic)
    found = simultaneous_intervals(d, rng=np.random.default_rng(7))
    reached = (largest[:, None] >= t * (1 - 1e-9)).sum(axis=0)
    assert found.p_adjusted == pytest.approx((1 + reached) / (2**11 + 1))
    critical = largest[-math.floor(0.05 * (2**11 + 1))]  # the least that a share of 5% at most exceeds
    half = critical * stats.sem(d, axis=1)
    assert found.low == pytest.approx(d.mean(axis=1) - half)
    assert found.high == pytest.approx(d.mean(axis=1) + half)


@pytest.mark.parametrize(
    ("differences", "level", "message"),
    [
        ([0.1, 0.2], 0.95, r"found an array of shape \(2,\)"),
        (np.zeros((0, 3)), 0.95, r"shape \(0, 3\)"),
        ([[1.5]], 0.95, "in \\[-1, 1\\]"),
        ([[math.nan]], 0.95, "in \\[-1, 1\\]"),
        ([[0.1]], 1.0, "level"),
    ],
)
def test_refuses(differences: Sequence[object], level: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simultaneous_intervals(differences, level=level, rng=np.random.default_rng(0))  # type: ignore[arg-type]


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """They blur a bound by chance, not on average."""
    monkeypatch.setattr(many, "FLIPS", 499)
    monkeypatch.setattr(many, "OWN_DRAWS", 499)
    monkeypatch.setattr(paired, "MARGIN_DRAWS", 2000)


GRID = [{"a": a, "b": b} for a, b in itertools.product(("a0", "a1", "a2"), ("b0", "b1", "b2"))]
BETTER = 0.06


def smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    """Nine equal cells, on questions that are hard or easy for all."""
    return np.clip(0.5 + 0.15 * (rng.normal(size=n) + rng.normal(size=(9, n))), 0.0, 1.0)


def right_or_wrong(rng: np.random.Generator, n: int) -> np.ndarray:
    return (rng.random((9, n)) < rng.beta(1, 1, n)).astype(float)


def rarely_much_worse(rng: np.random.Generator, n: int) -> np.ndarray:
    """Settings a0 and a1 gain 0.02 on most questions and lose 0.38 on 5% of them each: means are equal, and flipping
    signs would find differences in most draws of ten questions.
    """
    scores = np.full((9, n), 0.5) + 0.05 * rng.normal(size=n)
    for setting, change in zip(("a0", "a1"), np.where(rng.random((2, n)) < 0.05, -0.38, 0.02), strict=True):
        scores[[cell["a"] == setting for cell in GRID]] += change
    return np.clip(scores, 0.0, 1.0)


@pytest.mark.parametrize("n", [10, 40, 120])
@pytest.mark.parametrize("draw", [smooth, right_or_wrong, rarely_much_worse])
def test_a_sweep_seldom_claims_an_effect_where_there_is_none(draw: Draw, n: int, fewer_draws: None) -> None:
    """Of six effects any one, in 5% of 300 draws at most (and three standard errors)."""
    rng = np.random.default_rng(20261201)
    claimed = sum(any(e.p_adjusted <= 0.05 for e in main_effects("m", GRID, draw(rng, n))) for _ in range(300))
    assert claimed / 300 <= 0.05 + three_errors(0.05, 300)


@pytest.mark.parametrize("n", [10, 40, 120])
@pytest.mark.parametrize("draw", [smooth, right_or_wrong])
def test_all_intervals_of_a_sweep_cover_together(draw: Draw, n: int, fewer_draws: None) -> None:
    """Where a2 is truly better than a0 and a1, and b does nothing: all six in 95% of 300 draws, less three errors."""
    rng = np.random.default_rng(20261202)
    better = np.array([cell["a"] == "a2" for cell in GRID])
    truths = {("a0", "a2"): BETTER, ("a1", "a2"): BETTER}
    covered = found = 0
    for _ in range(300):
        # Means are one half: what others lose of each score is BETTER on average.
        scores = draw(rng, n) * np.where(better, 1.0, 1.0 - 2 * BETTER)[:, None]
        effects = main_effects("m", GRID, scores)
        covered += all(e.difference.low <= truths.get((e.before, e.after), 0.0) <= e.difference.high for e in effects)
        found += any(e.difference.low > 0 for e in effects if (e.before, e.after) in truths)
    assert covered / 300 >= 0.95 - three_errors(0.95, 300)
    if n == 120:
        assert found / 300 > 0.2


# Gates: all metrics


def normal_bounds(x: np.ndarray) -> list[Callable[[float], float]]:
    """Of means that were seen with a standard error of 1."""
    return [lambda alpha, mean=mean: float(mean - norm.ppf(1 - alpha)) for mean in x]


def projected(x: np.ndarray, limits: np.ndarray, alpha: float) -> np.ndarray:
    """Guilbaud's region by its definition: for each set of hypotheses that may be the true ones, the parameters there
    that Bonferroni over that set does not reject; the lower end of all these together, for each parameter.
    """
    ends = np.full(x.size, np.inf)
    for size in range(x.size + 1):
        for true in map(list, itertools.combinations(range(x.size), size)):
            bounds = x - norm.ppf(1 - alpha / (size or x.size))
            if any(bounds[i] > limits[i] for i in true):
                continue  # rejected: none of these parameters is possible
            here = np.array(limits) if true else np.maximum(limits, bounds)
            here[true] = bounds[true]
            ends = np.minimum(ends, here)
    return ends


@given(
    st.lists(st.tuples(st.floats(-1, 5), st.floats(-1, 1)), min_size=1, max_size=5),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_bounds_are_those_of_the_closed_tests(means: list[tuple[float, float]], alpha: float) -> None:
    x, limits = np.array(means).T
    p = norm.sf(x - limits)
    found = holm_bounds(p, limits, normal_bounds(x), alpha)
    assert found == pytest.approx(projected(x, limits, alpha), abs=1e-9)
    np.testing.assert_array_equal(found > limits, holm(p) <= alpha)


def test_bounds_worked() -> None:
    """z is 1.645 at 5% and 1.96 at 2.5%. Both of two rejected: the greater of limit and bound at 2.5%. One of two: the
    other's bound is at 5%, its own is the limit.
    """
    for means, expected in (([4.0, 1.8], [2.04, 0.0]), ([4.0, 1.0], [0.0, -0.645]), ([1.9, 1.0], [-0.06, -0.96])):
        x = np.array(means)
        found = holm_bounds(norm.sf(x), np.zeros(2), normal_bounds(x), 0.05)
        assert found == pytest.approx(expected, abs=1e-3)


def metrics_alike(rng: np.random.Generator, n: int, truths: Sequence[float]) -> list[np.ndarray]:
    """Differences of several metrics on the same questions, correlated by one half, each with its true mean."""
    shared = rng.choice(SYMMETRIC, n)
    own = rng.choice(SYMMETRIC, (len(truths), n))
    mixed = np.where(rng.random((len(truths), n)) < math.sqrt(0.5), shared, own)
    return [0.3 * d + truth for d, truth in zip(mixed, truths, strict=True)]


def losing_all_at_times(rng: np.random.Generator, n: int, truths: Sequence[float]) -> list[np.ndarray]:
    """Differences of 0, but of -1 on so few questions that the means are these; the same ones where they can be."""
    luck = rng.random(n)
    return [np.where(luck < -truth, -1.0, 0.0) for truth in truths]


@pytest.mark.parametrize("n", [40, 150])
@pytest.mark.parametrize("draw", [metrics_alike, losing_all_at_times])
@pytest.mark.parametrize("others", [(), (0.0,), (-0.05, -0.05)])
def test_a_gate_of_several_metrics(
    draw: Callable[..., list[np.ndarray]], n: int, others: tuple[float, ...], fewer_draws: None
) -> None:
    """Two metrics worse by exactly the margin, beside others that are equal or worse by it too: any of these passes in
    5% of 400 draws at most, any metric fails likewise; no lower bound lies above its truth in 95%, no upper one below
    it; and each verdict is that of its interval.
    """
    rng = np.random.default_rng(20261203)
    margin, alpha, repetitions = 0.05, 0.05, 400
    truths = np.array([-margin, -margin, *others])
    at_margin = truths <= -margin
    limits = np.full(truths.size, margin)
    passed = failed = too_high = too_low = 0
    for _ in range(repetitions):
        tested = [against_margin(*halves(d), margin, rng=rng) for d in draw(rng, n, truths)]
        p_pass, p_fail = [one.p_pass for one in tested], [one.p_fail for one in tested]
        lows = holm_bounds(p_pass, -limits, [one.low for one in tested], alpha)
        highs = -holm_bounds(p_fail, limits, [lambda a, one=one: -one.high(a) for one in tested], alpha)
        np.testing.assert_array_equal(lows > -margin, holm(p_pass) <= alpha)
        np.testing.assert_array_equal(highs < -margin, holm(p_fail) <= alpha)
        passed += bool((lows[at_margin] > -margin).any())
        failed += bool((highs < -margin).any())
        too_high += bool((lows > truths + 1e-9).any())
        too_low += bool((highs < truths - 1e-9).any())
    ceiling = alpha + three_errors(alpha, repetitions)
    assert max(passed, failed, too_high, too_low) / repetitions <= ceiling
