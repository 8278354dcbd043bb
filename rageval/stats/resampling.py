"""Bootstrap intervals for the mean of one sample: percentile, BCa, bootstrap-t.

All draw whole units with replacement, as many as there are. A unit is a value, or with `clusters` (one label a value)
all values under one label, such as the questions about one document. The mean is then a ratio, the drawn clusters' sum
over their size (Field and Welsh 2007).

The same generator gives the same resamples to each function, and to `scipy.stats.bootstrap`. Memory: a few times
`CHUNK_VALUES` floats, and one float a resample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.checks import check_level
from rageval.stats.quantiles import normal_cdf, normal_quantile

CHUNK_VALUES = 500_000
_NO_SPREAD = 1e-12
_TIE = 1e-9


def percentile(
    values: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The (1 - level) / 2 and (1 + level) / 2 quantiles of the resampled means (Efron 1979).

    Too narrow in small samples, by about sqrt((n - 1) / n) and more where values are skewed. Raises ValueError for
    fewer than two units, values that are not finite, units that do not differ, or a level outside (0, 1).
    """
    sums, sizes = _differing_units(values, clusters, level)
    low, high = np.quantile(_means(sums, sizes, resamples, rng), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bca(
    values: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Bias-corrected and accelerated percentiles of the resampled means (Efron 1987), acceleration by the jackknife.

    Corrects for skew, not for the bootstrap's too small variance: in small samples it is too narrow. Raises ValueError
    as `percentile` does.
    """
    sums, sizes = _differing_units(values, clusters, level)
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    means = _means(sums, sizes, resamples, rng)
    return bca_ends(means, float(sums.sum() / sizes.sum()), acceleration_from(left_out.mean() - left_out), level)


def studentised(
    values: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Bootstrap-t: mean - t* x standard error, t* being quantiles of (resampled mean - mean) / its standard error.

    The standard error of the ratio with clusters is the linearised one, sqrt(sum (sum_i - mean size_i)^2) / total size
    (its factor m / (m - 1) cancels). Second-order correct; may reach beyond the range of the values (Hall 1988). A
    resample whose units do not differ has no standard error and counts as infinite; where those decide an end, as with
    very few units or almost all values equal, ValueError is raised. Otherwise as `percentile`.
    """
    sums, sizes = _differing_units(values, clusters, level)
    total = sizes.sum()
    mean = sums.sum() / total
    errors = sums - mean * sizes
    per_unit = np.stack([errors, sizes, errors**2, errors * sizes, sizes**2])
    shifts, totals, squared, crossed, sizes_squared = _drawn_sums(per_unit, resamples, rng)
    shift = shifts / totals
    squares = squared - 2 * shift * crossed + shift**2 * sizes_squared
    spread = squares > _NO_SPREAD * squared
    t = np.copysign(np.inf, shift)
    t[spread] = shifts[spread] / np.sqrt(squares[spread])
    low_t = float(np.quantile(t, (1 - level) / 2, method="lower"))
    high_t = float(np.quantile(t, (1 + level) / 2, method="higher"))
    if not (math.isfinite(low_t) and math.isfinite(high_t)):
        raise ValueError(
            f"studentised: found {1 - spread.mean():.0%} of resamples without spread, expected fewer than "
            f"{(1 - level) / 2:.1%} on either side; more values are needed, or bca"
        )
    error = float(np.sqrt(np.sum(errors**2)) / total)
    return float(mean - high_t * error), float(mean - low_t * error)


def unit_totals(values: ArrayLike, clusters: NDArray[Any] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum and the size of every unit: of each value, or of each cluster in the order of the sorted labels.

    Raises ValueError for values that are not finite or not in one row, and for labels that are not one a value.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.all(np.isfinite(x)):
        raise ValueError(f"resampling: found values of shape {x.shape} or not finite, expected finite values in a row")
    if clusters is None:
        return x, np.ones(x.size)
    if clusters.shape != x.shape:
        raise ValueError(f"resampling: found clusters of shape {clusters.shape}, expected one label a value, {x.shape}")
    unit = np.unique(clusters, return_inverse=True)[1]
    return np.asarray(np.bincount(unit, weights=x), dtype=np.float64), np.bincount(unit).astype(np.float64)


def resample_counts(units: int, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """How often each unit is drawn in each resample (multinomial), in chunks of shape (some resamples, units).

    Drawing positions and counting them takes a tenth of the time of `rng.multinomial`.
    """
    if resamples < 1:
        raise ValueError(f"resampling: found {resamples} resamples, expected at least 1")
    rows = max(1, CHUNK_VALUES // units)
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), units)
        cells = rng.integers(0, units, shape) + units * np.arange(shape[0])[:, None]
        yield np.bincount(cells.ravel(), minlength=cells.size).reshape(shape).astype(np.float64)


def acceleration_from(influence: NDArray[np.float64]) -> float:
    """Efron's acceleration from each unit's influence on the estimate, on any scale: at most 1/6 in size."""
    scaled = influence / np.abs(influence).max()
    return float(np.sum(scaled**3) / (6 * np.sum(scaled**2) ** 1.5))


def bca_ends(replicates: NDArray[np.float64], point: float, acceleration: float, level: float) -> tuple[float, float]:
    """The BCa interval of an estimate `point` from its bootstrap replicates.

    A replicate equal to the point but for rounding counts half below it; were it left to rounding, data on a grid
    (hits out of k) would get a random bias correction.
    """
    tie = _TIE * float(np.ptp(replicates))
    below = np.count_nonzero(replicates < point - tie) + np.count_nonzero(replicates <= point + tie)
    share = below / (2 * replicates.size)
    edge = 0.5 / replicates.size
    bias = normal_quantile(min(max(share, edge), 1 - edge))
    tails: list[float] = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + normal_quantile(tail)
        stretched = z / (1 - acceleration * z) if acceleration * z < 1 else math.copysign(math.inf, z)
        tails.append(normal_cdf(bias + stretched))
    low, high = np.quantile(replicates, tails)
    return float(low), float(high)


def _differing_units(
    values: ArrayLike, clusters: NDArray[Any] | None, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    check_level(level, "resampling")
    sums, sizes = unit_totals(values, clusters)
    if sums.size < 2:
        noun = "value" if clusters is None else "cluster"
        raise ValueError(f"resampling: found {sums.size} {noun}(s), expected at least 2 to see a spread")
    means = sums / sizes
    if np.ptp(means) <= _NO_SPREAD * np.abs(means).max():
        noun = "values" if clusters is None else "cluster means"
        raise ValueError(f"resampling: found {sums.size} {noun} all equal to {means[0]:g}, expected some spread")
    return sums, sizes


def _means(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    drawn_sums, drawn_sizes = _drawn_sums(np.stack([sums, sizes]), resamples, rng)
    return drawn_sums / drawn_sizes


def _drawn_sums(per_unit: NDArray[np.float64], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The sum of each row of `per_unit` over the units of each resample, of shape (rows, resamples).

    By einsum: BLAS would share so thin a product between threads, which wait for each other where cores are busy.
    """
    chunks = resample_counts(per_unit.shape[1], resamples, rng)
    return np.concatenate([np.einsum("ku,ru->kr", per_unit, counts) for counts in chunks], axis=1)
