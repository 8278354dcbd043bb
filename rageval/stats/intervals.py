"""Intervals for a mean. Plain functions over arrays; no rageval noun but `Interval` lives here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.quantiles import normal_cdf, normal_quantile, t_quantile

Method: TypeAlias = Literal["auto", "wilson", "bca"]

RESAMPLES = 5000
SMALLEST_BOOTSTRAP = 8
_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `n` values with a two-sided interval of nominal coverage `level`; `method` says how it was made."""

    point: float
    low: float
    high: float
    level: float
    method: str
    n: int


def mean_interval(
    values: Sequence[float] | NDArray[np.float64],
    *,
    level: float = 0.95,
    method: Method = "auto",
    rng: np.random.Generator | None = None,
) -> Interval:
    """The mean of independent values in [0, 1] with an interval that covers in small samples too.

    `auto` takes the Wilson score interval where every value is 0 or 1, and the expanded BCa bootstrap otherwise. With
    fewer than 8 values, or where all are equal, a bootstrap cannot see the spread; then the Wilson interval of the mean
    is used (`wilson-bound`): a variable in [0, 1] with mean m varies at most as much as a coin with P = m, so it errs
    on the wide side. Raises ValueError for no values, values that are not finite, or values outside [0, 1].

    `rng` draws the resamples; by default a generator seeded with 0, so that equal values give equal intervals.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"mean_interval: found an array of shape {x.shape}, expected one or more values in a row")
    if not np.all(np.isfinite(x)) or x.min() < 0.0 or x.max() > 1.0:
        raise ValueError("mean_interval: found values outside [0, 1] or not finite")
    if not 0.0 < level < 1.0:
        raise ValueError(f"mean_interval: found level {level}, expected 0 < level < 1")
    binary = bool(np.all((x == 0.0) | (x == 1.0)))
    if method == "wilson" and not binary:
        raise ValueError("mean_interval: found values other than 0 and 1, expected binary values for wilson")
    if method == "wilson" or (method == "auto" and binary):
        return _wilson(x, level, "wilson")
    if x.size < SMALLEST_BOOTSTRAP or x.min() == x.max():
        return _wilson(x, level, "wilson-bound")
    return _expanded_bca(x, level, rng or np.random.default_rng(0))


def _wilson(x: NDArray[np.float64], level: float, method: str) -> Interval:
    """Wilson 1927: the values m for which |mean - m| <= z * sqrt(m (1 - m) / n)."""
    n, mean = x.size, float(x.mean())
    z = normal_quantile((1.0 + level) / 2.0)
    scale = 1.0 + z * z / n
    centre = (mean + z * z / (2 * n)) / scale
    half = z * math.sqrt(mean * (1.0 - mean) / n + z * z / (4.0 * n * n)) / scale
    low = 0.0 if mean == 0.0 else max(0.0, centre - half)
    high = 1.0 if mean == 1.0 else min(1.0, centre + half)
    return Interval(mean, min(low, mean), max(high, mean), level, method, n)


def _expanded_bca(x: NDArray[np.float64], level: float, rng: np.random.Generator) -> Interval:
    """BCa bootstrap (Efron 1987), its normal quantiles widened to t with n - 1 degrees times sqrt(n / (n - 1)).

    The widening (Hesterberg 2015, arXiv 1411.5279, "expanded percentile") makes up for the bootstrap's too small
    variance; without it the coverage at n = 10 falls to 0.90.
    """
    n, mean = x.size, float(x.mean())
    means = _resampled_means(x, rng)
    below = (int((means < mean).sum()) + 0.5 * int((means == mean).sum())) / RESAMPLES
    bias = normal_quantile(min(max(below, 1.0 / (RESAMPLES + 1)), RESAMPLES / (RESAMPLES + 1)))
    deviation = x - mean
    acceleration = float(np.sum(deviation**3) / (6.0 * np.sum(deviation**2) ** 1.5))
    ends: list[float] = []
    for tail in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
        z = bias + t_quantile(tail, n - 1) * math.sqrt(n / (n - 1))
        ends.append(float(np.quantile(means, normal_cdf(bias + z / (1.0 - acceleration * z)))))
    return Interval(mean, min(ends[0], mean), max(ends[1], mean), level, "bca", n)


def _resampled_means(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    rows = max(1, _CHUNK_VALUES // x.size)
    parts: list[NDArray[np.float64]] = []
    for start in range(0, RESAMPLES, rows):
        picks = rng.integers(0, x.size, (min(rows, RESAMPLES - start), x.size))
        parts.append(np.asarray(x[picks].mean(axis=1), dtype=np.float64))
    return np.concatenate(parts)
