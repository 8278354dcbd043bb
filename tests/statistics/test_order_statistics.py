"""Quantiles by order statistics and ratios of means: against scipy's binomial, and their errors by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, lognorm

from rageval.stats import against_margin
from rageval.stats.order_statistics import Quantile, QuantileMargin, make_quantile
from rageval.stats.ratios import mean_ratio

Draw = Callable[[np.random.Generator, int], np.ndarray]
DRAWS = 200


def bimodal(rng: np.random.Generator, n: int) -> np.ndarray:
    """One answer in ten takes ten times as long."""
    return np.where(rng.random(n) < 0.1, 10.0, 1.0) * rng.lognormal(0.0, 0.2, n)


WORLDS: dict[str, Draw] = {
    "lognormal": lambda rng, n: rng.lognormal(0.0, 0.6, n),
    "bimodal": bimodal,
    "heavy": lambda rng, n: 1.0 + rng.pareto(1.5, n),
}


@pytest.mark.parametrize("n", [20, 59, 72, 100, 500])
@pytest.mark.parametrize("p", [0.5, 0.95])
@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_the_ranks_are_those_of_the_binomial(n: int, p: float, alpha: float) -> None:
    found = make_quantile(np.arange(1.0, n + 1.0), p)
    below = [rank for rank in range(1, n + 1) if binom.cdf(rank - 1, n, p) <= alpha]
    above = [rank for rank in range(1, n + 1) if binom.cdf(rank - 1, n, p) >= 1.0 - alpha]
    assert found.low(alpha) == max(below, default=0)
    assert found.high(alpha) == min(above, default=math.inf)


def test_the_upper_end_of_p95_takes_72_values() -> None:
    """0.95**72 is 0.0249 and 0.95**71 is 0.0262."""
    assert make_quantile(np.ones(71), 0.95).interval(0.95).high is None
    assert make_quantile(np.ones(72), 0.95).interval(0.95).high == 1.0


def test_lost_values_are_the_worst_at_both_ends() -> None:
    """The ranks of 100 values for the median are 40 and 61 (binomial); ten of the values are not known."""
    found = make_quantile(np.arange(1.0, 91.0), 0.5, lost=10)
    assert (found.low(0.025), found.high(0.025)) == (30.0, 61.0)
    assert make_quantile(np.arange(1.0, 91.0), 0.95, lost=10).high(0.025) == math.inf


def test_copies_of_one_value_say_no_more_than_one() -> None:
    """Each value five times, as by five questions about one document: no narrower than the values alone."""
    values = np.random.default_rng(0).lognormal(0.0, 1.0, 40)
    alone = make_quantile(values, 0.5).interval(0.95)
    copied = make_quantile(np.repeat(values, 5), 0.5, clusters=np.repeat(np.arange(40), 5)).interval(0.95)
    assert copied.high is not None
    assert alone.high is not None
    assert copied.low <= alone.low
    assert copied.high >= alone.high


@pytest.mark.parametrize(("values", "p"), [([], 0.5), ([-1.0], 0.5), ([1.0], 1.0), ([math.inf], 0.5)])
def test_what_is_no_quantile_is_refused(values: list[float], p: float) -> None:
    with pytest.raises(ValueError, match="make_quantile"):
        make_quantile(values, p)


@pytest.mark.parametrize("n", [20, 100, 500])
def test_intervals_of_quantiles_cover(n: int) -> None:
    """Of log-normal latencies, whose quantiles are known; the bound at 200 draws is four standard errors."""
    rng = np.random.default_rng(n)
    for p in (0.5, 0.95):
        true = float(lognorm.ppf(p, 0.6))
        missed = 0
        for _ in range(DRAWS):
            one = make_quantile(WORLDS["lognormal"](rng, n), p).interval(0.95)
            missed += not one.low <= true <= (math.inf if one.high is None else one.high)
        assert missed / DRAWS <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / DRAWS)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("n", [20, 100, 400])
def test_a_gate_of_latency_errs_seldom_at_its_margin(world: str, n: int) -> None:
    """The candidate is 1.2 times as slow, exactly at the margin of 20%: a pass and a fail are both wrong."""
    rng = np.random.default_rng(n)
    for p in (0.5, 0.95):
        passes = fails = 0
        for _ in range(DRAWS):
            a, b = WORLDS[world](rng, n), 1.2 * WORLDS[world](rng, n)
            margin = QuantileMargin(make_quantile(a, p), make_quantile(b, p), factor=1.2)
            passes += margin.low(0.05) > 0.0
            fails += margin.high(0.05) < 0.0
        assert max(passes, fails) / DRAWS <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / DRAWS)


def test_p_values_agree_with_the_bounds() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(0.0, 0.5, 200), rng.lognormal(0.0, 0.5, 200)
    margin = QuantileMargin(make_quantile(a, 0.5), make_quantile(b, 0.5), factor=1.2)
    assert margin.low(margin.p_pass * 1.001) > 0.0 >= margin.low(margin.p_pass * 0.999)
    assert margin.p_fail > 0.5


def test_the_questions_needed_are_enough_for_the_same_distribution() -> None:
    values = lognorm.ppf((np.arange(100) + 0.5) / 100, 0.3)
    same = Quantile(0.95, values)
    margin = QuantileMargin(same, same, factor=1.5)
    needed = margin.questions_needed(0.05)
    assert needed is not None
    assert (margin.p_pass <= 0.05, needed) == (True, 100)  # these are enough already
    more = Quantile(0.95, lognorm.ppf((np.arange(2 * needed) + 0.5) / (2 * needed), 0.3))
    assert QuantileMargin(more, more, factor=1.5).p_pass <= 0.05
    assert QuantileMargin(same, same).questions_needed(0.05) is None


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("n", [20, 100])
def test_a_gate_of_cost_errs_seldom_at_its_margin(world: str, n: int) -> None:
    """Mean costs 10% above the baseline's, exactly at the margin: by all questions a little, and by one in twenty that
    costs three times as much, which a sample may not hold at all.
    """
    rng = np.random.default_rng(n)
    passes, fails = np.zeros(2), np.zeros(2)
    for _ in range(30):
        a = WORLDS[world](rng, n)
        alike = 1.1 * a * rng.lognormal(-0.045, 0.3, n)
        rarely = a * np.where(rng.random(n) < 0.05, 3.0, 1.0)
        for i, b in enumerate((alike, rarely)):
            scale = 1.1 * max(a.max(), b.max())
            found = against_margin(1.0 - 1.1 * a / scale, 1.0 - b / scale, 0.0)
            passes[i] += found.p_pass <= 0.05
            fails[i] += found.p_fail <= 0.05
    assert max(passes.max(), fails.max()) / 30 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 30)


def test_ratios_of_means() -> None:
    """Twice as dear on every question: 2; the ends by hand where all costs are equal: (n + g) / n, g a Gamma(1/2)."""
    one = mean_ratio([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert one.point == pytest.approx(2.0)
    assert one.low < 2.0 < one.high
    flat = mean_ratio([1.0] * 200, [1.0] * 200)
    assert flat.high == pytest.approx(1.0 + 2.51 / 200, abs=0.003)  # 0.975 of Gamma(1/2) is 2.51
    assert flat.low == pytest.approx(1.0 - 2.51 / 202.5, abs=0.003)
    with pytest.raises(ValueError, match="mean_ratio"):
        mean_ratio([0.0, 0.0], [1.0, 1.0])


def test_ratios_cover() -> None:
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(30):
        a = rng.lognormal(0.0, 0.6, 50)
        found = mean_ratio(a, 1.3 * a * rng.lognormal(-0.02, 0.2, 50))
        missed += not found.low <= 1.3 <= found.high
    assert missed / 30 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 30)
