"""Random draws of the mean of a bounded variable: a Bayesian bootstrap that knows where the variable ends.

Each observation gets a Gamma(1) weight (Rubin 1981, the Bayesian bootstrap), and each end of the range is an
observation too, with a Gamma(`ends`) weight. On zeros and ones with `ends` = 1/2 the draws are exactly
Beta(1/2 + ones, 1/2 + zeros), the Jeffreys posterior (Brown, Cai and DasGupta 2001), so their quantiles are the
Jeffreys interval carried over to values in between. With a whole observation at one end they are the bound of Gaffke
2005 (Clopper–Pearson on zeros and ones). The ends stand for what has not been seen yet: a sample of ten perfect scores
does not prove perfection.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DRAWS = 4000
_BINS = 400

Floats = NDArray[np.float64]


def mean_draws(
    values: Floats,
    *,
    low: float,
    high: float,
    ends: tuple[float, float],
    rng: np.random.Generator,
    design_effect: float = 1.0,
    lump: float = 1.0,
    draws: int = DRAWS,
    weights: Floats | None = None,
) -> Floats:
    """`draws` draws of the mean of a variable in [low, high], given independent `values` of it (possibly none).

    `ends` are the weights of `low` and `high` in observations. With a `design_effect` d > 1 each value counts as 1/d
    observations. What has not been seen comes in lumps of `lump` observations, such as all those of a cluster. More
    than 400 different values are merged within 400 bins of equal width, which keeps the mean and
    leaves a rare extreme value alone. `weights` say how many items of the population each value stands for (1).
    """
    levels, masses = _masses(values, weights, design_effect, rng, draws)
    low_weight = lump * rng.standard_gamma(ends[0], draws)
    high_weight = lump * rng.standard_gamma(ends[1], draws)
    total = masses.sum(axis=1) + low_weight + high_weight
    return (masses @ levels + low_weight * low + high_weight * high) / total


def bound_draws(
    values: Floats,
    *,
    low: float,
    high: float,
    end: float,
    rng: np.random.Generator,
    design_effect: float = 1.0,
    lump: float = 1.0,
    draws: int = DRAWS,
    weights: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Two sets of draws, one for a lower and one for an upper bound: each with a weight at its own end alone.

    The same as `mean_draws` otherwise. With both ends in one set, the end that lies further off moves the whole
    distribution towards itself: away from the nearer end, which is where a mean close to 0 or 1 has room to be. Without
    values the bounds are the ends.
    """
    levels, masses = _masses(values, weights, design_effect, rng, draws)
    ends = lump * rng.standard_gamma(end, draws)
    total, summed = masses.sum(axis=1) + ends, masses @ levels
    return (summed + ends * low) / total, (summed + ends * high) / total


def share_beyond(count: int, draws: int) -> float:
    """The p-value where `count` of that many random draws lie beyond a point; never 0 (Phipson and Smyth 2010)."""
    return (count + 1) / (draws + 1)


def most_beyond(alpha: float, draws: int) -> int:
    """The largest count whose `share_beyond` is at most alpha; -1 where there are too few draws for one."""
    most = int(alpha * (draws + 1))
    while most >= 0 and share_beyond(most, draws) > alpha:
        most -= 1
    return most


def _masses(
    values: Floats, weights: Floats | None, design_effect: float, rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """The different values, and random masses of each."""
    if weights is None:
        levels, counts = _groups(values)
        return levels, rng.standard_gamma(counts / design_effect, (draws, levels.size))
    both, counts = np.unique(np.column_stack([values, weights]), axis=0, return_counts=True)
    return both[:, 0], rng.standard_gamma(counts / design_effect, (draws, counts.size)) * both[:, 1]


def _groups(values: Floats) -> tuple[Floats, Floats]:
    levels, counts = np.unique(values, return_counts=True)
    if levels.size > _BINS:
        bins = ((values - levels[0]) / (levels[-1] - levels[0]) * (_BINS - 1)).astype(np.int64)
        counts = np.bincount(bins)
        filled = counts > 0
        counts = counts[filled]
        levels = np.bincount(bins, weights=values)[filled] / counts
    return levels, counts.astype(np.float64)
