"""Intervals for the shares of several kinds that together make up a whole."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.stats.checks import check_level
from rageval.stats.intervals import Interval
from rageval.stats.quantiles import beta_quantile


def simultaneous_shares(counts: Sequence[int], *, level: float = 0.95) -> tuple[Interval, ...]:
    """The share of each kind among all items, with intervals that all cover together with probability `level` or more.

    `counts` says how many items are of each kind; include the kinds that could have occurred and did not. Each interval
    is that of Clopper and Pearson (1934) at 1 - (1 - level) / number of kinds (Bonferroni), so the guarantee holds for
    any shares and any number of items, rare kinds included, for which Wilson's interval covers too seldom. Raises
    ValueError for a negative count, and where there is no item.
    """
    check_level(level, "simultaneous_shares")
    n = sum(counts)
    if n < 1 or min(counts) < 0:
        raise ValueError(f"simultaneous_shares: found the counts {list(counts)}, expected one item or more")
    tail = (1.0 - level) / len(counts) / 2.0
    return tuple(_share(count, n, tail, level) for count in counts)


def _share(count: int, n: int, tail: float, level: float) -> Interval:
    low = 0.0 if count == 0 else beta_quantile(tail, count, n - count + 1)
    high = 1.0 if count == n else beta_quantile(1.0 - tail, count + 1, n - count)
    return Interval(count / n, low, high, level, "clopper-pearson, simultaneous", n)
