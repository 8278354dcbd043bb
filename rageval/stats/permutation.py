"""Tests of paired differences: Fisher's randomisation test by flipping signs, and McNemar's for binary outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.resampling import CHUNK_VALUES, unit_totals

ROUNDING = 1e-12


def sign_flip_p_value(
    differences: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = 10_000,
    rng: np.random.Generator,
) -> tuple[float, bool]:
    """The two-sided p-value of mean zero of paired differences, and whether it is exact.

    Null hypothesis: each unit's difference was as likely to come with the other sign (Fisher 1935). A unit is one
    difference, or with `clusters` (one label a difference) the sum of all under one label, which flip together.
    The statistic is the absolute sum. Where all 2^units sign patterns (of units that are not zero) number at most
    `resamples`, all are counted and p is exact, at least 2^(1 - units); otherwise p = (count + 1) / (resamples + 1)
    over random patterns (Phipson and Smyth 2010), never 0. Sums that differ only by rounding, 1e-12 of the sum of
    absolute differences, are ties. No difference other than zero gives (1.0, True).

    Raises ValueError for no differences, differences that are not finite, or labels that are not one a difference.
    """
    units = unit_totals(differences, clusters)[0]
    if units.size == 0:
        raise ValueError("sign_flip_p_value: found no differences, expected at least one")
    units = units[units != 0]
    least = abs(float(units.sum())) - ROUNDING * float(np.abs(units).sum())
    rows = max(1, CHUNK_VALUES // max(1, units.size))
    patterns = sign_patterns(units.size, resamples, rows, rng)
    count = sum(int(np.count_nonzero(np.abs(np.einsum("ru,u->r", signs, units)) >= least)) for signs in patterns)
    return share_as_extreme(count, units.size, resamples), can_enumerate(units.size, resamples)


def mcnemar_p_value(wins: int, losses: int) -> float:
    """McNemar's exact two-sided p-value: of as uneven a split of the questions that only one of two systems got right.

    `wins` questions only the one got right, `losses` only the other. p = min(1, 2 P(X <= min(wins, losses))) with X
    binomial of wins + losses fair coins; 1.0 where both are 0, and 0.0 below 5e-324. Raises ValueError below zero.
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"mcnemar_p_value: found wins {wins}, losses {losses}, expected counts of at least 0")
    n, k = wins + losses, min(wins, losses)
    steps = np.arange(k)
    falling = np.cumprod((k - steps) / (n - k + 1 + steps))
    return min(1.0, 2 * (math.comb(n, k) / 2**n) * (1 + float(falling.sum())))


def can_enumerate(units: int, resamples: int) -> bool:
    """Whether there are no more sign patterns than resamples."""
    return 2**units <= resamples


def share_as_extreme(count: int, units: int, resamples: int) -> float:
    """The p-value where `count` patterns were as extreme as what was found, of all patterns or of random ones."""
    if can_enumerate(units, resamples):
        return count / 2**units
    return (count + 1) / (resamples + 1)


def sign_patterns(units: int, resamples: int, rows: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Patterns of +1 and -1 in chunks of shape (at most `rows`, units), which do not depend on `rows`.

    All 2^units patterns where there are no more than `resamples`, otherwise that many random ones.
    """
    enumerate_all = can_enumerate(units, resamples)
    total = 2**units if enumerate_all else resamples
    for start in range(0, total, rows):
        size = min(rows, total - start)
        if enumerate_all:
            bits = (np.arange(start, start + size)[:, None] >> np.arange(units)) & 1
        else:
            words = rng.integers(0, 2**64, (size, -(-units // 64)), dtype=np.uint64)
            bits = np.unpackbits(words.view(np.uint8), axis=1, count=units)
        signs = bits.astype(np.float64)
        signs *= -2
        signs += 1
        yield signs
