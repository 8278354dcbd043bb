"""Many systems over the same questions: all pairs at once, from one set of resamples.

The mean difference of a pair in a resample is the difference of two systems' means in it, so one matrix product of the
resamples with the scores serves all pairs. 64-bit floats throughout: drawing the resamples takes most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.checks import check_level
from rageval.stats.permutation import ROUNDING, can_enumerate, share_as_extreme, sign_patterns
from rageval.stats.resampling import CHUNK_VALUES, acceleration_from, bca_ends, resample_counts

_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class PairedIntervals:
    """Mean differences of all pairs: [i, j] is of system i less system j, so [j, i] holds the same with signs turned.

    Arrays of shape (systems, systems); the diagonal is 0.
    """

    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class PairedTests:
    """Two-sided p-values of all pairs, symmetric arrays of shape (systems, systems); the diagonal is 1.

    `p` is for a pair looked at alone; `p_adjusted` for all pairs looked at together: the chance that any pair of equal
    systems falls below alpha is at most alpha. `exact` where all sign patterns were counted.
    """

    p: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    exact: bool


def paired_bootstrap(
    scores: ArrayLike, *, resamples: int = 10_000, rng: np.random.Generator, level: float = 0.95
) -> PairedIntervals:
    """BCa intervals (see `resampling.bca`) for the mean differences of all pairs of systems.

    `scores` has a row a system and a column a question. All pairs share the resamples of questions, and get the
    interval that `bca` would give their differences with the same generator. Each interval covers on its own; they are
    not adjusted for their number. A pair whose differences are all equal gets a width of 0: resampling cannot see more.

    Raises ValueError for fewer than two systems or questions, scores that are not finite, or a level outside (0, 1).
    """
    check_level(level, "paired_bootstrap")
    x = _checked(scores)
    systems, questions = x.shape
    drawn = np.concatenate([counts @ x.T for counts in resample_counts(questions, resamples, rng)]) / questions
    difference, low, high = np.zeros((3, systems, systems))
    for i, j in combinations(range(systems), 2):
        d = x[i] - x[j]
        mean = float(d.mean())
        ends = (mean, mean)
        if np.ptp(d) > _NO_SPREAD * np.abs(d).max():
            ends = bca_ends(drawn[:, i] - drawn[:, j], mean, acceleration_from(d - mean), level)
        difference[i, j], low[i, j], high[i, j] = mean, *ends
        difference[j, i], low[j, i], high[j, i] = -mean, -ends[1], -ends[0]
    return PairedIntervals(difference, low, high, level)


def paired_permutation(scores: ArrayLike, *, resamples: int = 10_000, rng: np.random.Generator) -> PairedTests:
    """Fisher's randomisation test (see `permutation.sign_flip_p_value`) of all pairs of systems, alone and together.

    `scores` has a row a system and a column a question. All pairs share the sign patterns; a pattern flips whole
    questions. With clusters of questions, hand in a column a cluster: the sum of its questions' scores.

    `p_adjusted` is single-step max-T (Westfall and Young 1993): the share of patterns in which the largest statistic
    of any pair reaches this pair's. The statistic is |sum d| / sqrt(sum d^2); the t statistic is the same increasing
    function of it for every pair and pattern, so it is studentised. Exact where the differences of all pairs are
    jointly symmetric about 0 under the null hypothesis, otherwise in large samples, since the patterns keep the
    correlation between pairs. Sums of differences that differ by less than 1e-12 of the two systems' summed scores are
    ties.

    Raises ValueError for fewer than two systems or questions, or scores that are not finite.
    """
    x = _checked(scores)
    size = np.abs(x).sum(axis=1)
    # Less one system, questions that all answer alike become exactly 0, and sums round less.
    x = x - x[0]
    x = x[:, np.any(x != 0, axis=0)]
    systems, units = x.shape
    first, second = np.triu_indices(systems, 1)
    observed = np.abs(x.sum(axis=1)[first] - x.sum(axis=1)[second])
    rounding = ROUNDING * (size[first] + size[second])
    least = observed - rounding
    norm = np.array([np.linalg.norm(x[i] - x[j]) for i, j in zip(first, second, strict=True)])
    scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > rounding)
    rows = max(1, CHUNK_VALUES // max(units, first.size))
    alone, together = np.zeros((2, first.size), dtype=np.int64)
    for signs in sign_patterns(units, resamples, rows, rng):
        sums = signs @ x.T
        flipped = np.abs(sums[:, first] - sums[:, second])
        alone += np.asarray((flipped >= least).sum(axis=0), dtype=np.int64)
        largest = np.sort((flipped * scale).max(axis=1))
        together += np.asarray(largest.size - np.searchsorted(largest, least * scale), dtype=np.int64)
    p, p_adjusted = np.ones((2, systems, systems))
    for result, counts in ((p, alone), (p_adjusted, together)):
        result[first, second] = [share_as_extreme(count, units, resamples) for count in counts.tolist()]
        result[second, first] = result[first, second]
    return PairedTests(p, p_adjusted, can_enumerate(units, resamples))


def _checked(scores: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f"many: found scores of shape {x.shape}, expected at least two systems by two questions")
    if not np.all(np.isfinite(x)):
        raise ValueError("many: found scores that are not finite, expected finite numbers")
    return x
