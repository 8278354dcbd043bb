"""Intervals over slices hold together at any size of slice; the test of interaction seldom finds what is not there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, f_oneway, norm

from rageval.stats import slices
from rageval.stats.slices import slice_intervals, slices_differ
from tests.statistics.test_paired import three_errors

Draw = Callable[[np.random.Generator, int], np.ndarray]

SIZES = (5, 8, 10, 15, 25, 50, 100, 200)


# Intervals


@pytest.mark.parametrize(("ones", "n"), [(0, 5), (3, 5), (20, 20), (150, 200)])
@pytest.mark.parametrize("beside", [0, 7])
def test_zeros_and_ones_have_the_interval_of_clopper_and_pearson(ones: int, n: int, beside: int) -> None:
    """At level 1 - 0.05 / number of slices."""
    values = [1.0] * ones + [0.0] * (n - ones)
    found = slice_intervals([values, *[[0.0, 1.0]] * beside], rng=np.random.default_rng(1))[0]
    tail = 0.05 / 2 / (1 + beside)
    low = beta(ones, n - ones + 1).ppf(tail) if ones else 0.0
    high = beta(ones + 1, n - ones).ppf(1 - tail) if ones < n else 1.0
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.025)
    assert (found.point, found.n, found.level) == (ones / n, n, 0.95)
    assert found.method == ("gaffke, together" if beside else "gaffke")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=1, max_size=30), min_size=1, max_size=9))
def test_intervals_take_in_the_mean_and_turn_round(values: list[list[float]]) -> None:
    """1 - x has the mirrored interval, but for the random draws."""
    found = slice_intervals(values, rng=np.random.default_rng(2))
    mirrored = slice_intervals([[1.0 - x for x in one] for one in values], rng=np.random.default_rng(3))
    for one, other, given_values in zip(found, mirrored, values, strict=True):
        assert 0.0 <= one.low <= one.point <= one.high <= 1.0
        assert one.point == pytest.approx(np.mean(given_values))
        assert (1.0 - other.high, 1.0 - other.low) == pytest.approx((one.low, one.high), abs=0.06)


def test_a_slice_of_one_cluster_is_one_value() -> None:
    """And clusters of equal values are as many values as there are clusters."""
    values = [0.2, 0.4, 0.6, 0.8]
    alone = slice_intervals([values], clusters=[["d"] * 4], rng=np.random.default_rng(4))[0]
    one = slice_intervals([[0.5]], rng=np.random.default_rng(5))[0]
    assert (alone.low, alone.high) == pytest.approx((one.low, one.high), abs=0.1)
    assert alone.method == "gaffke, clustered"
    lonely = slice_intervals([[0.5]], clusters=[[frozenset()]], rng=np.random.default_rng(5))[0]
    assert (lonely.low, lonely.high) == (one.low, one.high)
    apart = slice_intervals([values * 10], clusters=[[*range(40)]], rng=np.random.default_rng(6))[0]
    independent = slice_intervals([values * 10], rng=np.random.default_rng(7))[0]
    assert (apart.low, apart.high) == pytest.approx((independent.low, independent.high), abs=0.03)


def binary(rate: float) -> Draw:
    return lambda rng, n: (rng.random(n) < rate).astype(float)


def continuous(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.beta(2, 3, n)


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    """Near 1 on most questions, near 0 on few."""
    return rng.beta(8, 0.4, n)


def mostly_0_or_1(rng: np.random.Generator, n: int) -> np.ndarray:
    """As recall of evidence: 0 in three of ten, 1 in five of ten, in between otherwise."""
    kind = rng.random(n)
    return np.where(kind < 0.3, 0.0, np.where(kind < 0.8, 1.0, rng.random(n)))


def almost_all_1(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.95, 1.0, 0.5 * rng.random(n))


SCORES: dict[str, tuple[Draw, float]] = {
    "half right": (binary(0.5), 0.5),
    "a tenth right": (binary(0.1), 0.1),
    "nearly all right": (binary(0.97), 0.97),
    "continuous": (continuous, 0.4),
    "skewed": (skewed, 8 / 8.4),
    "mostly 0 or 1": (mostly_0_or_1, 0.6),
    "almost all 1": (almost_all_1, 0.9625),
}


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """They blur a bound by chance, not on average."""
    monkeypatch.setattr(slices, "DRAWS", 2000)
    monkeypatch.setattr(slices, "PERMUTATIONS", 499)


@pytest.mark.parametrize("kind", SCORES)
def test_eight_slices_are_covered_together(kind: str, fewer_draws: None) -> None:
    """Slices of 5 to 200 questions: all eight cover in at least 93% of 400 draws, and each alone in at least 97%."""
    draw, truth = SCORES[kind]
    rng = np.random.default_rng(20261211)
    covered = np.zeros((400, len(SIZES)), dtype=bool)
    for repetition in range(400):
        found = slice_intervals([draw(rng, n) for n in SIZES], rng=rng)
        covered[repetition] = [one.low - 1e-12 <= truth <= one.high + 1e-12 for one in found]
    assert covered.all(axis=1).mean() >= 0.93
    assert covered.mean(axis=0).min() >= 0.97


@pytest.mark.parametrize(("n", "rate"), [(5, 0.004), (10, 0.348), (20, 0.196), (50, 0.084)])
def test_eight_slices_of_one_size_are_covered_together(n: int, rate: float, fewer_draws: None) -> None:
    """At the rates where Jeffreys' intervals would cover together in 85 to 89% (worked out exactly)."""
    rng = np.random.default_rng(20261215)
    covered = 0
    for _ in range(400):
        found = slice_intervals([binary(rate)(rng, n) for _ in range(8)], rng=rng)
        covered += all(one.low - 1e-12 <= rate <= one.high + 1e-12 for one in found)
    assert covered / 400 >= 0.93


def differences(draw: Draw) -> Draw:
    """Of two systems drawn alike."""
    return lambda rng, n: draw(rng, n) - draw(rng, n)


@pytest.mark.parametrize("kind", SCORES)
def test_differences_in_eight_slices_are_covered_together(kind: str, fewer_draws: None) -> None:
    draw = differences(SCORES[kind][0])
    rng = np.random.default_rng(20261212)
    covered = 0
    for _ in range(300):
        found = slice_intervals([draw(rng, n) for n in SIZES], bounds=(-1.0, 1.0), rng=rng)
        covered += all(one.low <= 0.0 <= one.high for one in found)
    assert covered / 300 >= 0.93


def test_large_slices_are_not_much_wider_than_they_need_be(fewer_draws: None) -> None:
    """Two hundred questions, eight slices: within a tenth of the normal interval at that level."""
    values = [continuous(np.random.default_rng(seed), 200) for seed in range(8)]
    found = slice_intervals(values, rng=np.random.default_rng(9))
    for one, x in zip(found, values, strict=True):
        normal = 2 * norm.ppf(1 - 0.025 / 8) * x.std(ddof=1) / np.sqrt(200)
        assert one.high - one.low == pytest.approx(normal, rel=0.15)


# Interaction


def test_all_assignments_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slices of five: the share of the 252 assignments with as large a statistic, which is written out here."""
    monkeypatch.setattr(slices, "_p_of_draws", lambda *_: 0.0)
    values = np.random.default_rng(11).normal(0.0, 0.2, 10).clip(-1, 1)
    values[:5] += 0.25
    variance = values.var(ddof=1)

    def statistic(inside: Sequence[int]) -> float:
        parts = [values[[*inside]], np.delete(values, [*inside])]
        means = np.array([part.mean() for part in parts])
        weights = np.array([part.size / ((part.var() * part.size + variance) / part.size) for part in parts])
        centre = (means * weights).sum() / weights.sum()
        return float((weights * (means - centre) ** 2).sum())

    least = statistic(range(5))
    share = np.mean([statistic(inside) >= least * (1 - 1e-9) for inside in itertools.combinations(range(10), 5)])
    p, test = slices_differ([values[:5], values[5:]], rng=np.random.default_rng(12))
    assert p == pytest.approx(share, abs=0.012)
    assert test == "permutation, Welch"


def test_the_p_value_is_that_of_f_where_all_is_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slices of sixty with equal variances: close to the analysis of variance; with the unseen values, more."""
    rng = np.random.default_rng(13)
    for shift in (0.0, 0.04, 0.08):
        values = [rng.normal(shift * i, 0.2, 60).clip(-1, 1) for i in range(3)]
        with_unseen, _ = slices_differ(values, rng=rng)
        with monkeypatch.context() as patched:
            patched.setattr(slices, "_p_of_draws", lambda *_: 0.0)
            p, _ = slices_differ(values, rng=rng)
        assert p == pytest.approx(f_oneway(*values).pvalue, abs=0.04)
        assert with_unseen >= p - 0.01


def test_equal_values_are_no_finding() -> None:
    assert slices_differ([[0.1] * 20, [0.1] * 10], rng=np.random.default_rng(14))[0] == 1.0
    assert slices_differ([[0.0] * 200, [-0.05] * 10], rng=np.random.default_rng(15))[0] > 0.05


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[0.1]], {}, "found 1 slice"),
        ([[0.1], []], {}, "one or more values"),
        ([[0.1], [1.5]], {}, r"expected them in \(-1.0, 1.0\)"),
        ([[0.1], [0.5, 0.2]], {"clusters": [[1], [1, 2, 3]]}, "3 of them for 2"),
    ],
)
def test_refuses(values: list[list[float]], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        slices_differ(values, rng=np.random.default_rng(0), **options)
    if len(values) == 1:
        with pytest.raises(ValueError, match="found no slice"):
            slice_intervals([], rng=np.random.default_rng(0))


def scaled(draw: Draw, by: float) -> Draw:
    return lambda rng, n: by * draw(rng, n)


def three_values(rng: np.random.Generator, n: int) -> np.ndarray:
    """Won, lost or the same, as of metrics of 0 and 1."""
    return rng.choice([-1.0, 0.0, 1.0], n, p=[0.15, 0.7, 0.15])


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(0.0, 0.3, n).clip(-1.0, 1.0)


def rare_losses(rng: np.random.Generator, n: int) -> np.ndarray:
    """A gain of 0.05 on most questions and a loss of 0.95 on one in twenty: 0 on average."""
    return np.where(rng.random(n) < 0.05, -0.95, 0.05)


WORLDS: dict[str, list[tuple[Draw, int]]] = {
    "equal slices": [(noise, 30)] * 3,
    "small slices": [(noise, 10), (noise, 12), (noise, 15)],
    "one small slice": [(noise, 10), (noise, 200)],
    "small and varying": [(noise, 12), (scaled(noise, 0.2), 150)],
    "small and steady": [(scaled(noise, 0.2), 12), (noise, 150)],
    "many, unequal": [(scaled(noise, 0.2 + 0.2 * i), 10 + 12 * i) for i in range(5)],
    "many, the other way": [(scaled(noise, 1.0 - 0.2 * i), 10 + 12 * i) for i in range(5)],
    "won and lost": [(three_values, 10), (three_values, 40), (three_values, 100)],
    "won and lost beside ties": [(three_values, 12), (scaled(noise, 0.05), 200)],
    "rare losses": [(rare_losses, 10), (rare_losses, 60)],
    "rare losses beside noise": [(rare_losses, 20), (scaled(noise, 0.3), 100)],
}


@pytest.mark.parametrize("world", WORLDS)
def test_interaction_is_seldom_found_where_there_is_none(world: str, fewer_draws: None) -> None:
    """Equal means, whatever the variances: p at most 0.05 in 5% of 600 draws at most, and three standard errors."""
    rng = np.random.default_rng(20261213)
    found = sum(slices_differ([draw(rng, n) for draw, n in WORLDS[world]], rng=rng)[0] <= 0.05 for _ in range(600))
    assert found / 600 <= 0.05 + three_errors(0.05, 600)


def test_interaction_is_found_where_there_is_one(fewer_draws: None) -> None:
    """Slices of 60 and 60, a difference of 0.2 at a standard deviation of 0.3: power by the t test is 0.95."""
    rng = np.random.default_rng(20261214)
    values = [
        slices_differ([np.clip(noise(rng, 60) - 0.1, -1, 1), np.clip(noise(rng, 60) + 0.1, -1, 1)], rng=rng)[0] <= 0.05
        for _ in range(200)
    ]
    assert np.mean(values) >= 0.85
