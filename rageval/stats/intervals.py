"""Intervals for a mean. Plain functions over arrays; no rageval noun but `Interval` lives here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Clusters, make_clustering
from rageval.stats.dirichlet import bound_draws, mean_draws
from rageval.stats.quantiles import beta_quantile, normal_quantile, t_quantile
from rageval.stats.resampling import bca, percentile, studentised

Method: TypeAlias = Literal["auto", "beta", "wilson", "dirichlet", "t", "percentile", "bca", "studentised"]

RESAMPLES = 5000
JEFFREYS = (0.5, 0.5)
OWN_END = 0.75
CLUSTERED = ", clustered"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `n` values with a two-sided interval of nominal coverage `level`; `method` says how it was made."""

    point: float
    low: float
    high: float
    level: float
    method: str
    n: int

    @property
    def width(self) -> float:
        return self.high - self.low


def mean_interval(
    values: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    method: Method = "auto",
    clusters: Clusters | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    rng: np.random.Generator | None = None,
) -> Interval:
    """The mean of values with an interval that covers in small samples too.

    `auto` takes `beta` where every value is 0 or 1: quantiles of beta distributions with three quarters of an
    observation more at each bound's own end, whose exact coverage is at least 0.93 at any rate. It takes `dirichlet`
    otherwise: the quantiles of a Bayesian bootstrap with half an observation at each of the `bounds`
    (`rageval.stats.dirichlet`), the Jeffreys interval for values in between. Where all scores in [0, 1] lie in one
    half, each bound counts for its own end of the interval alone: half an observation at 1 would move both ends of a
    mean of 0.02 upwards, and off the truth.

    By name also: Wilson's score interval for zeros and ones, Student's `t`, and the `percentile`, `bca` and
    `studentised` bootstrap, which take any finite values; none of these covers near the ends of a range.

    `clusters` gives each value's group, such as the document that its question was written from, or a frozenset of
    several; values of a group are then not taken for independent, and what stands for the unseen at the ends weighs as
    much as a group (`rageval.stats.clusters`). The bootstraps and `t` take values for one group that share one through
    others. Raises ValueError for no values, values not finite or (for `auto`, `wilson`,
    `beta`, `dirichlet`) outside `bounds`, and where a named method cannot see a spread.

    `rng` draws the resamples; by default a generator seeded with 0, so that equal values give equal intervals.
    """
    x = check_values(values, "mean_interval")
    check_level(level, "mean_interval")
    if method not in get_args(Method):
        raise ValueError(f"mean_interval: found method {method!r}, expected one of {', '.join(get_args(Method))}")
    rng = rng or np.random.default_rng(0)
    clustering = None if clusters is None else make_clustering(clusters, x.size)
    if method in ("t", "percentile", "bca", "studentised"):
        return _unbounded(x, level, method, None if clustering is None else clustering.groups, rng)
    if x.min() < bounds[0] or x.max() > bounds[1]:
        raise ValueError(f"mean_interval: found values from {x.min():g} to {x.max():g}, expected them in {bounds}")
    binary = bounds == (0.0, 1.0) and is_binary(x)
    if method in ("beta", "wilson") and not binary:
        raise ValueError(f"mean_interval: found values other than 0 and 1, expected binary values for {method}")
    effect = lump = 1.0
    if clustering is not None:
        effect, lump = clustering.discount(x - x.mean(), level)
    tag = "" if clustering is None else CLUSTERED
    if method == "wilson":
        low, high = wilson(float(x.mean()), x.size / effect, level)
        return _interval(x, low, high, level, "wilson" + tag)
    beta = method == "beta" or (method == "auto" and binary)
    if beta and clustering is None:
        return _interval(x, *_beta_bounds(x, level), level, "beta")
    one_half = method == "auto" and bounds == (0.0, 1.0) and (x.max() <= 0.5 or x.min() >= 0.5)
    if clustering is not None or one_half:
        lower, upper = bound_draws(
            x,
            low=bounds[0],
            high=bounds[1],
            end=OWN_END if beta else JEFFREYS[0],
            rng=rng,
            design_effect=effect,
            lump=lump,
        )
    else:
        lower = upper = mean_draws(x, low=bounds[0], high=bounds[1], ends=JEFFREYS, rng=rng)
    low, high = np.quantile(lower, (1.0 - level) / 2.0), np.quantile(upper, (1.0 + level) / 2.0)
    return _interval(x, float(low), float(high), level, ("beta" if beta else "dirichlet") + tag)


def wilson(mean: float, n: float, level: float) -> tuple[float, float]:
    """Wilson 1927: the values m for which |mean - m| <= z * sqrt(m (1 - m) / n). `n` need not be whole."""
    z = normal_quantile((1.0 + level) / 2.0)
    scale = 1.0 + z * z / n
    centre = (mean + z * z / (2 * n)) / scale
    half = z * math.sqrt(mean * (1.0 - mean) / n + z * z / (4.0 * n * n)) / scale
    return (0.0 if mean == 0.0 else max(0.0, centre - half)), (1.0 if mean == 1.0 else min(1.0, centre + half))


def _beta_bounds(x: Floats, level: float) -> tuple[float, float]:
    """Those of Clopper and Pearson, with `OWN_END` for their 1."""
    ones, zeros = float(x.sum()), float(x.size - x.sum())
    tail = (1.0 - level) / 2.0
    low = beta_quantile(tail, ones, zeros + OWN_END) if ones else 0.0
    high = beta_quantile(1.0 - tail, ones + OWN_END, zeros) if zeros else 1.0
    return low, high


def _unbounded(
    x: Floats, level: float, method: str, codes: NDArray[np.int64] | None, rng: np.random.Generator
) -> Interval:
    tag = "" if codes is None else CLUSTERED
    if method == "t":
        low, high = _t_bounds(x, level, codes)
    else:
        bootstrap = {"percentile": percentile, "bca": bca, "studentised": studentised}[method]
        low, high = bootstrap(x, level=level, clusters=codes, rng=rng, resamples=RESAMPLES)
    return _interval(x, low, high, level, method + tag)


def _t_bounds(x: Floats, level: float, codes: NDArray[np.int64] | None) -> tuple[float, float]:
    if x.size < 2 or x.min() == x.max():
        raise ValueError("mean_interval: found fewer than two different values, expected a spread for t")
    groups = x.size if codes is None else int(codes.max()) + 1
    mean = float(x.mean())
    sums = x - mean if codes is None else np.bincount(codes, weights=x - mean)
    error = math.sqrt(float(np.sum(sums**2)) * groups / (groups - 1)) / x.size
    half = t_quantile((1.0 + level) / 2.0, groups - 1) * error
    return mean - half, mean + half


def _interval(x: Floats, low: float, high: float, level: float, method: str) -> Interval:
    mean = float(x.mean())
    return Interval(mean, min(low, mean), max(high, mean), level, method, x.size)
