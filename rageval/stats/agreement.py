"""How far raters agree beyond chance: Cohen's kappa and Krippendorff's alpha, with intervals by bootstrap over items.

Both are 1 - observed / expected disagreement, so both share one bootstrap. An item is what was rated; items are taken
for independent, raters for fixed: the interval speaks about other items rated by the same raters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level
from rageval.stats.intervals import Interval, wilson
from rageval.stats.quantiles import normal_cdf, t_quantile
from rageval.stats.resampling import CHUNK_VALUES, acceleration_from, bca_ends

Weights: TypeAlias = Literal["linear", "quadratic"]
MeasurementScale: TypeAlias = Literal["nominal", "ordinal", "interval"]
Ratings: TypeAlias = Sequence[str] | Sequence[float] | NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Disagreement: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]

FEWEST_RESAMPLES = 100
FEWEST_INFORMATIVE = 8
_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient of agreement: 1 is perfect, 0 is what chance gives, below 0 is worse than chance.

    `observed` and `expected` are the disagreement seen and the one expected by chance, as shares of the worst that two
    ratings can differ by; the coefficient is 1 - observed / expected. A low coefficient beside a low `observed` means
    that one category is so common that chance alone agrees. `interval.n` counts the items used. `dropped` is how many
    bootstrap resamples were left out because every rating in them was the same.
    """

    interval: Interval
    observed: float
    expected: float
    dropped: int


def cohen_kappa(
    first: Ratings,
    second: Ratings,
    *,
    weights: Weights | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    resamples: int = 2000,
) -> Agreement:
    """Cohen's kappa of two raters' ratings of the same items, in the same order.

    Ratings are texts or numbers. Without `weights` any two different ratings disagree fully; with them ratings must be
    numbers, and disagree by |a - b| (`linear`) or (a - b)^2 (`quadratic`): by value, so that a grade which nobody gave
    still counts as a step. Expected disagreement is that of the two raters' own shares of each category.

    The interval is the BCa bootstrap over items, widened as the expanded percentile of Hesterberg 2015 (arXiv
    1411.5279) for the bootstrap's too small variance (`expanded-bca`). Where fewer than 8 items differ from the most
    common pair of ratings, or all resamples give one value (as in perfect agreement), the bootstrap cannot see the
    spread; the interval is then stretched to hold that of the Wilson bounds of the observed disagreement over the
    expected one, at least -1 (`wilson-bound`): disagreement in [0, 1] varies at most as much as a coin, so it errs on
    the wide side. Resamples in which both raters give one same category throughout are dropped, as kappa is then 0 / 0:
    to count them as 1 or 0 would claim knowledge of agreement that they do not hold, and this function refuses such
    ratings as well, so that the remaining resamples do what it does. Simulated with two and three grades, kappa and
    alpha from 0 to 0.95, at n = 20 to 200, 0.93 or more is covered for level 0.95 (0.91 at n = 20 with one grade rare).

    Raises ValueError for ratings that are not two rows of equal length with at least one item, for NaN, for texts
    beside numbers, for fewer than 100 resamples, and where kappa is undefined because all ratings are the same.
    Sources: Cohen 1960 (Educational and Psychological Measurement 20), Cohen 1968 (Psychological Bulletin 70).
    """
    a, b = _row(first, "first"), _row(second, "second")
    if a.size != b.size or a.size == 0:
        raise ValueError(f"cohen_kappa: found {a.size} and {b.size} ratings, expected as many of each, at least one")
    if (a.dtype.kind == "U") != (b.dtype.kind == "U"):
        raise ValueError("cohen_kappa: found texts beside numbers, expected one kind of rating from both raters")
    if weights is not None and a.dtype.kind == "U":
        raise ValueError(f"cohen_kappa: found texts with {weights} weights, expected numbers")
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    _refuse_one_category(values, "cohen_kappa")
    pairs, multiplicity = np.unique(codes.reshape(2, -1), axis=1, return_counts=True)
    difference = _differences(values, weights)
    one_hot = np.eye(values.size)

    def disagreement(counts: Floats) -> tuple[Floats, Floats]:
        items = counts.sum(axis=1)
        observed = counts @ difference[pairs[0], pairs[1]] / items
        rows, columns = counts @ one_hot[pairs[0]], counts @ one_hot[pairs[1]]
        return observed, np.sum((rows @ difference) * columns, axis=1) / items**2

    return _agreement(disagreement, multiplicity, level, rng, resamples, "cohen_kappa")


def krippendorff_alpha(
    ratings: Sequence[Sequence[float]] | Floats,
    *,
    scale: MeasurementScale = "nominal",
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    resamples: int = 2000,
) -> Agreement:
    """Krippendorff's alpha of any number of raters (rows) over the same items (columns), NaN where a rating is missing.

    Items with fewer than two ratings are left out. Two ratings disagree by 0 or 1 (`nominal`), by the square of the
    number of ratings between them in the order of all ratings, ties counted half (`ordinal`), or by (a - b)^2
    (`interval`). Expected disagreement is that of all ratings paired regardless of item and rater.

    The interval is that of `cohen_kappa`, over items; resampled items carry all their ratings with them, and the
    ordinal metric is taken anew from each resample. (Bootstrap over items for alpha: Zapf et al. 2016, BMC Medical
    Research Methodology 16:93.) Resamples in which all ratings are the same are dropped, as there.

    Raises ValueError for anything but a matrix of finite numbers and NaN, where no item has two ratings, for fewer than
    100 resamples, and where alpha is undefined because all ratings are the same.
    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"krippendorff_alpha: found an array of shape {table.shape}, expected raters x items")
    if np.any(np.isinf(table)):
        raise ValueError("krippendorff_alpha: found infinite ratings, expected finite numbers, or NaN where missing")
    items = table.T[np.count_nonzero(~np.isnan(table), axis=0) >= 2]
    if items.size == 0:
        raise ValueError("krippendorff_alpha: found no item with two ratings, expected at least one")
    item, rater = np.nonzero(~np.isnan(items))
    values, codes = np.unique(items[item, rater], return_inverse=True)
    _refuse_one_category(values, "krippendorff_alpha")
    tallies = np.zeros((items.shape[0], values.size))
    np.add.at(tallies, (item, codes), 1.0)
    patterns, multiplicity = np.unique(tallies, axis=0, return_counts=True)
    if scale == "ordinal":
        disagreement = _ordinal(patterns, multiplicity)
    else:
        disagreement = _fixed_metric(patterns, _differences(values, "quadratic" if scale == "interval" else None))
    return _agreement(disagreement, multiplicity, level, rng, resamples, "krippendorff_alpha")


def _row(ratings: Ratings, name: str) -> NDArray[Any]:
    row = np.asarray(ratings)
    if row.ndim != 1 or row.dtype.kind not in "Ubiuf" or (row.dtype.kind == "f" and not np.all(np.isfinite(row))):
        raise ValueError(f"cohen_kappa: found {name} that is not one row of texts or finite numbers")
    return row


def _refuse_one_category(values: NDArray[Any], name: str) -> None:
    if values.size < 2:
        raise ValueError(
            f"{name}: found only the rating {values[0]!s}, expected at least two different ratings: agreement beyond "
            "chance is undefined where chance alone agrees always"
        )


def _differences(values: NDArray[Any], weights: Weights | None) -> Floats:
    """How much each value differs from each other one; the greatest difference is 1."""
    if weights is None:
        return 1.0 - np.eye(values.size)
    scaled = values.astype(np.float64)
    scaled = (scaled - scaled[0]) / (scaled[-1] - scaled[0])
    steps = np.abs(scaled[:, None] - scaled[None, :])
    return steps if weights == "linear" else steps**2


def _fixed_metric(patterns: Floats, difference: Floats) -> Disagreement:
    """Alpha's disagreement where the difference of two values does not depend on how often others occur."""
    within = np.sum((patterns @ difference) * patterns, axis=1) / (patterns.sum(axis=1) - 1.0)

    def disagreement(counts: Floats) -> tuple[Floats, Floats]:
        totals = counts @ patterns
        n = totals.sum(axis=1)
        return counts @ within / n, np.sum((totals @ difference) * totals, axis=1) / (n * (n - 1.0))

    return disagreement


def _ordinal(patterns: Floats, multiplicity: NDArray[np.int64]) -> Disagreement:
    """Alpha's disagreement where a value counts as its mid-rank: the ordinal metric is the squared mid-rank difference.

    Ranks are doubled, so that sums of squares are whole and perfect agreement gives exactly 0. Squared differences of
    all ordered pairs among m numbers sum to 2 (m sum s^2 - (sum s)^2).
    """
    size = patterns.sum(axis=1)
    all_ranks = _doubled_ranks(multiplicity @ patterns)
    worst = (all_ranks[-1] - all_ranks[0]) ** 2

    def disagreement(counts: Floats) -> tuple[Floats, Floats]:
        totals = counts @ patterns
        n = totals.sum(axis=1)
        ranks = _doubled_ranks(totals)
        within = 2.0 * (size * (ranks**2 @ patterns.T) - (ranks @ patterns.T) ** 2) / (size - 1.0)
        centred = ranks - (np.sum(totals * ranks, axis=1) / n)[:, None]
        expected = 2.0 * np.sum(totals * centred**2, axis=1) / (n - 1.0)
        return np.sum(counts * within, axis=1) / n / worst, expected / worst

    return disagreement


def _doubled_ranks(totals: Floats) -> Floats:
    return 2.0 * np.cumsum(totals, axis=-1) - totals


def _agreement(
    disagreement: Disagreement,
    multiplicity: NDArray[np.int64],
    level: float,
    rng: np.random.Generator | None,
    resamples: int,
    name: str,
) -> Agreement:
    """The coefficient of `multiplicity` items of each pattern, with its interval.

    Items with equal ratings are drawn together, by a multinomial over patterns; `disagreement` takes rows of how often
    each pattern was drawn.
    """
    check_level(level, name)
    if resamples < FEWEST_RESAMPLES:
        raise ValueError(f"{name}: found {resamples} resamples, expected at least {FEWEST_RESAMPLES}")
    rng = rng or np.random.default_rng(0)
    n = int(multiplicity.sum())
    counts = multiplicity.astype(np.float64)
    observed, expected = (float(value[0]) for value in disagreement(counts[None, :]))
    point = 1.0 - observed / expected
    drawn = [
        _coefficients(disagreement, rng.multinomial(n, counts / n, size=rows).astype(np.float64))
        for rows in _chunks(resamples, counts.size)
    ]
    replicates = np.concatenate(drawn)
    replicates = replicates[np.isfinite(replicates)]
    dropped = resamples - replicates.size
    low = high = point
    method = "expanded-bca"
    spread = float(np.ptp(replicates)) > _NO_SPREAD
    if spread:
        acceleration = _acceleration(disagreement, counts)
        low, high = bca_ends(replicates, point, acceleration, _expanded_level(level, n))
    if not spread or n - int(multiplicity.max()) < FEWEST_INFORMATIVE:
        least, most = wilson(observed, n, level)
        low, high = min(low, max(-1.0, 1.0 - most / expected)), max(high, 1.0 - least / expected)
        method = "wilson-bound"
    interval = Interval(point, min(low, point), max(high, point), level, method, n)
    return Agreement(interval, observed, expected, dropped)


def _coefficients(disagreement: Disagreement, counts: Floats) -> Floats:
    """One coefficient a row of counts; NaN where it is undefined."""
    observed, expected = disagreement(counts)
    ratio = np.full(expected.shape, np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0.0)
    return 1.0 - ratio


def _acceleration(disagreement: Disagreement, counts: Floats) -> float:
    """By leaving out one item of each pattern in turn, as often as the pattern occurs."""
    patterns = np.arange(counts.size)
    left_out: list[Floats] = []
    for rows in np.array_split(patterns, len(_chunks(counts.size, counts.size))):
        without = np.repeat(counts[None, :], rows.size, axis=0)
        without[np.arange(rows.size), rows] -= 1.0
        left_out.append(_coefficients(disagreement, without))
    values = np.repeat(np.concatenate(left_out), counts.astype(np.int64))
    values = values[np.isfinite(values)]
    influence = values.mean() - values
    return acceleration_from(influence) if float(np.ptp(values)) > _NO_SPREAD else 0.0


def _expanded_level(level: float, n: int) -> float:
    """The level whose normal quantile is Student's t with n - 1 degrees of freedom times sqrt(n / (n - 1)).

    Held below 1, which rounding gives for two or three items; the ends are then the extreme resamples.
    """
    widened = 2.0 * normal_cdf(t_quantile((1.0 + level) / 2.0, n - 1) * math.sqrt(n / (n - 1))) - 1.0
    return min(widened, 1.0 - 1e-12)


def _chunks(rows: int, width: int) -> list[int]:
    """Numbers of rows, each fit for memory, that sum to `rows`."""
    most = max(1, CHUNK_VALUES // width)
    return [min(most, rows - start) for start in range(0, rows, most)]
