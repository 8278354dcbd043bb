"""Annotators differ in how strict they are: what that adds to an interval for the mean of their labels."""

from __future__ import annotations

import math

from rageval.stats.quantiles import normal_quantile, t_quantile

_MOST_FREEDOM = 1000


def stretch_for_annotators(
    point: float, low: float, high: float, variance: float, annotators: int, level: float
) -> tuple[float, float]:
    """The interval for the mean over annotators like these, from that for these annotators.

    `variance` is that of the mean of the annotators' levels, with `annotators` - 1 degrees of freedom. It is added to
    the variance that the interval's width stands for, and the quantile is Student's t with Satterthwaite's (1946)
    degrees of freedom. The same interval comes back for no variance, a single annotator or no width.
    """
    z = normal_quantile((1.0 + level) / 2.0)
    own = ((high - low) / (2.0 * z)) ** 2
    if variance <= 0.0 or annotators < 2 or own <= 0.0:
        return low, high
    freedom = min(_MOST_FREEDOM, max(1, math.floor((annotators - 1) * ((own + variance) / variance) ** 2)))
    factor = math.sqrt((own + variance) / own) * t_quantile((1.0 + level) / 2.0, freedom) / z
    return point - (point - low) * factor, point + (high - point) * factor
