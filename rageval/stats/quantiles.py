"""Quantiles of the normal, of Student's t and of the beta distribution, without scipy."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_MOST_STEPS = 200


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
        step = (t_cdf(t, df) - p) / density
        step = max(min(step, 1.0 + abs(t) / 2), -1.0 - abs(t) / 2)
        t -= step
        if abs(step) < 1e-12 * (1 + abs(t)):
            break
    return t


def t_cdf(t: float, df: int) -> float:
    """P(T <= t) for Student's t with `df` >= 1 whole degrees of freedom."""
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


@lru_cache(maxsize=10_000)
def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = p for the beta distribution with shapes a, b > 0, 0 < p < 1; to about 1e-11, by Newton's
    method within a bracket.

    The distribution function is the continued fraction of Numerical Recipes 6.4 (Press et al. 2007), by Lentz's method.
    """
    if not (a > 0.0 and b > 0.0 and 0.0 < p < 1.0):
        raise ValueError(f"beta_quantile: found p={p}, a={a}, b={b}, expected 0 < p < 1 and shapes above 0")
    a, b, low, high, x = float(a), float(b), 0.0, 1.0, float(a / (a + b))  # numpy's floats warn where they overflow
    log_scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    for _ in range(_MOST_STEPS):
        beyond = beta_cdf(x, a, b) - p
        low, high = (low, x) if beyond > 0.0 else (x, high)
        density = math.exp(log_scale + (a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x))
        newton = x - beyond / density if density > 0.0 else low
        before, x = x, newton if low < newton < high else (low + high) / 2
        if abs(x - before) <= 1e-15 * x or x in (0.0, 1.0):
            break
    return x


def beta_cdf(x: float, a: float, b: float) -> float:
    """I_x(a, b), the chance of at most x under the beta distribution with shapes a, b > 0, for 0 < x < 1."""
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges fast below that
        return 1.0 - beta_cdf(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / (1.0 + term * d)
            c = 1.0 + term / c
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return math.exp(log_front) * fraction / a
