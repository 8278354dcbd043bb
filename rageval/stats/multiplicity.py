"""P-values adjusted for several tests at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down p-values, in input order: reject those <= a and the chance of any false rejection is <= a.

    Valid whatever the dependence between the tests. The i-th smallest of m becomes the greatest of
    (m - j + 1) p_j over j <= i, at most 1. Empty input gives an empty array. Raises ValueError for anything but one row
    of numbers in [0, 1]. Source: Holm 1979, Scandinavian Journal of Statistics 6.
    """
    p = _checked(p_values, "holm")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return np.minimum(adjusted, 1.0)


def holm_bounds(
    p_values: Sequence[float] | NDArray[np.float64],
    limits: Sequence[float] | NDArray[np.float64],
    bounds: Sequence[Callable[[float], float]],
    alpha: float,
) -> NDArray[np.float64]:
    """Lower confidence bounds that agree with Holm's verdicts on several tests of "the parameter is at most its limit".

    Test i rejects at a level a where `p_values[i]` <= a, which is where `bounds[i](a)`, the one-sided bound at 1 - a,
    lies above `limits[i]`. With probability at least 1 - alpha no bound lies above its parameter, whatever the
    dependence between the tests. A bound lies above its limit exactly where Holm rejects at `alpha`: for the tests that
    are not rejected it is the bound at alpha / their number. For those that are it is the number next to the limit, or,
    where all are rejected, the bound at alpha / number of tests if that is higher: Holm shows no more. Raises
    ValueError as `holm` does. Source: Strassburger and Bretz 2008, Statistics in Medicine 27; Guilbaud 2008,
    Biometrical Journal 50.
    """
    rejected = holm(p_values) <= alpha
    kept = int(np.count_nonzero(~rejected))
    share = alpha / (kept or rejected.size or 1)
    found = np.array([bound(share) for bound in bounds], dtype=np.float64)
    above = np.nextafter(limits, np.inf)
    return np.where(rejected, above, found) if kept else np.maximum(above, found)


def benjamini_hochberg(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini and Hochberg's step-up p-values, in input order: reject those <= a and the expected share of false
    rejections among the rejections is <= a.

    Valid for independent or positively dependent tests. The i-th smallest of m becomes the least of m p_j / j over
    j >= i, at most 1. Empty input gives an empty array. Raises ValueError for anything but one row of numbers in
    [0, 1]. Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57.
    """
    p = _checked(p_values, "benjamini_hochberg")
    falling = np.argsort(p, kind="stable")[::-1]
    adjusted = np.empty_like(p)
    adjusted[falling] = np.minimum.accumulate(p[falling] * (p.size / np.arange(p.size, 0, -1)))
    return np.minimum(adjusted, 1.0)


def _checked(p_values: Sequence[float] | NDArray[np.float64], name: str) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"{name}: found an array of shape {p.shape}, expected p-values in one row")
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"{name}: found values outside [0, 1] or NaN, expected p-values")
    return p
