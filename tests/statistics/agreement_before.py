"""The intervals that kappa, alpha, AUC and balanced accuracy had before, kept for docs/statistics_agreement.md.

Kappa and alpha: BCa over items at an expanded level, and Wilson's bounds of the observed disagreement where fewer than
8 items differ from the most common pair. AUC: the wider end of DeLong's on the logit scale and Newcombe's method 5.
Balanced accuracy: MOVER of two Wilson intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from rageval.stats.intervals import wilson
from rageval.stats.resampling import acceleration_from, bca_ends

Z = float(stats.norm.ppf(0.975))
RESAMPLES = 1000
Coefficient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def bca_over_items(disagreement: Coefficient, counts: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """`disagreement` gives observed and expected disagreement of rows of how often each pattern of ratings occurs."""

    def coefficients(rows: np.ndarray) -> np.ndarray:
        seen, chance = disagreement(rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = 1 - seen / chance
        return values[np.isfinite(values)]

    n = int(counts.sum())
    observed, expected = (float(value[0]) for value in disagreement(counts[None].astype(float)))
    low = high = point = 1 - observed / expected
    drawn = coefficients(rng.multinomial(n, counts / n, RESAMPLES).astype(float))
    spread = np.ptp(drawn) > 1e-12
    if spread:
        left_out = np.repeat(counts[None] - np.eye(counts.size), counts, axis=0)
        influence = coefficients(left_out)
        influence = influence.mean() - influence
        acceleration = acceleration_from(influence) if np.ptp(influence) > 1e-12 else 0.0
        level = 2 * stats.norm.cdf(stats.t.ppf(0.975, n - 1) * math.sqrt(n / (n - 1))) - 1
        low, high = bca_ends(drawn, point, acceleration, float(level))
    if not spread or n - counts.max() < 8:
        least, most = wilson(observed, n, 0.95)
        low, high = min(low, max(-1.0, 1 - most / expected)), max(high, 1 - least / expected)
    return min(low, point), max(high, point)


def delong_newcombe(yes: np.ndarray, no: np.ndarray) -> tuple[float, float]:
    wins = (yes[:, None] > no).astype(float) + (yes[:, None] == no) / 2
    auc, m, n = float(wins.mean()), yes.size, no.size

    def gap(t: float) -> float:
        inner = 1 + ((m + n) / 2 - 1) * ((1 - t) / (2 - t) + t / (1 + t))
        return (auc - t) ** 2 - Z * Z * t * (1 - t) * inner / (m * n)

    low, high = (_root(gap, auc + step, end) for step, end in ((-1e-12, 0.0), (1e-12, 1.0)))
    if m < 2 or n < 2 or not 0 < auc < 1:
        return low, high
    a, b = wins.mean(axis=1).var(ddof=1) / m, wins.mean(axis=0).var(ddof=1) / n
    if a + b == 0:
        return low, high
    df = max(1, math.floor((a + b) ** 2 / (a**2 / (m - 1) + b**2 / (n - 1))))
    half, logit = stats.t.ppf(0.975, df) * math.sqrt(a + b) / (auc * (1 - auc)), math.log(auc / (1 - auc))
    ends = [float(1 / (1 + np.exp(-(logit + sign * half)))) for sign in (-1, 1)]
    return min(low, ends[0]), max(high, ends[1])


def _root(gap: Callable[[float], float], inside: float, end: float) -> float:
    if not 0 < inside < 1:
        return end
    return float(optimize.brentq(gap, inside, end))  # pyright: ignore[reportArgumentType]


def mover_wilson(yes: tuple[int, int], no: tuple[int, int]) -> tuple[float, float]:
    (a, low_a, high_a), (b, low_b, high_b) = ((k / n, *wilson(k / n, n, 0.95)) for k, n in (yes, no))
    middle = (a + b) / 2
    return middle - math.hypot(a - low_a, b - low_b) / 2, middle + math.hypot(high_a - a, high_b - b) / 2
