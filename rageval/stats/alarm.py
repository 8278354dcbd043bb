"""An alarm that may be looked at every day for ever: has a mean fallen below a bound, since some day that nobody knows?

On every day a new gambler starts with a share of the capital, 1 / (d (d + 1)) on day d, all of which sum to 1, and bets
as in `rageval.stats.sequential` that the mean of what comes from now on is below the bound. As long as each day's mean
is at the bound or above, whatever happened before, all their capital together is a supermartingale: it reaches 1 /
alpha on any day at all with probability alpha at most (Ville 1939). A gambler who starts late has lost nothing on the
good days before, so a fall on day 60 is seen nearly as fast as one on day 1 (Shin, Ramdas and Rinaldo 2023, arXiv
2203.03532, whose sum of all gamblers with equal shares bounds the time between false alarms instead).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rageval.stats.sequential import FRACTIONS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alarm:
    """`evidence` is the logarithm of all capital after each day, shape (days,). `day` is the first one, from 0, on
    which it reached 1 / alpha, None if it never did; `since` is the day from which the richest gambler bets then: an
    estimate of when the fall began.
    """

    evidence: Floats = field(repr=False)
    day: int | None
    since: int | None


def fall_alarm(days: Sequence[Sequence[float] | Floats], bound: float, alpha: float = 0.05) -> Alarm:
    """Watch the mean of values in [0, 1], in order of their days, fall below `bound`, in (0, 1]. A day may be empty.

    Raises ValueError for values outside [0, 1], a bound outside (0, 1], and an alpha that is no probability.
    """
    if not 0.0 < bound <= 1.0 or not 0.0 < alpha < 1.0:
        raise ValueError(f"fall_alarm: found the bound {bound:g} and alpha {alpha:g}, expected both in (0, 1]")
    by_day = np.zeros((len(days), FRACTIONS.size))
    for place, values in enumerate(days):
        x = np.asarray(values, dtype=np.float64)
        if x.size and not (x.min() >= 0.0 and x.max() <= 1.0):
            raise ValueError("fall_alarm: found values outside [0, 1]")
        if x.size:
            by_day[place] = np.log1p(np.multiply.outer(_gains(x, bound), FRACTIONS)).sum(axis=0)
    before = np.concatenate([np.zeros((1, FRACTIONS.size)), np.cumsum(by_day, axis=0)])
    evidence = np.zeros(len(days))
    for today in range(len(days)):
        start = np.arange(today + 1)
        capital = _log_sum(before[today + 1] - before[start], axis=1) - math.log(FRACTIONS.size)
        shares = capital - np.log((start + 1.0) * (start + 2.0))
        left = 1.0 / (today + 2.0)  # of those who have not begun
        evidence[today] = float(_log_sum(np.append(shares, math.log(left)), axis=0))
        if evidence[today] >= -math.log(alpha):
            evidence[today + 1 :] = evidence[today]
            return Alarm(evidence, today, int(np.argmax(shares)))
    return Alarm(evidence, None, None)


def _gains(x: Floats, bound: float) -> Floats:
    """What a bet of all that can be lost wins on each value: nothing on average where their mean is the bound."""
    if bound == 1.0:  # any value below refutes it
        return np.where(x < 1.0, np.inf, 0.0)
    return (1.0 - x) / (1.0 - bound) - 1.0


def _log_sum(logs: Floats, axis: int) -> Floats:
    most = logs.max(axis=axis, keepdims=True)
    if not np.all(np.isfinite(most)):
        return most.squeeze(axis)
    return np.log(np.sum(np.exp(logs - most), axis=axis)) + most.squeeze(axis)
