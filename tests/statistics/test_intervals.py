"""Intervals against scipy, and their coverage by simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rageval.stats import mean_interval
from rageval.stats.quantiles import t_quantile


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 8, 29, 30, 101, 400])
@pytest.mark.parametrize("p", [0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9995])
def test_t_quantile_equals_scipy(df: int, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (77, 100), (1, 1), (0, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_equals_scipy(successes: int, n: int, level: float) -> None:
    ours = mean_interval([1.0] * successes + [0.0] * (n - successes), level=level)
    theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert ours.method == "wilson"
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wide_samples_agree_with_scipys_bca() -> None:
    values = np.random.default_rng(3).beta(5, 2, 400)
    ours = mean_interval(values)
    theirs = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(4)).confidence_interval
    assert ours.method == "bca"
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def _mixture(p_zero: float, p_one: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Like nDCG or reciprocal rank: a mass at 0, a mass at 1, the rest between."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        u = rng.random(n)
        return np.where(u < p_zero, 0.0, np.where(u < p_zero + p_one, 1.0, rng.random(n)))

    return draw


CASES: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "ndcg-like": (_mixture(0.3, 0.4), 0.4 + 0.3 / 2),
    "near one": (_mixture(0.05, 0.8), 0.8 + 0.15 / 2),
    "near zero": (_mixture(0.8, 0.05), 0.05 + 0.15 / 2),
    "beta(5, 2)": (lambda rng, n: rng.beta(5, 2, n), 5 / 7),
    "thirds": (lambda rng, n: rng.choice([0, 1 / 3, 2 / 3, 1], p=[0.05, 0.05, 0.2, 0.7], size=n), 0.85),
    "coin .9": (lambda rng, n: (rng.random(n) < 0.9).astype(float), 0.9),
}


@pytest.mark.parametrize("n", [5, 10, 30])
@pytest.mark.parametrize("case", CASES)
def test_coverage(case: str, n: int) -> None:
    """Nominal 95%. The floor is .92 less three standard errors of the simulation: no case may fall well below."""
    draw, truth = CASES[case]
    rng = np.random.default_rng(20261121)
    repetitions = 300
    covered = 0
    for _ in range(repetitions):
        interval = mean_interval(draw(rng, n), rng=rng)
        covered += interval.low <= truth <= interval.high
    assert covered / repetitions >= 0.92 - 3 * math.sqrt(0.92 * 0.08 / repetitions)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.5, 0.9, 0.95]))
def test_interval_holds_its_point_within_bounds(values: list[float], level: float) -> None:
    interval = mean_interval(values, level=level)
    assert 0.0 <= interval.low <= interval.point <= interval.high <= 1.0
    assert interval.point == pytest.approx(math.fsum(values) / len(values), abs=1e-12)
    assert interval == mean_interval(values, level=level)


def test_constant_and_tiny_samples_are_never_certain() -> None:
    for values in ([0.5] * 20, [1.0] * 20, [0.25, 0.25], [0.0], [0.3, 0.31, 0.3]):
        interval = mean_interval(values)
        assert interval.high - interval.low > 0.1
    assert mean_interval([0.5] * 20).method == "wilson-bound"


@pytest.mark.parametrize("values", [[], [math.nan], [1.5], [-0.1], [math.inf]])
def test_refuses_what_it_cannot_bound(values: list[float]) -> None:
    with pytest.raises(ValueError, match="mean_interval"):
        mean_interval(values)
