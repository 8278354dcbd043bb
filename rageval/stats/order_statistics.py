"""Quantiles of a distribution of which nothing is known, by order statistics: exact for independent values.

That k of n values lie below the p-quantile is binomial, so the values at two ranks enclose it with a known probability
(Conover 1999, Practical Nonparametric Statistics, 3.2). With few values a rank does not exist, and then that end is not
known: with 0.975 at each end, the upper end for the 95th percentile takes 72 values. Values that share a cluster count
as the number of independent ones that the indicator "below the quantile" is worth (`rageval.stats.clusters`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values
from rageval.stats.clusters import Clusters, make_clustering
from rageval.stats.quantiles import beta_cdf

Floats = NDArray[np.float64]

_STEPS = 40
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class QuantileInterval:
    """The `p`-quantile of `n` values with a two-sided interval; `high` is None where too few values show it."""

    p: float
    point: float
    low: float
    high: float | None
    level: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Quantile:
    """The `p`-quantile of values from 0: `values` are sorted, `lost` more are known to exist alone. At the lower end
    those count as 0 and at the upper end as infinite. `effect` is the design effect of the values.
    """

    p: float
    values: Floats
    lost: int = 0
    effect: float = 1.0

    @property
    def point(self) -> float:
        """The smallest value with at least a share p of the values at or below it."""
        return float(self.values[max(0, math.ceil(self.p * self.values.size - 1e-9) - 1)])

    def low(self, alpha: float) -> float:
        """The lower bound at one-sided level 1 - alpha; 0 where too few values show one."""
        rank = self._first(lambda k: self._at_most(k) > alpha) - self.lost
        return float(self.values[rank - 1]) if rank >= 1 else 0.0

    def high(self, alpha: float) -> float:
        """The upper bound likewise; infinite where too few values show one."""
        rank = self._first(lambda k: 1.0 - self._at_most(k) <= alpha) + 1
        return float(self.values[rank - 1]) if rank <= self.values.size else math.inf

    def interval(self, level: float) -> QuantileInterval:
        tail = (1.0 - level) / 2.0
        low, high = min(self.low(tail), self.point), max(self.high(tail), self.point)
        return QuantileInterval(
            self.p, self.point, low, None if math.isinf(high) else high, level, self.values.size + self.lost
        )

    def grown(self, n: int) -> Quantile:
        """As if `n` values had come from these: each stands for equally many."""
        places = (np.arange(1, n + 1) / n * self.values.size).clip(1e-9)
        return Quantile(self.p, self.values[np.ceil(places - 1e-9).astype(np.int64) - 1], effect=self.effect)

    @property
    def _n(self) -> int:
        return self.values.size + self.lost

    def _first(self, holds: Callable[[int], bool]) -> int:
        """The smallest k from 0 to n for which that holds; n + 1 where it holds for none."""
        return bisect_left(range(self._n + 1), True, key=holds)

    def _at_most(self, k: int) -> float:
        """The chance that at most k of the values lie below the quantile."""
        if k >= self._n:
            return 1.0
        n, k_effective = self._n / self.effect, k / self.effect
        return beta_cdf(1.0 - self.p, n - k_effective, k_effective + 1.0)


def make_quantile(
    values: Sequence[float] | Floats, p: float, *, lost: int = 0, level: float = 0.95, clusters: Clusters | None = None
) -> Quantile:
    """The quantile of values, finite and from 0. `clusters` are as for `mean_interval`, of the values alone.

    Raises ValueError for no values, values below 0, and a p outside (0, 1).
    """
    x = check_values(values, "make_quantile")
    check_level(level, "make_quantile")
    if not 0.0 < p < 1.0 or x.min() < 0.0 or lost < 0:
        raise ValueError(f"make_quantile: found p={p:g}, values from {x.min():g}, expected 0 < p < 1 and values from 0")
    ordered = np.sort(x)
    found = Quantile(p, ordered, lost)
    if clusters is None:
        return found
    below = (x <= found.point).astype(np.float64)
    effect, _ = make_clustering(clusters, x.size).discount(below - below.mean(), level)
    return Quantile(p, ordered, lost, effect)


@dataclass(frozen=True, slots=True, eq=False)
class QuantileMargin:
    """Tests of a candidate's quantile against `factor` * the baseline's + `allowed`, by a bound of each quantile at
    half of alpha: they hold together, however the two samples depend on each other (Bonferroni), and are conservative.

    `p_pass` is the p-value of "the candidate is above that", which a small value refutes; `p_fail` of "it is not".
    """

    baseline: Quantile
    candidate: Quantile
    factor: float = 1.0
    allowed: float = 0.0

    def low(self, alpha: float) -> float:
        """The lower bound, at one-sided level 1 - alpha, of how far the candidate stays below; -inf where not known."""
        return self.factor * self.baseline.low(alpha / 2.0) + self.allowed - self.candidate.high(alpha / 2.0)

    def high(self, alpha: float) -> float:
        """The upper bound likewise; inf where not known."""
        return self.factor * self.baseline.high(alpha / 2.0) + self.allowed - self.candidate.low(alpha / 2.0)

    @property
    def p_pass(self) -> float:
        return _smallest(lambda alpha: self.low(alpha) > 0.0)

    @property
    def p_fail(self) -> float:
        return _smallest(lambda alpha: self.high(alpha) < 0.0)

    def difference(self, alpha: float) -> tuple[float, float]:
        """Bounds of candidate - baseline that hold each at 1 - alpha."""
        half = alpha / 2.0
        return (
            self.candidate.low(half) - self.baseline.high(half),
            self.candidate.high(half) - self.baseline.low(half),
        )

    def questions_needed(self, alpha: float) -> int | None:
        """About how many values of each would show a pass, if both quantile functions are those of these values; None
        where no number would.
        """
        if self.factor * self.baseline.point + self.allowed <= self.candidate.point or self.candidate.lost:
            return None

        def passes(n: int) -> bool:
            grown = QuantileMargin(self.baseline.grown(n), self.candidate.grown(n), self.factor, self.allowed)
            return grown.low(alpha) > 0.0

        n = max(self.baseline.values.size, self.candidate.values.size)
        while not passes(n):
            n = math.ceil(1.25 * n)
            if n > _MOST:
                return None
        return n


def _smallest(holds: Callable[[float], bool]) -> float:
    """The smallest alpha, to about 1e-9, from which on that holds; 1 where it does for none."""
    low, high = math.log(1e-9), 0.0
    if not holds(1.0):
        return 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds(math.exp(middle)) else (middle, high)
    return math.exp(high)
