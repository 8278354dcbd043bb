"""How good a judge's probabilities are against yes/no labels: right, well ordered, honest about their own doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level
from rageval.stats.intervals import JEFFREYS, Interval, mean_interval
from rageval.stats.quantiles import normal_quantile

Floats: TypeAlias = NDArray[np.float64]

DRAWS = 4000
UNSEEN = JEFFREYS[0]
MOST_LEVELS = 400


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of the reliability table: `n` items, their mean probability, and the rate of yes among their labels."""

    n: int
    mean_probability: float
    observed: Interval


@dataclass(frozen=True, slots=True)
class CalibrationQuality:
    """Measures of `n` probabilities against labels, each with its interval, and the reliability table.

    `accuracy`           share right where a probability of at least 0.5 says yes
    `balanced_accuracy`  mean of the accuracies among yes labels and among no labels
    `auc`                chance that a random yes has a higher probability than a random no, ties counted half
    `brier`              mean squared difference of probability and label, in [0, 1], 0 is best
    `ece`                expected calibration error, in [0, 1], 0 is best

    `balanced_accuracy` and `auc` compare yes with no labels; both are None where only one of the two occurs, since
    nothing is then known about the other. `table` runs from low to high probabilities and leaves out empty bins.
    """

    n: int
    accuracy: Interval
    balanced_accuracy: Interval | None
    auc: Interval | None
    brier: Interval
    ece: Interval
    table: tuple[ReliabilityBin, ...]


def calibration(
    labels: Sequence[int] | NDArray[Any],
    probabilities: Sequence[float] | Floats,
    *,
    bins: int = 10,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> CalibrationQuality:
    """Measure probabilities in [0, 1] against labels 0 or 1 of the same independent items, in the same order.

    Expected calibration error: sum over bins of (n_b / n) |rate of yes - mean probability| (Naeini et al. 2015), over
    at most `bins` bins of equal mass (adaptive, Nixon et al. 2019, arXiv 1904.01685). Equal probabilities share a bin,
    so that the order of items does not matter; bins are then as equal as ties allow. It is biased upwards: noise adds
    to the absolute value, about 0.07 for perfect probabilities at n = 200 and 10 bins; and binning may hide error that
    cancels within a bin (Kumar et al. 2019, arXiv 1909.10155). Compare it only between equal n and bins, and read its
    interval: where that reaches 0, the probabilities may be perfect as binned.

    Intervals. Accuracy, the bins' rates and Brier: `mean_interval`. Balanced accuracy: the `beta` intervals of the two
    rates combined by MOVER (Zou and Donner 2008). AUC: a Bayesian bootstrap with half an unseen item in each class.
    ECE: bounds that cover whatever the bias; a percentile bootstrap adds the bias a second time and never covers 0.
    docs/statistics_agreement.md has what they cover.

    `rng` draws what is drawn; by default a generator seeded with 0, so that equal input gives equal output. Raises
    ValueError for no items, rows of different length, labels other than 0 and 1, probabilities outside [0, 1], and
    bins < 1.
    """
    y, p = _checked(labels, probabilities, bins, level)
    rng = rng or np.random.default_rng(0)
    right = ((p >= 0.5) == (y == 1.0)).astype(np.float64)
    yes = y == 1.0
    both = bool(yes.any() and not yes.all())
    bin_of = _equal_mass_bins(p, bins)
    brier, ece = mean_interval((p - y) ** 2, level=level, rng=rng), _ece(y - p, bin_of, level, rng)
    return CalibrationQuality(
        n=y.size,
        accuracy=mean_interval(right, level=level),
        balanced_accuracy=_mean_of_rates(right[yes], right[~yes], level) if both else None,
        auc=auc_interval(p[yes], p[~yes], level=level, rng=rng) if both else None,
        brier=brier,
        ece=ece,
        table=_table(y, p, bin_of, level),
    )


def reliability_table(
    labels: Sequence[int] | NDArray[Any],
    probabilities: Sequence[float] | Floats,
    *,
    bins: int = 10,
    level: float = 0.95,
) -> tuple[ReliabilityBin, ...]:
    """The reliability table of `calibration` alone, which costs no draws. Raises ValueError as `calibration`."""
    y, p = _checked(labels, probabilities, bins, level)
    return _table(y, p, _equal_mass_bins(p, bins), level)


def _table(y: Floats, p: Floats, bin_of: NDArray[np.int64], level: float) -> tuple[ReliabilityBin, ...]:
    return tuple(
        ReliabilityBin(int(inside.sum()), float(p[inside].mean()), mean_interval(y[inside], level=level))
        for inside in (bin_of == b for b in np.unique(bin_of))
    )


def _checked(
    labels: Sequence[int] | NDArray[Any], probabilities: Sequence[float] | Floats, bins: int, level: float
) -> tuple[Floats, Floats]:
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or y.size == 0:
        raise ValueError(
            f"calibration: found labels of shape {y.shape}, probabilities of shape {p.shape}, "
            "expected two rows of equal length, at least one item"
        )
    if not np.all((y == 0.0) | (y == 1.0)):
        raise ValueError("calibration: found labels other than 0 and 1")
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError("calibration: found probabilities outside [0, 1] or NaN")
    if bins < 1:
        raise ValueError(f"calibration: found {bins} bins, expected at least 1")
    check_level(level, "calibration")
    return y, p


def _equal_mass_bins(p: Floats, bins: int) -> NDArray[np.int64]:
    """Each item's bin: floor(bins x mid-rank / n), in whole numbers, so that equal probabilities share a bin."""
    return bins * _twice_below(p, p) // (2 * p.size)


def _mean_of_rates(first: Floats, second: Floats, level: float) -> Interval:
    """The mean of two independent rates; each end moves by half the root of the sum of their squared distances."""
    a, b = mean_interval(first, level=level), mean_interval(second, level=level)
    point = (a.point + b.point) / 2.0
    low = point - math.hypot(a.point - a.low, b.point - b.low) / 2.0
    high = point + math.hypot(a.high - a.point, b.high - b.point) / 2.0
    return Interval(point, max(0.0, low), min(1.0, high), level, "mover-beta", first.size + second.size)


def auc_interval(
    yes: Floats, no: Floats, *, level: float = 0.95, rng: np.random.Generator, draws: int = DRAWS
) -> Interval:
    """The chance that a random one of the scores `yes` is above a random one of `no`, ties counted half.

    The estimate is Mann and Whitney's, with the quantiles of a Bayesian bootstrap of both classes (`dirichlet`).

    Each class has half an item more: for the low end a yes below all others and a no above all others, for the high end
    the reverse. So a class of one item is not taken for certain, nor is a perfect order. More than 400 different
    probabilities are merged by rank for the draws.

    DeLong's interval sees neither; simulated, it covers down to 0.77 with 5 items in a class. Newcombe's (2006, method
    5) stands on an exponential model. The wider of the two covers 0.51 where two of twenty items are yes and half of
    the yes labels are below all others. Neither class may be empty.
    """
    over_no = _twice_below(yes, no) / (2.0 * no.size)
    point = float(over_no.mean())
    levels, codes = np.unique(np.concatenate([yes, no]), return_inverse=True)
    kept = min(levels.size, MOST_LEVELS)
    codes = codes * kept // levels.size
    of_yes, of_no = (
        rng.standard_gamma(np.bincount(part, minlength=kept), (draws, kept))
        for part in (codes[: yes.size], codes[yes.size :])
    )
    above = np.einsum("dl,dl->d", of_yes, np.cumsum(of_no, axis=1) - of_no / 2.0)
    more_yes, more_no = rng.standard_gamma(UNSEEN, (2, draws))
    all_yes, all_no = of_yes.sum(axis=1) + more_yes, of_no.sum(axis=1) + more_no
    low = float(np.quantile(above / (all_yes * all_no), (1.0 - level) / 2.0))
    gained = more_yes * all_no + more_no * (all_yes - more_yes)
    high = float(np.quantile((above + gained) / (all_yes * all_no), (1.0 + level) / 2.0))
    n = yes.size + no.size
    return Interval(point, max(0.0, min(low, point)), min(1.0, max(high, point)), level, "dirichlet", n)


def _twice_below(values: Floats, others: Floats) -> NDArray[np.int64]:
    """For each value twice the number of `others` below it, ties counted half: whole, so that ties stay exact."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.asarray(below, dtype=np.int64)


def _ece(residuals: Floats, bin_of: NDArray[np.int64], level: float, rng: np.random.Generator) -> Interval:
    """The expected calibration error with conservative ends (`norm-bound`).

    With D_b = sum of a bin's residuals (label - probability) / n, the error is the 1-norm |D|, D being the true d plus
    noise. Low end: by the triangle inequality |D| - |d| <= |noise|, whose quantile is taken from normal draws with
    variances sum r^2 / n^2 a bin; for perfect probabilities this tests |d| = 0. High end: by convexity
    |d| <= |D| - sum of sign(d_b) noise_b, a single mean of variance at most mean(r^2) / n. So each end is passed in at
    most (1 - level) / 2 of samples, but for the normal approximation. Simulated at n = 20 to 1000: 0.95 or more covered
    for level 0.95, at up to 1.8 times the width of the percentile bootstrap, which covers 0 to 0.97.
    """
    n = residuals.size
    error = float(np.abs(np.bincount(bin_of, weights=residuals)).sum() / n)
    deviations = np.sqrt(np.bincount(bin_of, weights=residuals**2)) / n
    noise = np.abs(rng.standard_normal((DRAWS, deviations.size)) * deviations).sum(axis=1)
    low = error - float(np.quantile(noise, (1.0 + level) / 2.0))
    high = error + normal_quantile((1.0 + level) / 2.0) * math.sqrt(float(np.mean(residuals**2)) / n)
    return Interval(error, max(0.0, low), min(1.0, high), level, "norm-bound", n)
