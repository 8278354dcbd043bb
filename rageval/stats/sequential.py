"""Means that may be looked at after every value: confidence sequences and p-values by betting.

A gambler starts with 1 and bets on each value before it is seen that the mean is above m. If the mean is m or less, the
capital is a supermartingale, so it ever reaches 1 / alpha with probability at most alpha (Ville 1939): it is evidence
against "the mean is at most m" at every number of values at once. The means that no capital refutes are a confidence
sequence (Waudby-Smith and Ramdas 2024, arXiv 2010.09686).

How much to bet: each of `FRACTIONS`, of the most that can be lost, gets an equal share of the first capital and keeps
it to the end. This mixture is the universal portfolio (Cover 1991) on a grid, and one strategy for all m. Its capital
falls as m grows, so the means that are refuted lie below one bound, and a test and the bound always agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values
from rageval.stats.clusters import Clusters, make_clustering

Floats = NDArray[np.float64]

FRACTIONS: Floats = (np.arange(20) + 0.5) / 20
STEPS = 2000
_BLOCK = 500_000
_HALVINGS = 32


@dataclass(frozen=True, slots=True)
class SequentialMean:
    """Evidence about the mean of values in [low end, high end] that arrive in an order fixed without looking at them.

    `sums` and `sizes` are of the units that are bet on, one after another: the values themselves, or whole clusters;
    values are scaled to [0, 1]. `ends` counts the values up to the end of each unit. Made by `sequential_mean`.
    """

    n: int
    bounds: tuple[float, float]
    sums: Floats = field(repr=False)
    sizes: Floats = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)

    def above(self, mean: float) -> Floats:
        """The logarithm of the evidence against "the mean is at most `mean`" after each value, shape (n,): the most
        that the capital of a bet on more has reached, at least 0. exp(-evidence) is a p-value at every n at once.
        """
        return self._by_value(_log_capital(self.sums, self.sizes, self._scaled(mean)))

    def below(self, mean: float) -> Floats:
        """The same against "the mean is at least `mean`"."""
        return self._by_value(_log_capital(self.sizes - self.sums, self.sizes, 1.0 - self._scaled(mean)))

    def low(self, alpha: float) -> float:
        """The lower bound after all values: with probability 1 - alpha, it is below the mean at every n at once. Above
        a number exactly where the evidence `above` it has reached log(1 / alpha).
        """
        return float(self._unscaled(_bound(self.sums, self.sizes, alpha)))

    def high(self, alpha: float) -> float:
        """The upper bound likewise."""
        return float(self._unscaled(1.0 - _bound(self.sizes - self.sums, self.sizes, alpha)))

    def lows(self, alpha: float) -> Floats:
        """The lower bound after each value, shape (n,): the running maximum, rounded down to 1/2000 of the range."""
        return self._unscaled(self._spread(_bounds(self.sums, self.sizes, alpha)))

    def highs(self, alpha: float) -> Floats:
        """The upper bound after each value: the running minimum, rounded up."""
        return self._unscaled(1.0 - self._spread(_bounds(self.sizes - self.sums, self.sizes, alpha)))

    def _by_value(self, log_capital: Floats) -> Floats:
        return self._spread(np.maximum(np.maximum.accumulate(log_capital), 0.0))

    def _spread(self, by_unit: Floats) -> Floats:
        """By value: what holds at the end of the last unit that is complete, 0 where none is."""
        complete = np.searchsorted(self.ends, np.arange(1, self.n + 1), side="right")
        return np.concatenate(([0.0], by_unit))[complete]

    def _scaled(self, mean: float) -> float:
        low, high = self.bounds
        if not low <= mean <= high:
            raise ValueError(f"SequentialMean: found the mean {mean:g}, expected one in [{low:g}, {high:g}]")
        return (mean - low) / (high - low)

    def _unscaled(self, mean: float | Floats) -> Floats:
        low, high = self.bounds
        return np.asarray(low + (high - low) * mean)


def sequential_mean(
    values: Sequence[float] | Floats, *, bounds: tuple[float, float] = (-1.0, 1.0), clusters: Clusters | None = None
) -> SequentialMean:
    """Values within `bounds` in the order in which they are looked at; it must not depend on the values.

    With `clusters` (a label for each value; the values of a cluster stand together) the bet is on whole clusters: on
    the sum of (value - m) over the cluster, divided by the size of the largest one. Where clusters come in random
    order, its mean is 0 or less exactly if the mean over all values is m or less, whatever the sizes. A cluster counts
    once it is complete. Largest means largest of these `clusters`, so sizes are to be known before the first look.

    Raises ValueError for values outside the bounds, and for clusters that do not stand together or of which there is
    only one.
    """
    x = check_values(values, "sequential_mean")
    low, high = bounds
    if not (low < high and low <= x.min() and x.max() <= high):
        raise ValueError(f"sequential_mean: found values in [{x.min():g}, {x.max():g}], expected [{low:g}, {high:g}]")
    y = (x - low) / (high - low)
    if clusters is None:
        return SequentialMean(x.size, bounds, y, np.ones(x.size), np.arange(1, x.size + 1))
    codes = make_clustering(clusters, x.size, "sequential_mean").groups
    if np.any(np.diff(codes) < 0):
        raise ValueError("sequential_mean: found a cluster in several places, expected its values to stand together")
    sizes = np.bincount(codes)
    scale = 1.0 / sizes.max()
    return SequentialMean(x.size, bounds, np.bincount(codes, weights=y) * scale, sizes * scale, np.cumsum(sizes))


def betting_sequence(
    values: Sequence[float] | Floats,
    *,
    bounds: tuple[float, float] = (-1.0, 1.0),
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> tuple[Floats, Floats]:
    """A two-sided confidence sequence for the mean: lower and upper bounds after each value, shapes (n,) and (n,).

    With probability `level` or more all of them hold at once. They are running intersections (they never widen),
    rounded outwards to 1/2000 of the range, each side at half the error. Where both sides err, `low` may be above
    `high`. Raises ValueError as `sequential_mean`, and for a level that is not between 0 and 1.
    """
    check_level(level, "betting_sequence")
    mean = sequential_mean(values, bounds=bounds, clusters=clusters)
    alpha = (1.0 - level) / 2.0
    return mean.lows(alpha), mean.highs(alpha)


def reached_after(evidence: Floats, alpha: float) -> int | None:
    """After how many values the evidence reached log(1 / alpha); None if it never did."""
    reached = evidence >= -math.log(alpha)
    return int(np.argmax(reached)) + 1 if reached[-1] else None


def _log_capital(sums: Floats, sizes: Floats, mean: float) -> Floats:
    """After each unit, the logarithm of the capital of bets that the mean (in [0, 1]) is above `mean`."""
    if mean <= 0.0:
        return np.where(np.cumsum(sums) > 0.0, np.inf, 0.0)
    gains = sums / mean - sizes
    logs = np.cumsum(np.log1p(np.multiply.outer(FRACTIONS, gains)), axis=1)
    return _log_mean(logs, axis=0)


def _log_mean(logs: Floats, axis: int) -> Floats:
    most = logs.max(axis=axis, keepdims=True)
    return np.log(np.mean(np.exp(logs - most), axis=axis)) + most.squeeze(axis)


def _bound(sums: Floats, sizes: Floats, alpha: float) -> float:
    """The largest mean that the capital refutes by the last unit."""
    goal = -math.log(alpha)

    def refuted(mean: float) -> bool:
        return bool(np.any(_log_capital(sums, sizes, mean) >= goal))

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _bounds(sums: Floats, sizes: Floats, alpha: float) -> Floats:
    """The largest mean on the grid that is refuted by then, after each unit.

    Only means that are refuted by the last unit are followed, each until it is refuted: few are left soon.
    """
    goal = -math.log(alpha)
    means = np.arange(1, STEPS) / STEPS
    means = means[means <= _bound(sums, sizes, alpha)]
    bounds = np.zeros(sums.size)
    logs = np.zeros((means.size, FRACTIONS.size))
    start, best = 0, 0.0
    while means.size and start < sums.size:
        stop = min(sums.size, start + max(1, _BLOCK // logs.size))
        gains = np.divide.outer(sums[start:stop], means) - sizes[start:stop, np.newaxis]
        block = logs + np.cumsum(np.log1p(np.multiply.outer(gains, FRACTIONS)), axis=0)
        refuted = np.logical_or.accumulate(_log_mean(block, axis=2) >= goal, axis=0)
        at_each = np.where(refuted, means, 0.0).max(axis=1)
        bounds[start:stop] = np.maximum(at_each, best)
        best = float(bounds[stop - 1])
        alive = ~refuted[-1]
        means, logs, start = means[alive], block[-1][alive], stop
    bounds[start:] = best
    return bounds
