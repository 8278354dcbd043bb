"""The mean over a log of which a random sample was looked at: the same sample tells two things.

What the log stands for, such as the traffic of a system, goes on: its mean has the interval of a sample from it,
however large the log is. The mean over the log itself is known better: where n of its N answers were looked at, the
variance is multiplied by the finite population correction 1 - n / N, in each stratum by its own (Cochran 1977, Sampling
Techniques, chapters 2 and 5), and nothing is left open where all were.

Within a stratum each answer is drawn with the same probability, so it stands for (size of the stratum / number drawn)
answers. The mean is weighted by that (Hájek 1971), which also serves for a part of the log, such as the answers of one
model, whose size in a stratum is not known.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values
from rageval.stats.clusters import Clustering, make_clustering
from rageval.stats.dirichlet import bound_draws
from rageval.stats.intervals import CLUSTERED, OWN_END, Interval, mean_interval
from rageval.stats.quantiles import t_quantile

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

NO_SPREAD = "no spread"
"""The method of an interval that is none: all values were alike, and there are no bounds to say more."""

MOST_RESAMPLED = 2000
"""Of more unbounded values than this the mean has Student's interval, of fewer the studentised bootstrap's."""


@dataclass(frozen=True, slots=True)
class Design:
    """How answers were drawn: from stratum h, `drawn[h]` of `sizes[h]`, each with the same probability."""

    drawn: Codes
    sizes: Codes

    def __post_init__(self) -> None:
        if self.drawn.shape != self.sizes.shape or np.any(self.drawn < 0) or np.any(self.drawn > self.sizes):
            raise ValueError("Design: found more answers drawn from a stratum than it has, expected as many at most")

    @property
    def weights(self) -> Floats:
        """How many answers one that was drawn stands for, by stratum; 0 where none was drawn."""
        return np.divide(self.sizes, self.drawn, out=np.zeros(self.sizes.size), where=self.drawn > 0)

    @property
    def is_even(self) -> bool:
        """Whether every answer weighs the same."""
        weights = self.weights[self.drawn > 0]
        return weights.size == 0 or bool(np.allclose(weights, weights[0]))


@dataclass(frozen=True, slots=True)
class SampledMean:
    """The mean with its interval for what the log stands for; `this_log` (low, high) is for the mean over the log."""

    interval: Interval
    this_log: tuple[float, float]


def sampled_mean(
    values: Sequence[float] | Floats,
    strata: Codes,
    design: Design,
    *,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    least: float = -math.inf,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> SampledMean:
    """The mean of some of the drawn answers; `strata` has the stratum of each value, from 0 on.

    `bounds` are those of the values, None where there are none; then no end of an interval is below `least`, the least
    value that there can be. Where all values without bounds are alike, nothing is known of their spread: both ends are
    the mean, and the method is `NO_SPREAD`. `clusters` has a label for each value, such as the
    conversation that it is from; values of one cluster are not taken for independent. Where they all are in one
    cluster, nothing is known of how clusters differ: the interval is the whole range, or the point without bounds.
    Raises ValueError for no values or values outside the bounds.
    """
    x = check_values(values, "sampled_mean")
    check_level(level, "sampled_mean")
    w = design.weights[strata]
    share = w / w.sum()
    mean = float(x.mean()) if design.is_even else float(share @ x)
    influence = share * (x - mean)
    found = None if clusters is None else _clustering(clusters, x.size)
    if found is not None and found.item.size == 0:
        interval = _unknown(x, mean, level, bounds)
    elif bounds is None:
        interval = _unbounded(x, mean, influence, level, found, even=design.is_even)
        interval = replace(interval, low=max(interval.low, least))
    elif design.is_even:
        interval = mean_interval(x, level=level, clusters=found, bounds=bounds)
    else:
        interval = _weighted(x, mean, share, influence, level, found, bounds)
    left = _left_open(influence, strata, design)
    point = interval.point
    return SampledMean(interval, (point - left * (point - interval.low), point + left * (interval.high - point)))


def allocate(sizes: Sequence[int], n: int, fewest: int) -> list[int]:
    """How many of `n` answers to draw from strata of these sizes: in proportion, but `fewest` from each (or all that it
    has). More than `n` are drawn where the strata are that many.
    """
    total = sum(sizes)
    exact = [n * size / total if total else 0.0 for size in sizes]
    drawn = [min(size, max(fewest, math.floor(part))) for size, part in zip(sizes, exact, strict=True)]
    while sum(drawn) < min(n, total):
        behind = [part - one if one < size else -math.inf for part, one, size in zip(exact, drawn, sizes, strict=True)]
        drawn[behind.index(max(behind))] += 1
    while sum(drawn) > n:
        ahead = [
            one - part if one > min(size, fewest) else -math.inf
            for part, one, size in zip(exact, drawn, sizes, strict=True)
        ]
        if max(ahead) == -math.inf:
            break
        drawn[ahead.index(max(ahead))] -= 1
    return drawn


def _clustering(clusters: Sequence[Hashable], n: int) -> Clustering | None:
    """None where each value has a cluster of its own; empty where all share one."""
    different = len(set(clusters))
    if different == n:
        return None
    if different == 1:
        nothing = np.zeros(0, dtype=np.int64)
        return Clustering(nothing, nothing, np.zeros(0), n)
    return make_clustering(clusters, n, "sampled_mean")


def _unknown(x: Floats, mean: float, level: float, bounds: tuple[float, float] | None) -> Interval:
    if bounds is None:
        return Interval(mean, mean, mean, level, NO_SPREAD, x.size)
    return Interval(mean, *bounds, level, "one cluster", x.size)


def _unbounded(
    x: Floats, mean: float, influence: Floats, level: float, clusters: Clustering | None, *, even: bool
) -> Interval:
    if x.size < 2 or x.min() == x.max():
        return Interval(mean, mean, mean, level, NO_SPREAD, x.size)
    if even and x.size <= MOST_RESAMPLED:
        with suppress(ValueError):  # too few different values for the bootstrap
            return mean_interval(x, level=level, method="studentised", clusters=clusters)
    groups = x.size if clusters is None else int(clusters.groups.max()) + 1
    sums = influence if clusters is None else np.bincount(clusters.groups, weights=influence)
    half = t_quantile((1.0 + level) / 2.0, groups - 1) * math.sqrt(float(sums @ sums) * groups / (groups - 1))
    return Interval(mean, mean - half, mean + half, level, "t" + ("" if clusters is None else CLUSTERED), x.size)


def _weighted(
    x: Floats,
    mean: float,
    share: Floats,
    influence: Floats,
    level: float,
    clusters: Clustering | None,
    bounds: tuple[float, float],
) -> Interval:
    """By a Bayesian bootstrap in which a value that has not been seen weighs as much as the heaviest that has."""
    effect, lump = (1.0, 1.0) if clusters is None else clusters.discount(influence, level, share)
    weights = share * x.size
    lower, upper = bound_draws(
        x,
        low=bounds[0],
        high=bounds[1],
        end=OWN_END,
        rng=np.random.default_rng(0),
        design_effect=effect,
        lump=lump * float(weights.max()),
        weights=weights,
    )
    low, high = float(np.quantile(lower, (1.0 - level) / 2.0)), float(np.quantile(upper, (1.0 + level) / 2.0))
    method = "dirichlet, weighted" + ("" if clusters is None else CLUSTERED)
    return Interval(mean, min(low, mean), max(high, mean), level, method, x.size)


def _left_open(influence: Floats, strata: Codes, design: Design) -> float:
    """The standard error of the log's own mean, in parts of that of draws with these weights without strata."""
    fraction = np.divide(design.drawn, design.sizes, out=np.zeros(design.sizes.size), where=design.sizes > 0)
    squares = np.bincount(strata, weights=influence**2, minlength=design.sizes.size)
    alone = float(squares.sum())
    if alone <= 0.0:
        return math.sqrt(1.0 - float(design.drawn.sum() / design.sizes.sum()))
    sums = np.bincount(strata, weights=influence, minlength=design.sizes.size)
    n = np.maximum(design.drawn, 1)
    within = np.where(n > 1, (squares - sums**2 / n) * n / np.maximum(n - 1, 1), squares)
    return min(1.0, math.sqrt(max(0.0, float((1.0 - fraction) @ within)) / alone))
