"""The difference of two independent means: worked numbers from elsewhere, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rageval.stats import Interval, mean_interval, ppi_mean
from rageval.stats.quantiles import t_cdf
from rageval.stats.unpaired import unpaired_difference

REPETITIONS = 250
Floats = NDArray[np.float64]


def least(coverage: float) -> float:
    """Three standard errors below, so that a good interval fails once in several hundred changes of the seed."""
    return coverage - 3 * math.sqrt(coverage * (1 - coverage) / REPETITIONS)


def test_of_two_wilson_intervals_it_is_newcombes() -> None:
    """Newcombe 1998, Statistics in Medicine 17, table II, example (a) by method 10: 56/70 against 48/80."""
    first, other = (
        mean_interval([1.0] * ones + [0.0] * (n - ones), method="wilson") for ones, n in ((56, 70), (48, 80))
    )
    found = unpaired_difference(other, first).difference
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert found.point == pytest.approx(0.2)
    assert found.n == 150


@pytest.mark.parametrize("df", [1, 2, 7, 30, 499])
def test_students_t(df: int) -> None:
    for t in (-3.0, -0.2, 0.0, 0.4, 2.0, 6.0):
        assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-12)


def test_the_p_value_by_hand() -> None:
    """Symmetric intervals of half-width 0.03 and 0.04 make one of 0.05, so 0.05 is at 1 - level exactly."""
    before = Interval(0.50, 0.47, 0.53, 0.95, "x", 20)
    found = unpaired_difference(before, Interval(0.55, 0.51, 0.59, 0.95, "x", 20))
    assert (found.difference.low, found.difference.high) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.10))
    assert found.p_value == pytest.approx(0.05)
    twice = unpaired_difference(before, Interval(0.60, 0.56, 0.64, 0.95, "x", 11))
    assert twice.p_value == pytest.approx(2 * stats.t.sf(2 * stats.t.ppf(0.975, 10), 10))
    assert unpaired_difference(before, Interval(0.50, 0.46, 0.54, 0.95, "x", 9)).p_value == 1.0
    with pytest.raises(ValueError, match=r"found the levels 0.95 and 0.9"):
        unpaired_difference(before, Interval(0.5, 0.4, 0.6, 0.9, "x", 9))


@pytest.mark.parametrize("change", [-0.2, -0.01, 0.01, 0.2])
def test_p_and_interval_agree_and_turn_round(change: float) -> None:
    one = Interval(0.7, 0.6, 0.85, 0.95, "x", 30)
    other = Interval(0.7 + change, 0.65 + change, 0.74 + change, 0.95, "x", 50)
    there, back = unpaired_difference(one, other), unpaired_difference(other, one)
    assert (there.p_value <= 0.05) == (not there.difference.low <= 0.0 <= there.difference.high)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.difference.low == pytest.approx(-back.difference.high)


def draw(kind: str, mean: float, n: int, rng: np.random.Generator) -> Floats:
    if kind == "binary":
        return (rng.random(n) < mean).astype(np.float64)
    if kind == "graded":
        return np.round(8.0 * rng.beta(2.0 * mean, 2.0 - 2.0 * mean, n)) / 8.0
    whole = rng.random(n) < 2.0 * mean - 1.0  # mostly 1, else anything
    return np.where(whole, 1.0, rng.random(n))


def true_mean(kind: str, mean: float) -> float:
    if kind != "graded":
        return mean
    ends = stats.beta.cdf((np.arange(9) + 0.5) / 8.0, 2.0 * mean, 2.0 - 2.0 * mean)
    return float(np.diff(ends, prepend=0.0) @ np.arange(9)) / 8.0


@pytest.mark.parametrize(
    ("kind", "means", "sizes"),
    [
        ("binary", (0.5, 0.5), (10, 10)),
        ("binary", (0.9, 0.7), (20, 200)),
        ("binary", (0.97, 0.97), (50, 50)),
        ("binary", (0.95, 0.85), (200, 40)),
        ("graded", (0.5, 0.6), (20, 20)),
        ("graded", (0.9, 0.9), (15, 150)),
        ("mostly 1", (0.95, 0.8), (30, 60)),
    ],
)
def test_the_interval_covers_and_the_test_keeps_its_level(
    kind: str, means: tuple[float, float], sizes: tuple[int, int]
) -> None:
    rng = np.random.default_rng(5)
    true = true_mean(kind, means[1]) - true_mean(kind, means[0])
    covered = claimed = far = 0
    for _ in range(REPETITIONS):
        before, after = (mean_interval(draw(kind, m, n, rng)) for m, n in zip(means, sizes, strict=True))
        found = unpaired_difference(before, after)
        covered += found.difference.low <= true <= found.difference.high
        claimed += found.p_value <= 0.05
        far += found.p_value <= 0.002
    assert covered / REPETITIONS >= least(0.94)
    if means[0] == means[1]:
        assert claimed / REPETITIONS <= 1.0 - least(0.94)
        assert far <= 4  # at 0.002 of 250: more than 4 with probability 0.0002


def test_with_peoples_labels_it_covers_too() -> None:
    """Two weeks of logs, of each 40 answers labelled; the judge is biased by more in the second week."""
    rng, covered = np.random.default_rng(6), 0
    repetitions = 150
    for _ in range(repetitions):
        ends: list[Interval] = []
        for rate, error in ((0.7, 0.05), (0.75, 0.25)):
            gold = (rng.random(300) < rate).astype(np.float64)
            judged = np.where(rng.random(300) < error, 1.0, gold)
            mean = ppi_mean(gold[:40], judged[:40], judged[40:], rng=rng)
            ends.append(Interval(mean.point, mean.low, mean.high, 0.95, mean.method, 40))
        found = unpaired_difference(*ends).difference
        covered += found.low <= 0.05 <= found.high
    assert covered / repetitions >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / repetitions)
