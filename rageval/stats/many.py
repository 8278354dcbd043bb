"""Many comparisons over the same questions at once, from one set of resamples, which keep how they hang together.

The mean difference of a pair in a resample is the difference of two systems' means in it, so one matrix product of the
resamples with the scores serves all pairs. 64-bit floats throughout: drawing the resamples takes most of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.checks import check_level
from rageval.stats.clusters import Clustering, Clusters, make_clustering
from rageval.stats.dirichlet import bound_draws, mean_draws, most_beyond, share_beyond
from rageval.stats.intervals import JEFFREYS
from rageval.stats.permutation import ROUNDING, can_enumerate, share_as_extreme, sign_patterns
from rageval.stats.resampling import CHUNK_VALUES, acceleration_from, bca_ends, resample_counts

FLIPS = 10_000
OWN_DRAWS = 4000
UNSEEN = JEFFREYS[0]
MOST_UNITS = 2000
_NO_SPREAD = 1e-12
_TIE = 1e-9


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


@dataclass(frozen=True, slots=True, eq=False)
class SimultaneousIntervals:
    """Mean differences, each with an interval that excludes 0 exactly where its `p_adjusted` is at most 1 - `level`.

    With probability `level` (nominally) all intervals cover. `p` is two-sided, for a difference looked at alone. Arrays
    of shape (differences,).
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float
    p: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]


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
    return _flip_tests(_checked(scores), resamples, rng)


def _flip_tests(
    x: NDArray[np.float64], resamples: int, rng: np.random.Generator, shrink: NDArray[np.float64] | None = None
) -> PairedTests:
    """`shrink` (systems, systems) is what the observed statistics are multiplied by, for units that are dependent."""
    size = np.abs(x).sum(axis=1)
    # Less one system, questions that all answer alike become exactly 0, and sums round less.
    x = x - x[0]
    x = x[:, np.any(x != 0, axis=0)]
    systems, units = x.shape
    first, second = np.triu_indices(systems, 1)
    observed = np.abs(x.sum(axis=1)[first] - x.sum(axis=1)[second])
    rounding = ROUNDING * (size[first] + size[second])
    least = (observed - rounding) * (1.0 if shrink is None else shrink[first, second])
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


def mean_tests(scores: ArrayLike, *, clusters: Clusters | None = None, rng: np.random.Generator) -> PairedTests:
    """Tests of equal means of all pairs of systems: `paired_permutation`, guarded against losses that have not come.

    `scores` has a row a system and a column a question, within [0, 1]. Flipping signs tests that differences are
    symmetric about 0. A system that gains a little on most questions and loses much on few has differences of mean 0
    that are not, and the losses may be missing from the sample. So each p-value is at least that of a Bayesian
    bootstrap with half a question more, on which the system that is ahead loses everything, two-sided; for `p_adjusted`
    times the number of systems less one. Both were set by simulation (docs/statistics.md). `exact` is of the
    permutation test alone.

    With `clusters` (a label a question, or a frozenset of several: `rageval.stats.clusters`) signs are flipped and
    weights are drawn for whole clusters, and what has not come yet is a cluster.

    Raises ValueError as `paired_permutation`, for scores outside [0, 1], and for clusters as `make_clustering`.
    """
    x = _checked(scores)
    if x.min() < 0.0 or x.max() > 1.0:
        raise ValueError(f"many: found scores from {x.min():g} to {x.max():g}, expected them in [0, 1]")
    if clusters is None:
        systems = x.shape[0]
        tests = paired_permutation(x, rng=rng)
        once = np.ones((systems, systems), dtype=np.float64)
        mean = np.asarray(x.mean(axis=1), dtype=np.float64)
        unseen = _unseen_p(x, np.ones_like(x[0]), mean, once, (UNSEEN, 1.0), rng)
        unseen = np.minimum(unseen, unseen.T)
    else:
        tests, unseen = _clustered_tests(x, make_clustering(clusters, x.shape[1], "many"), rng)
    together = np.minimum(1.0, unseen * (x.shape[0] - 1))
    return PairedTests(np.maximum(tests.p, unseen), np.maximum(tests.p_adjusted, together), tests.exact)


def cluster_parts(x: NDArray[np.float64], clustering: Clustering) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sums by cluster of each row of (systems, questions), and the sizes; a question in several clusters counts for
    an equal part in each.
    """
    shares = clustering.weight**2
    sums = [np.bincount(clustering.cluster, weights=row[clustering.item] * shares) for row in x]
    sizes = np.bincount(clustering.cluster, weights=shares)
    return np.array(sums, dtype=np.float64), sizes.astype(np.float64)


def _understated(
    error: NDArray[np.float64], units: NDArray[np.float64], sizes: NDArray[np.float64], clustering: Clustering
) -> float:
    """By what the root of the sum of squared deviations of the parts is too small, where questions are in several
    clusters; 1 otherwise.
    """
    if clustering.item.size == clustering.n:
        return 1.0
    together, alone = float(np.sum((units - sizes * (units.sum() / sizes.sum())) ** 2)), float(np.sum(error**2))
    if together <= _NO_SPREAD:
        return 1.0
    return math.sqrt(max(1.0, clustering.design_effect(error) * alone / together))


def _clustered_tests(
    x: NDArray[np.float64], clustering: Clustering, rng: np.random.Generator
) -> tuple[PairedTests, NDArray[np.float64]]:
    """The permutation test over clusters, and the p-values of the guard.

    A question that is in several clusters counts for an equal part in each. That understates how much clusters share,
    so each pair's statistic is stretched to the variance that its design effect says. Where a pair's clusters vary less
    than independent questions would, the guard draws weights of questions instead.
    """
    systems = x.shape[0]
    part, sizes = cluster_parts(x, clustering)
    mean = np.asarray(x.mean(axis=1), dtype=np.float64)
    stretch, whole = np.ones((2, systems, systems), dtype=np.float64)
    shrink = np.ones((systems, systems))
    effects = clustering.pair_effects(x - mean[:, None])
    for i, j in combinations(range(systems), 2):
        error = x[i] - x[j] - (mean[i] - mean[j])
        effect, alone = float(effects[i, j]), float(np.sum(error**2))
        together = float(np.sum((part[i] - part[j] - sizes * (mean[i] - mean[j])) ** 2))
        seen = together if effect > 1.0 and together > _NO_SPREAD * alone else alone
        ratio = effect * alone / seen if alone > _NO_SPREAD else 1.0
        stretch[i, j] = math.sqrt(max(1.0, ratio) * clustering.few(0.95))
        whole[i, j] = 1.0 if seen == together or alone <= _NO_SPREAD else 0.0
        shrink[i, j] = 1.0 / _understated(error, part[i] - part[j], sizes, clustering)
    tests = _flip_tests(part, FLIPS, rng, shrink)
    p = _unseen_p(part, sizes, mean, stretch, (UNSEEN, clustering.unseen_size), rng)
    if not whole.all():
        of_questions = _unseen_p(x, np.ones_like(x[0]), mean, stretch, (UNSEEN * clustering.unseen_size, 1.0), rng)
        p = np.where(whole > 0.0, p, of_questions)
    return tests, np.minimum(p, p.T)


def _unseen_p(
    sums: NDArray[np.float64],
    sizes: NDArray[np.float64],
    mean: NDArray[np.float64],
    stretch: NDArray[np.float64],
    unseen: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Two-sided p-values of all pairs by a Bayesian bootstrap over units with those `sums` and `sizes`, and what has
    not been seen beside them. The deviations of each pair's draws from its mean are stretched.

    `unseen` is the shape and the scale of the weight of what has not been seen. Values above the diagonal; 1 elsewhere.
    """
    sums, sizes = _folded(sums), _folded(sizes[None, :])[0]
    systems, units = sums.shape
    first, second = np.triu_indices(systems, 1)
    wider, ahead_by = stretch[first, second], mean[first] - mean[second]
    behind, ahead = np.zeros((2, first.size), dtype=np.int64)
    rows = max(1, CHUNK_VALUES // max(units, first.size))
    for start in range(0, FLIPS, rows):
        size = min(rows, FLIPS - start)
        weights = rng.standard_exponential((size, units))
        drawn = weights @ sums.T
        centre = (weights @ sizes)[:, None] * ahead_by
        lost = unseen[1] * rng.standard_gamma(unseen[0], (size, 1))
        gained = centre + (drawn[:, first] - drawn[:, second] - centre) * wider
        behind += np.asarray((gained <= lost).sum(axis=0), dtype=np.int64)
        ahead += np.asarray((gained >= -lost).sum(axis=0), dtype=np.int64)
    p = np.ones((systems, systems))
    p[first, second] = [share_beyond(min(2 * count, FLIPS), FLIPS) for count in np.minimum(behind, ahead).tolist()]
    return p


def _folded(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every so many columns added up, where there are more than `MOST_UNITS`: as many blocks say how much means vary
    within 2%, in a fraction of the time.
    """
    rows, units = sums.shape
    if units <= MOST_UNITS:
        return sums
    blocks = -(-units // MOST_UNITS)
    padded = np.zeros((rows, blocks * MOST_UNITS))
    padded[:, :units] = sums
    return padded.reshape(rows, blocks, MOST_UNITS).sum(axis=1)


def simultaneous_intervals(
    differences: ArrayLike, *, level: float = 0.95, clusters: Clusters | None = None, rng: np.random.Generator
) -> SimultaneousIntervals:
    """Intervals for the means of several differences over the same questions, and p-values that agree with them.

    `differences` has a row a difference and a column a question, all within [-1, 1]. The statistic is that of
    `paired_permutation`, |sum d| / sqrt(sum d^2). Its largest value over all rows, when the signs of the residuals of
    whole questions are flipped (Wu 1986, the wild bootstrap), is what each row is held against: single-step max-T
    (Westfall and Young 1993). The means that are not rejected so are each row's interval.

    Flipping signs takes residuals for symmetric, and cannot see a rare great loss that has not come. So the interval
    also takes in the row's own `dirichlet` interval at `level` (`mean_interval`), and the p-values are at least those
    of its draws. With `clusters`, as for `mean_tests`, signs of whole clusters are flipped.

    Raises ValueError for no row or question, differences outside [-1, 1], or a level outside (0, 1).
    """
    check_level(level, "simultaneous_intervals")
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or 0 in d.shape or not np.all(np.abs(d) <= 1.0):
        raise ValueError(
            f"simultaneous_intervals: found an array of shape {d.shape}, expected rows of values in [-1, 1]"
        )
    questions = d.shape[1]
    mean = d.mean(axis=1)
    clustering = None if clusters is None else make_clustering(clusters, questions, "simultaneous_intervals")
    units, sizes, wider = d, np.ones(questions), np.ones(d.shape[0])
    if clustering is not None:
        units, sizes = cluster_parts(d, clustering)
        wider = np.array(
            [
                _understated(row - row.mean(), units_of, sizes, clustering)
                for row, units_of in zip(d, units, strict=True)
            ]
        )
    residuals = units - mean[:, None] * sizes
    spread = np.linalg.norm(residuals, axis=1)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > _NO_SPREAD)
    size = np.linalg.norm(units, axis=1) * wider
    found = np.abs(d.sum(axis=1)) * np.divide(1.0, size, out=np.zeros_like(size), where=size > _NO_SPREAD)
    least = found * (1.0 - _TIE)
    alone, largest = _flipped(residuals, scale, least, rng)
    together = np.asarray(largest.size - np.searchsorted(largest, least), dtype=np.int64)
    most = most_beyond(1.0 - level, largest.size)
    critical = float(largest[-1 - most]) * (1.0 + 2.0 * _TIE) if most >= 0 else math.inf
    below, above = _not_rejected(units, sizes, mean, critical * wider, questions)
    own = [_own_interval(row, level, clustering, rng) for row in d]
    own_low, own_high, own_p = np.array(own).T
    return SimultaneousIntervals(
        mean,
        np.clip(np.minimum(below, own_low), -1.0, 1.0),
        np.clip(np.maximum(above, own_high), -1.0, 1.0),
        level,
        np.maximum([share_beyond(count, largest.size) for count in alone.tolist()], own_p),
        np.maximum([share_beyond(count, largest.size) for count in together.tolist()], own_p),
    )


def _flipped(
    residuals: NDArray[np.float64],
    scale: NDArray[np.float64],
    least: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """In how many patterns each row's statistic reaches `least`; the largest of all rows in each pattern, sorted."""
    alone = np.zeros(residuals.shape[0], dtype=np.int64)
    largest: list[NDArray[np.float64]] = []
    for signs in sign_patterns(residuals.shape[1], FLIPS, max(1, CHUNK_VALUES // max(residuals.shape)), rng):
        flipped = np.abs(signs @ residuals.T) * scale
        alone += (flipped >= least).sum(axis=0)
        largest.append(flipped.max(axis=1))
    return alone, np.sort(np.concatenate(largest))


def _not_rejected(
    units: NDArray[np.float64],
    sizes: NDArray[np.float64],
    mean: NDArray[np.float64],
    critical: NDArray[np.float64],
    questions: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each row's means m with |sum - questions * m| <= critical * sqrt(sum over units of (unit - size * m)^2)."""
    low, high = np.full((2, mean.size), -2.0) * [[1.0], [-1.0]]
    squares, crossed, of_sizes = (units**2).sum(axis=1), units @ sizes, float(sizes @ sizes)
    for row, (c, total) in enumerate(zip(critical.tolist(), (mean * questions).tolist(), strict=True)):
        a = questions**2 - c**2 * of_sizes
        if a <= 0.0 or not math.isfinite(c):
            continue
        b = total * questions - c**2 * float(crossed[row])
        inside = max(b**2 - a * (total**2 - c**2 * float(squares[row])), 0.0)
        low[row], high[row] = (b - math.sqrt(inside)) / a, (b + math.sqrt(inside)) / a
    return low, high


def _own_interval(
    values: NDArray[np.float64], level: float, clustering: Clustering | None, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Low, high and the two-sided p-value of a single row; the interval takes in the mean."""
    mean = float(values.mean())
    if clustering is None:
        lower = upper = np.sort(mean_draws(values, low=-1.0, high=1.0, ends=JEFFREYS, rng=rng, draws=OWN_DRAWS))
    else:
        effect, lump = clustering.discount(values - mean, level)
        end = JEFFREYS[0]
        drawn = bound_draws(
            values, low=-1.0, high=1.0, end=end, rng=rng, design_effect=effect, lump=lump, draws=OWN_DRAWS
        )
        lower, upper = (np.sort(one) for one in drawn)
    beyond = int(min(np.searchsorted(lower, 0.0, side="right"), upper.size - np.searchsorted(upper, 0.0)))
    p = share_beyond(min(2 * beyond, lower.size), lower.size)
    out = most_beyond(1.0 - level, lower.size) // 2
    if out < 0:
        return -1.0, 1.0, p
    return min(float(lower[out]), mean), max(float(upper[-1 - out]), mean), p


def _checked(scores: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f"many: found scores of shape {x.shape}, expected at least two systems by two questions")
    if not np.all(np.isfinite(x)):
        raise ValueError("many: found scores that are not finite, expected finite numbers")
    return x
