"""The ratio of two means over the same items, such as what two systems cost per question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values
from rageval.stats.clusters import Clusters, make_clustering
from rageval.stats.dirichlet import DRAWS
from rageval.stats.intervals import JEFFREYS, Interval

Floats = NDArray[np.float64]

_CHUNK_VALUES = 2_000_000


def mean_ratio(
    baseline: Sequence[float] | Floats,
    candidate: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    clusters: Clusters | None = None,
    rng: np.random.Generator | None = None,
) -> Interval:
    """mean(candidate) / mean(baseline) of values from 0, paired, by the draws of `dirichlet` intervals.

    What has not been seen stands beside each end with half an item: one with the largest value of either side in the
    candidate and 0 in the baseline for the upper end, and the reverse for the lower end. So no value is taken to be
    larger than the largest seen. Raises ValueError for arrays that do not fit, values below 0, and a baseline that is 0
    throughout.
    """
    a, b = check_values(baseline, "mean_ratio: baseline"), check_values(candidate, "mean_ratio: candidate")
    check_level(level, "mean_ratio")
    if a.size != b.size or min(a.min(), b.min()) < 0.0 or not a.max() > 0.0:
        raise ValueError(f"mean_ratio: found {a.size} and {b.size} values, expected as many, from 0, some above 0")
    rng = rng or np.random.default_rng(0)
    point = float(b.mean() / a.mean())
    effect = lump = 1.0
    if clusters is not None:
        effect, lump = make_clustering(clusters, a.size).discount(b - point * a, level)
    unseen = lump * rng.standard_gamma(JEFFREYS[0], DRAWS) * max(a.max(), b.max())
    rows = max(1, _CHUNK_VALUES // a.size)
    drawn = [
        rng.standard_gamma(1.0 / effect, (min(rows, DRAWS - start), a.size)) @ np.column_stack([a, b])
        for start in range(0, DRAWS, rows)
    ]
    sums = np.concatenate(drawn)
    low = float(np.quantile(sums[:, 1] / (sums[:, 0] + unseen), (1.0 - level) / 2.0))
    high = float(np.quantile((sums[:, 1] + unseen) / np.maximum(sums[:, 0], 1e-300), (1.0 + level) / 2.0))
    tag = "" if clusters is None else ", clustered"
    return Interval(point, min(low, point), max(high, point), level, "dirichlet, ratio" + tag, a.size)
