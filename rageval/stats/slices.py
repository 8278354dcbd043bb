"""Means over slices of the questions: intervals that hold together, and whether slices differ at all.

A slice is often small, and there are many of them, so each end of an interval lies far out in the tail, where normal
approximations and the usual bootstrap fail first. The intervals here are Gaffke's (2005), with one unseen observation
at the end of the range that they speak against: on zeros and ones they are Clopper and Pearson's, which cover at any
size. Bonferroni's correction makes them hold together, whatever the slices share.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values
from rageval.stats.clusters import make_clustering
from rageval.stats.dirichlet import bound_draws, mean_draws, most_beyond, share_beyond
from rageval.stats.intervals import JEFFREYS, Interval
from rageval.stats.resampling import CHUNK_VALUES

FEW = 10
"""Slices of fewer values are left out of tests: the unseen values weigh a tenth or more there."""

DRAWS = 10_000
PERMUTATIONS = 10_000
_WHOLE = 1.0
_TIE = 1e-9
_NO_VARIANCE = 1e-18

Floats = NDArray[np.float64]
Bounds: TypeAlias = tuple[float, float]
Labels: TypeAlias = "Sequence[Hashable]"


def slice_intervals(
    slices: Sequence[Sequence[float] | Floats],
    *,
    level: float = 0.95,
    bounds: Bounds = (0.0, 1.0),
    clusters: Sequence[Labels] | None = None,
    rng: np.random.Generator,
) -> list[Interval]:
    """The mean of each slice with an interval; all intervals cover together with probability `level`.

    Values lie within `bounds`, at least one in each slice; slices may share values. With m slices each end of an
    interval is Gaffke's bound at (1 - level) / 2m. `clusters` gives each value's group; a slice that is all one cluster
    counts as one value. Raises ValueError for no slice, an empty one, values outside the bounds, and clusters that are
    not one label a value.
    """
    check_level(level, "slice_intervals")
    if not slices:
        raise ValueError("slice_intervals: found no slice, expected one or more")
    alpha = (1.0 - level) / (2.0 * len(slices))
    tag = "gaffke" if clusters is None else "gaffke, clustered"
    method = tag if len(slices) == 1 else f"{tag}, together"
    found: list[Interval] = []
    for place, values in enumerate(slices):
        x = _checked(values, bounds, "slice_intervals")
        effect, lump = _discount(x, None if clusters is None else clusters[place], 1.0 - 2.0 * alpha)
        low, high = bound_draws(
            x, low=bounds[0], high=bounds[1], end=_WHOLE, rng=rng, design_effect=effect, lump=lump, draws=DRAWS
        )
        out, mean = most_beyond(alpha, DRAWS), float(x.mean())
        lower, upper = bounds if out < 0 else (float(np.sort(low)[out]), float(np.sort(high)[-1 - out]))
        found.append(Interval(mean, min(lower, mean), max(upper, mean), level, method, x.size))
    return found


def slices_differ(
    slices: Sequence[Sequence[float] | Floats],
    *,
    bounds: Bounds = (-1.0, 1.0),
    clusters: Sequence[Labels] | None = None,
    rng: np.random.Generator,
) -> tuple[float, str]:
    """The p-value of equal means in slices that share no value, and the name of the test.

    Where the values are differences between two systems, it is a test of interaction: does the difference depend on the
    slice? The statistic is Welch's (1951) sum of the squared deviations of the slices' means, weighted by their
    precision. It is held against two distributions, and the larger p-value counts: random assignments of the values to
    the slices, exact where all values are drawn alike, with each slice's own variance so that slices of unequal
    variance are no finding (Janssen 1997); and `dirichlet` draws of the means (`mean_interval`), which know that a
    slice of equal values has not seen them all. With `clusters` it is the second alone.

    Raises ValueError for fewer than two slices, an empty one, values outside the bounds, and clusters that are not one
    label a value.
    """
    if len(slices) < 2:
        raise ValueError(f"slices_differ: found {len(slices)} slice, expected two or more")
    values = [_checked(one, bounds, "slices_differ") for one in slices]
    discounts = [_discount(x, None if clusters is None else clusters[i], 0.95) for i, x in enumerate(values)]
    p_draws = _p_of_draws(values, discounts, bounds, rng)
    if clusters is not None:
        return p_draws, "dirichlet, clustered"
    return max(p_draws, _p_of_assignments(values, rng)), "permutation, Welch"


def _p_of_draws(
    values: Sequence[Floats], discounts: Sequence[tuple[float, float]], bounds: Bounds, rng: np.random.Generator
) -> float:
    drawn = np.array(
        [
            mean_draws(
                x,
                low=bounds[0],
                high=bounds[1],
                ends=JEFFREYS,
                rng=rng,
                design_effect=effect,
                lump=lump,
                draws=DRAWS,
            )
            for x, (effect, lump) in zip(values, discounts, strict=True)
        ]
    )
    precision = 1.0 / drawn.var(axis=1)
    errors = _spread((drawn - drawn.mean(axis=1, keepdims=True)).T, precision)
    found = float(_spread(np.array([[x.mean() for x in values]]), precision)[0])
    return share_beyond(int(np.count_nonzero(errors >= found * (1.0 - _TIE))), DRAWS)


def _p_of_assignments(values: Sequence[Floats], rng: np.random.Generator) -> float:
    together = np.concatenate(values)
    variance = float(together.var(ddof=1)) if together.size > 1 else 0.0
    if variance <= _NO_VARIANCE:
        return 1.0
    sizes = np.array([x.size for x in values], dtype=np.float64)
    starts = np.concatenate([[0], np.cumsum([x.size for x in values])[:-1]])

    def statistic(rows: Floats) -> Floats:
        means = np.add.reduceat(rows, starts, axis=1) / sizes
        squares = np.maximum(np.add.reduceat(rows**2, starts, axis=1) - sizes * means**2, 0.0)
        # One more value with the variance of all keeps a slice of equal values from an infinite weight.
        return _spread(means, sizes**2 / (squares + variance))

    least = float(statistic(together[None, :])[0]) * (1.0 - _TIE)
    count, rows = 0, max(1, CHUNK_VALUES // together.size)
    for start in range(0, PERMUTATIONS, rows):
        shape = (min(rows, PERMUTATIONS - start), together.size)
        assigned = rng.permuted(np.broadcast_to(together, shape), axis=1)
        count += int(np.count_nonzero(statistic(assigned) >= least))
    return share_beyond(count, PERMUTATIONS)


def _spread(means: Floats, precision: Floats) -> Floats:
    """Each row's sum of squared deviations from its mean, both weighted."""
    centre = (means * precision).sum(axis=1) / np.broadcast_to(precision, means.shape).sum(axis=1)
    return ((means - centre[:, None]) ** 2 * precision).sum(axis=1)


def _checked(values: Sequence[float] | Floats, bounds: Bounds, name: str) -> Floats:
    x = check_values(values, name)
    if x.min() < bounds[0] or x.max() > bounds[1]:
        raise ValueError(f"{name}: found values from {x.min():g} to {x.max():g}, expected them in {bounds}")
    return x


def _discount(x: Floats, clusters: Labels | None, level: float) -> tuple[float, float]:
    """`Clustering.discount`; that of a single cluster makes its values one."""
    if clusters is None:
        return 1.0, 1.0
    alone = len(clusters) == 1 or (len(set(clusters)) == 1 and clusters[0] != frozenset())
    if alone and len(clusters) == x.size:
        return float(x.size), 1.0
    return make_clustering(clusters, x.size).discount(x - x.mean(), level)
