"""Means over a sampled log: the arithmetic by hand, and how often both intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from rageval.stats import mean_interval
from rageval.stats.sampled import NO_SPREAD, Design, allocate, sampled_mean

ONE = np.zeros(200, dtype=np.int64)


def design(drawn: list[int], sizes: list[int]) -> Design:
    return Design(np.array(drawn), np.array(sizes))


def test_the_weighted_mean_by_hand() -> None:
    """One of 10 and two of 2 drawn: (10 * 0 + 1 * 1 + 1 * 0.5) / 12."""
    found = sampled_mean([0.0, 1.0, 0.5], np.array([0, 1, 1]), design([1, 2], [10, 2]))
    assert found.interval.point == pytest.approx(1.5 / 12)
    assert found.interval.low <= 1.5 / 12 <= found.interval.high


def test_the_finite_population_correction_by_hand() -> None:
    """Unstratified, 100 of 400: the distance to either end shrinks by the root of n / (n - 1) * (1 - 1/4)."""
    x = np.arange(100) % 2.0
    found = sampled_mean(x, ONE[:100], design([100], [400]))
    plain = mean_interval(x)
    left = (100 / 99 * 0.75) ** 0.5
    assert (found.interval.low, found.interval.high) == (plain.low, plain.high)
    assert found.this_log == pytest.approx((0.5 - left * (0.5 - plain.low), 0.5 + left * (plain.high - 0.5)))


def test_a_log_that_was_looked_at_wholly_leaves_nothing_open() -> None:
    found = sampled_mean([0.0, 1.0, 1.0], np.array([0, 0, 1]), design([2, 1], [2, 1]))
    assert found.this_log == pytest.approx((2 / 3, 2 / 3))
    assert found.interval.low < 2 / 3 < found.interval.high
    assert sampled_mean([1.0, 1.0], ONE[:2], design([2], [2])).this_log == (1.0, 1.0)


def test_conversations_widen_the_interval_for_traffic_and_one_alone_says_nothing() -> None:
    x = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 10)
    alone = sampled_mean(x, ONE[:60], design([60], [60]))
    joined = sampled_mean(x, ONE[:60], design([60], [60]), clusters=np.repeat(range(6), 10).tolist())
    assert joined.interval.width > 2 * alone.interval.width
    one = sampled_mean(x, ONE[:60], design([60], [60]), clusters=["a"] * 60)
    assert (one.interval.low, one.interval.high, one.interval.method) == (0.0, 1.0, "one cluster")


def test_lengths_have_no_bounds() -> None:
    x = np.array([10.0, 30.0, 20.0, 40.0])
    assert sampled_mean(x, ONE[:4], design([4], [4]), bounds=None).interval.point == 25.0
    assert sampled_mean([7.0, 7.0], ONE[:2], design([2], [9]), bounds=None).interval.method == NO_SPREAD
    together = sampled_mean([7.0, 9.0], ONE[:2], design([2], [9]), bounds=None, clusters=["a", "a"])
    assert together.interval.method == NO_SPREAD
    few = sampled_mean([0.0, 2.0], ONE[:2], design([2], [9]), bounds=None, least=0.0)
    assert few.interval.low == 0.0
    assert few.this_log[0] >= 0.0
    assert few.interval.high > 2.0
    many = np.tile(x, 1000)
    found = sampled_mean(many, np.zeros(4000, dtype=np.int64), design([4000], [4000]), bounds=None).interval
    half = 1.9605 * many.std(ddof=1) / 4000**0.5
    assert (found.method, found.high - 25.0) == ("t", pytest.approx(half, rel=1e-3))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="as many at most"):
        design([3], [2])
    with pytest.raises(ValueError, match="one or more values"):
        sampled_mean([], np.zeros(0, dtype=np.int64), design([1], [1]))


@pytest.mark.parametrize(
    ("sizes", "n", "drawn"),
    [
        ([100, 100], 10, [5, 5]),
        ([990, 10], 50, [45, 5]),
        ([990, 3], 50, [47, 3]),
        ([10, 10, 10], 9, [5, 5, 5]),
        ([4], 9, [4]),
        ([7, 7, 7], 20, [7, 7, 6]),
    ],
)
def test_allocation(sizes: list[int], n: int, drawn: list[int]) -> None:
    assert sorted(allocate(sizes, n, 5)) == sorted(drawn)


WORLDS = {  # the mean of each of three strata, whose sizes are 60, 30 and 10 parts of a hundred
    "apart": (0.95, 0.6, 0.2),
    "rare and bad": (0.98, 0.97, 0.5),
}
SHARES = np.array([0.6, 0.3, 0.1])
REPEATS = 100


def population(rng: np.random.Generator, means: tuple[float, ...], n: int, kind: str, fold: int):
    """`n` answers, `fold` of one conversation after another, with their strata; within one they are alike."""
    strata = np.repeat(rng.choice(3, size=n // fold, p=SHARES), fold)
    mean = np.array(means)[strata]
    if kind == "binary":
        once = rng.random(n // fold)
        own = np.where(rng.random(n) < 0.5, np.repeat(once, fold), rng.random(n)) if fold > 1 else rng.random(n)
        return strata, (own < mean).astype(float)
    return strata, rng.binomial(8, mean) / 8


@pytest.mark.parametrize("kind", ["binary", "graded"])
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("n", "size", "stratified"), [(60, 3000, True), (200, 400, True), (60, 120, False)])
def test_both_intervals_cover(kind: str, world: str, n: int, size: int, stratified: bool) -> None:
    """Nominally 95%; 100 draws have a standard error of 2 points, and no interval may fall below 90%."""
    means = WORLDS[world]
    truth = float(SHARES @ np.array(means))
    rng = np.random.default_rng(11)
    traffic = log = 0
    for _ in range(REPEATS):
        strata, values = population(rng, means, size, kind, 1)
        chosen_strata = strata if stratified else np.zeros(size, dtype=np.int64)
        sizes = np.bincount(chosen_strata, minlength=3)
        drawn = allocate(sizes.tolist(), n, 5)
        taken = np.concatenate([rng.permutation(np.flatnonzero(chosen_strata == h))[: drawn[h]] for h in range(3)])
        found = sampled_mean(values[taken], chosen_strata[taken], Design(np.array(drawn), sizes))
        traffic += found.interval.low <= truth <= found.interval.high
        log += found.this_log[0] - 1e-9 <= values.mean() <= found.this_log[1] + 1e-9
    assert traffic / REPEATS >= 0.9
    assert log / REPEATS >= 0.9


@pytest.mark.parametrize("stratified", [True, False])
def test_the_interval_covers_where_conversations_repeat(stratified: bool) -> None:
    rng = np.random.default_rng(12)
    truth = float(SHARES @ np.array(WORLDS["apart"]))
    covered = naive = 0
    for _ in range(REPEATS):
        strata, values = population(rng, WORLDS["apart"], 240, "binary", 4)
        talks = np.repeat(np.arange(60), 4)
        chosen_strata = strata if stratified else np.zeros(240, dtype=np.int64)
        sizes = np.bincount(chosen_strata, minlength=3)
        drawn = allocate(sizes.tolist(), 160, 5)
        taken = np.concatenate([rng.permutation(np.flatnonzero(chosen_strata == h))[: drawn[h]] for h in range(3)])
        plan = Design(np.array(drawn), sizes)
        for clusters in (talks[taken].tolist(), None):
            found = sampled_mean(values[taken], chosen_strata[taken], plan, clusters=clusters).interval
            hit = found.low <= truth <= found.high
            covered, naive = (covered + hit, naive) if clusters is not None else (covered, naive + hit)
    assert covered / REPEATS >= 0.9
    assert naive / REPEATS < covered / REPEATS
