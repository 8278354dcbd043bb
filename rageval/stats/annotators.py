"""Annotators differ in how strict they are: what that adds to an interval for the mean of their labels."""

from __future__ import annotations

import math

from rageval.stats.quantiles import normal_quantile, t_quantile

LARGEST_SD = 0.25
"""Levels of annotators within [0, 1] are taken to have no larger standard deviation: two annotators show nothing
themselves that would exclude one.
"""


def stretch_for_annotators(
    point: float, low: float, high: float, variance: float, annotators: int, level: float
) -> tuple[float, float]:
    """The interval for the mean over annotators like these, from that for these annotators.

    `variance` is that of the mean of the annotators' levels, with `annotators` - 1 degrees of freedom. Student's t
    interval of the levels and the interval given are joined side by side, by the root of the sum of their squared
    lengths (Howe 1974). Adding the variances before taking the quantile (Satterthwaite 1946) would be narrower and
    cover too seldom: a variance that happens to be estimated as small would pass for one that is well known. The same
    interval comes back for no variance or a single annotator. It may reach out of [0, 1].
    """
    if variance <= 0.0 or annotators < 2:
        return low, high
    p = (1.0 + level) / 2.0
    most = (normal_quantile(p) * LARGEST_SD) ** 2 / annotators
    extra = min(t_quantile(p, annotators - 1) ** 2 * variance, most)
    return point - math.sqrt((point - low) ** 2 + extra), point + math.sqrt((high - point) ** 2 + extra)
