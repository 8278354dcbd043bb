"""Betting: errors under continuous looking, coverage at all n at once, and numbers of another implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.stats import paired
from rageval.stats.sequential import betting_sequence, reached_after, sequential_mean
from tests.statistics.sequential_draws import FIXED_DRAWS, Draw, changed, planned, rare_losses, rates, smooth

REPETITIONS = 300
N = 400
WORLDS: dict[str, Draw] = {"smooth": smooth, "changed": changed, "rare losses": rare_losses}


def most(p: float, repetitions: int = REPETITIONS) -> float:
    """What a share of p may look like: three standard errors more."""
    return p + 3 * math.sqrt(p * (1 - p) / repetitions)


def skewed(n: int) -> np.ndarray:
    """Numbers without a generator: many small ones, two thirds of them positive."""
    u = np.arange(1, n + 1) * 0.6180339887498949 % 1
    return np.round(u**3 * np.where(np.arange(n) % 3 == 0, -1, 1), 4)


# confseq 0.0.11 (Waudby-Smith and others), diversified_betting_mart with bets of FRACTIONS / m on more (theta 1)
# and FRACTIONS / (1 - m) on less (theta 0), trunc_scale 1: the most that the capital was by 5, 10, 20 and 60 values.
CONFSEQ = {
    -0.1: ([1.4508910986698407, 4.001629319093312, 10.078572561335577, 1542.5431177403302], [1.0618636363636367] * 4),
    0.0: ([1.152309545423129, 2.0163576867929316, 3.245586983864595, 15.24903439086285], [1.11805] * 4),
    0.05: ([1.0677106846710702, 1.5554478512778793, 2.0762072564513914, 2.7747475077266164], [1.173833573296399] * 4),
    0.3: ([1.0] * 4, [2.009922677888528, 2.448822237854823, 14.823192600324422, 1589.6434243061706]),
}
# Its betting_cs with these bets, breaks=4000, running intersection, alpha 0.05, after 5, 10, 20, 40 and 60 values.
CONFSEQ_LOW = [-0.6245, -0.3295, -0.1975, -0.06, -0.024]
CONFSEQ_HIGH = [0.6775, 0.5525, 0.344, 0.278, 0.239]


@pytest.mark.parametrize("mean", CONFSEQ)
def test_capital_equals_that_of_confseq(mean: float) -> None:
    read, at = sequential_mean(skewed(60)), [4, 9, 19, 59]
    more, less = CONFSEQ[mean]
    assert np.exp(read.above(mean)[at]) == pytest.approx(more, rel=1e-10)
    assert np.exp(read.below(mean)[at]) == pytest.approx(less, rel=1e-10)


def test_bounds_equal_those_of_confseq() -> None:
    """As far as its grid of 0.0005 and ours of 0.001 go; ours are rounded outwards."""
    low, high = betting_sequence(skewed(60))
    at = [4, 9, 19, 39, 59]
    assert low[at] == pytest.approx(CONFSEQ_LOW, abs=0.00101)
    assert high[at] == pytest.approx(CONFSEQ_HIGH, abs=0.00101)


def product(d: np.ndarray, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Both capitals by their definition (Waudby-Smith and Ramdas 2024, section 4.2), one factor after another."""
    up, down = [], []
    y, m = (d + 1.0) / 2.0, (mean + 1.0) / 2.0
    stakes = [(j + 0.5) / 20 for j in range(20)]
    above, below = [1.0] * 20, [1.0] * 20
    for value in y:
        above = [capital * (1.0 + c / m * (value - m)) for capital, c in zip(above, stakes, strict=True)]
        below = [capital * (1.0 - c / (1.0 - m) * (value - m)) for capital, c in zip(below, stakes, strict=True)]
        up.append(sum(above) / 20)
        down.append(sum(below) / 20)
    return np.array(up), np.array(down)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([-1.0, -0.4, 0.0, 0.0, 0.1, 1.0]), min_size=1, max_size=80),
    st.floats(-0.9, 0.9),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_capital_equals_the_products_of_the_paper(values: list[float], mean: float, alpha: float) -> None:
    read = sequential_mean(values)
    up, down = (np.maximum.accumulate(np.maximum(capital, 1.0)) for capital in product(np.array(values), mean))
    assert np.exp(read.above(mean)) == pytest.approx(up, rel=1e-9)
    assert np.exp(read.below(mean)) == pytest.approx(down, rel=1e-9)
    reached = np.flatnonzero(up >= 1.0 / alpha)
    if up.max() < 1.0 / alpha - 1e-6 or up.max() > 1.0 / alpha + 1e-6:
        assert reached_after(read.above(mean), alpha) == (int(reached[0]) + 1 if reached.size else None)
        assert (read.low(alpha) > mean) == bool(reached.size)  # a test and the bound agree


@pytest.mark.parametrize("world", WORLDS)
def test_reading_after_every_value_errs_seldom(world: str) -> None:
    """The mean is exactly at the margin: neither side is ever decided in more than 5% of the draws."""
    rng = np.random.default_rng(31)
    decided = np.zeros(2)
    for _ in range(REPETITIONS):
        read = sequential_mean(WORLDS[world](rng, -0.05, N))
        sides = read.above(-0.05), read.below(-0.05)
        decided += [reached_after(side, 0.05) is not None for side in sides]
    assert (decided / REPETITIONS <= most(0.05)).all()


@pytest.mark.parametrize(("world", "mean"), [("smooth", 0.1), ("changed", 0.0), ("rare losses", -0.05)])
def test_the_bounds_cover_after_every_value_at_once(world: str, mean: float) -> None:
    rng = np.random.default_rng(32)
    missed = 0
    for number in range(REPETITIONS):
        d = WORLDS[world](rng, mean, N)
        read = sequential_mean(d)
        err = any(reached_after(side, 0.025) is not None for side in (read.above(mean), read.below(mean)))
        missed += err
        if number < 4 or (err and missed < 3):
            low, high = betting_sequence(d)
            assert (np.diff(low) >= 0.0).all()
            assert (np.diff(high) <= 0.0).all()
            assert bool(((low > mean) | (high < mean)).any()) <= err
    assert missed / REPETITIONS <= most(0.05)


def clustered(rng: np.random.Generator, mean: float, documents: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents of one to six questions, lost or won as a whole; those with more questions lose more often."""
    sizes = rng.integers(1, 7, documents)
    lost = rng.random(documents) < 0.02 + 0.02 * sizes
    of_all = 0.02 + 0.02 * (1 + 4 + 9 + 16 + 25 + 36) / 21  # the share of questions lost
    value = np.where(lost, -1.0, (mean + of_all) / (1.0 - of_all))
    return np.repeat(value, sizes), np.repeat(np.arange(documents), sizes)


def test_whole_clusters_err_seldom_and_single_questions_do_not() -> None:
    rng = np.random.default_rng(33)
    of_clusters = of_questions = 0
    for _ in range(REPETITIONS):
        d, documents = clustered(rng, -0.05, 100)
        of_clusters += reached_after(sequential_mean(d, clusters=documents).above(-0.05), 0.05) is not None
        of_questions += reached_after(sequential_mean(d).above(-0.05), 0.05) is not None
    assert of_clusters / REPETITIONS <= most(0.05)
    assert of_questions / REPETITIONS > most(0.05)


def test_clusters_of_one_are_values_and_a_cluster_counts_once_complete() -> None:
    d = skewed(40)
    assert (sequential_mean(d, clusters=range(40)).above(-0.2) == sequential_mean(d).above(-0.2)).all()
    read = sequential_mean([1.0] * 30, clusters=[i // 3 for i in range(30)])
    evidence = read.above(-0.5)
    assert evidence[:2].tolist() == [0.0, 0.0]
    assert (evidence[2::3] > 0.0).all()
    assert (evidence[2:-1:3] == evidence[3::3]).all()


@pytest.mark.parametrize("n", [1, 3, 3000])
def test_bounds_after_the_last_value_are_those_of_the_sequence(n: int) -> None:
    d = smooth(np.random.default_rng(n), 0.02, n)
    read, (low, high) = sequential_mean(d), betting_sequence(d)
    assert low[-1] <= read.low(0.025) <= low[-1] + 0.001 + 1e-9
    assert high[-1] - 0.001 - 1e-9 <= read.high(0.025) <= high[-1]


def test_other_bounds_are_the_same_evidence() -> None:
    d = skewed(50)
    ours, scaled = sequential_mean(d), sequential_mean((d + 1.0) * 3.0, bounds=(0.0, 6.0))
    assert scaled.above(2.7) == pytest.approx(ours.above(-0.1), abs=1e-12)
    assert scaled.low(0.05) == pytest.approx((ours.low(0.05) + 1.0) * 3.0)


def test_ends_of_the_range() -> None:
    read = sequential_mean([-1.0, 0.5])
    assert read.above(-1.0).tolist() == [0.0, math.inf]
    assert read.below(-1.0).tolist() == [0.0, 0.0]
    assert read.above(1.0).tolist() == [0.0, 0.0]


def test_what_is_clear_is_decided_early_and_the_rest_costs_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/sequential.md has the whole table."""
    monkeypatch.setattr(paired, "MARGIN_DRAWS", FIXED_DRAWS)
    n = planned(0.2, 0.05)
    clear = rates(smooth, 0.05, 0.05, n, 60)
    assert clear.passed > 0.9
    assert clear.mean < 0.5 * n
    close = rates(smooth, 0.0, 0.05, n, 60)
    assert close.passed <= close.fixed_passed


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        ([0.5, 1.5], {}, "found values in"),
        ([], {}, "expected one or more"),
        ([0.1, math.nan], {}, "not finite"),
        ([0.1, 0.2], {"bounds": (1.0, 0.0)}, "found values in"),
        ([0.1, 0.2, 0.3], {"clusters": [1, 2, 1]}, "in several places"),
        ([0.1, 0.2], {"clusters": [1, 1]}, "expected at least 2"),
        ([0.1], {"level": 1.0}, "found level"),
    ],
)
def test_refuses(values: list[float], options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        betting_sequence(values, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found the mean"):
        sequential_mean([0.1]).above(2.0)
