"""Quantiles of the normal and of Student's t, without scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p, for 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def normal_cdf(z: float) -> float:
    """P(Z <= z)."""
    return _NORMAL.cdf(z)


def t_quantile(p: float, df: int) -> float:
    """The t with P(T <= t) = p for Student's t with `df` >= 1 degrees of freedom, 0 < p < 1.

    Exact for 1 and 2 degrees; beyond, Newton's method on the exact distribution function from a normal start, to about
    1e-10. The distribution function for whole degrees is the finite sum of Abramowitz and Stegun 26.7.3 and 26.7.4.
    """
    if df < 1 or not 0.0 < p < 1.0:
        raise ValueError(f"t_quantile: found p={p}, df={df}, expected 0 < p < 1 and df >= 1")
    if p < 0.5:
        return -t_quantile(1.0 - p, df)
    if df == 1:
        return math.tan(math.pi * (p - 0.5))
    if df == 2:
        return (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    t = normal_quantile(p)
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    for _ in range(100):
        density = math.exp(log_scale - (df + 1) / 2 * math.log1p(t * t / df))
        step = (_t_cdf(t, df) - p) / density
        step = max(min(step, 1.0 + abs(t) / 2), -1.0 - abs(t) / 2)
        t -= step
        if abs(step) < 1e-12 * (1 + abs(t)):
            break
    return t


def _t_cdf(t: float, df: int) -> float:
    angle = math.atan2(t, math.sqrt(df))
    cosine_squared = math.cos(angle) ** 2
    if df % 2:
        term = math.cos(angle)
        total = term if df > 1 else 0.0
        for j in range(3, df - 1, 2):
            term *= cosine_squared * (j - 1) / j
            total += term
        central = 2 / math.pi * (angle + math.sin(angle) * total)
    else:
        term = total = 1.0
        for j in range(2, df - 1, 2):
            term *= cosine_squared * (j - 1) / j
            total += term
        central = math.sin(angle) * total
    return 0.5 + central / 2
