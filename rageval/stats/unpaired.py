"""The difference of two means over other questions: two independent samples, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rageval.stats.intervals import Interval
from rageval.stats.quantiles import t_cdf, t_quantile

TEST = "t, from both intervals"


@dataclass(frozen=True, slots=True)
class UnpairedResult:
    """`difference` is candidate - baseline. `p_value` is two-sided, of no difference, by `test`."""

    difference: Interval
    p_value: float
    test: str = TEST


def unpaired_difference(baseline: Interval, candidate: Interval) -> UnpairedResult:
    """The difference of two means of independent samples, from the interval of each.

    The interval is MOVER's (Zou and Donner 2008; of two Wilson intervals it is Newcombe's of 1998): each end lies as
    far off as the root of the sum of the squared distances of the two ends that it depends on. So it holds wherever the
    two intervals do: for corrected by labels, clustered, or close to 0 or 1.

    The p-value is at most 1 - level exactly where the interval excludes 0. Beyond that it follows Student's t with
    n - 1 degrees for the smaller n, which is less than Welch's, on the scale of the end that points to 0. Where both
    samples share questions on which both means go up and down together, interval and p-value are too large.

    Raises ValueError for two levels that differ.
    """
    if baseline.level != candidate.level:
        raise ValueError(
            f"unpaired_difference: found the levels {baseline.level:g} and {candidate.level:g}, expected the same"
        )
    level, point = baseline.level, candidate.point - baseline.point
    below = math.hypot(candidate.point - candidate.low, baseline.high - baseline.point)
    above = math.hypot(candidate.high - candidate.point, baseline.point - baseline.low)
    n = baseline.n + candidate.n
    difference = Interval(point, point - below, point + above, level, "mover", n)
    towards_zero = below if point > 0.0 else above
    if point == 0.0:
        return UnpairedResult(difference, 1.0)
    if towards_zero == 0.0:
        return UnpairedResult(difference, 0.0)
    degrees = max(1, min(baseline.n, candidate.n) - 1)
    t = abs(point) / towards_zero * t_quantile((1.0 + level) / 2.0, degrees)
    return UnpairedResult(difference, min(1.0, 2.0 * (1.0 - t_cdf(t, degrees))))
