"""Prediction-powered inference: a few labels of people and many scores of a judge, joined into one interval.

The labelled items must be a random sample of the items whose mean is wanted (or a random sample within each stratum).
The judge may be as wrong as it likes: a bad one makes the interval as wide as the labels alone do, not wrong.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from rageval.stats.chain import Chain, rises_clearly
from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Clustering, Labels, cluster_both
from rageval.stats.intervals import Interval, mean_interval
from rageval.stats.quantiles import normal_quantile
from rageval.stats.several_judges import Scores, check_judges, first_of, joint_score

PPIMethod: TypeAlias = Literal["auto", "chain", "ppi", "ppi++", "bootstrap"]

FEWEST_LABELS = 10
ENOUGH_FOR_T = 500
BOOTSTRAP_RESAMPLES = 2000

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PPIResult:
    """A mean by prediction-powered inference. Point, low, high, level, method and n_labelled as in `Interval`.

    `lam` is the power tuning of PPI++ on these data, 0 (judge ignored) to 1 (plain PPI), whatever method was used.
    `effective_n` is how many labels alone would give an interval this narrow. `labels_only` is the interval without the
    judge, `judge_only` the one that takes the judge (the first of several) for the truth: it is valid only for a judge
    that is always right. `weights` are those of the judges (`rageval.stats.several_judges`).
    """

    point: float
    low: float
    high: float
    level: float
    method: str
    n_labelled: int
    n_unlabelled: int
    lam: float
    effective_n: float
    labels_only: Interval
    judge_only: Interval
    weights: tuple[float, ...] = (1.0,)

    @property
    def n(self) -> int:
        """All items, labelled or not."""
        return self.n_labelled + self.n_unlabelled

    @property
    def width(self) -> float:
        return self.high - self.low


def ppi_mean(
    labels: Sequence[float] | Floats,
    judged: Scores,
    unlabelled: Scores,
    *,
    level: float = 0.95,
    method: PPIMethod = "auto",
    strata: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    clusters: tuple[Labels, Labels] | None = None,
    rng: np.random.Generator | None = None,
) -> PPIResult:
    """The mean of a label over all items, from `labels` of n items, `judged`: the judge's scores of the same n items,
    and `unlabelled`: its scores of N other items.

    Several judges are a column each, (n, k) and (N, k): the first is the one that counts, and a further one is used
    where the labels clearly say more with it (`rageval.stats.several_judges`); its scores may be missing (NaN).

    Methods:
    - `auto`: `chain` (labels in [0, 1]), or the labels alone where no more can be said: fewer than 10 labels, labels or
      judge constant, or graded labels that do not clearly rise with the judge's scores. `method` of the result says
      which, and why. Never the narrower of the two: that covers less often than either.
    - `chain`: the Beta chain rule, carried over to scores in between (`rageval.stats.chain`).
    - `ppi`: plain PPI with normal quantiles (Angelopoulos et al. 2023, arXiv 2301.09633).
    - `ppi++`: power tuned (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453), with the conventions of its authors'
      package ppi-python: variances with divisor n, normal quantiles, λ clipped to [0, 1]. Both cover too seldom with
      few labels or rates near 0 or 1 (docs/statistics.md).
    - `bootstrap`: percentile bootstrap of the PPI++ estimate (Zrnic 2024, arXiv 2405.18379).

    `strata` (of the labelled, of the unlabelled items) says that labels were drawn at random within each stratum, at
    whatever rates; each stratum is weighted by its share of all items (Fisch et al. 2024, arXiv 2406.04291).
    `clusters` (likewise) gives items that are not independent, such as questions written from the same document.

    Raises ValueError for arrays that do not fit each other, values not finite, labels outside [0, 1] (`auto`, `chain`),
    and a named method on constant labels. Same `rng` seed, same result; the default is seeded with 0.

    """
    y = check_values(labels, "ppi_mean: labels")
    scored, others = check_judges(judged, "ppi_mean: judged"), check_judges(unlabelled, "ppi_mean: unlabelled")
    f, u = first_of(scored), first_of(others)
    check_level(level, "ppi_mean")
    if method not in get_args(PPIMethod):
        raise ValueError(f"ppi_mean: found method {method!r}, expected one of {', '.join(get_args(PPIMethod))}")
    if y.size != f.size:
        raise ValueError(f"ppi_mean: found {y.size} labels and {f.size} judged, expected the same items in both")
    if method in ("auto", "chain") and (y.min() < 0.0 or y.max() > 1.0):
        raise ValueError(f"ppi_mean: found labels from {y.min():g} to {y.max():g}, expected them in [0, 1]")
    if method in ("ppi", "ppi++", "bootstrap") and (y.size < 2 or y.min() == y.max()):
        raise ValueError(f"ppi_mean: found labels all equal, expected a spread for {method}; use auto")
    rng = rng or np.random.default_rng(0)
    of_labelled, of_all = (None, None) if clusters is None else _clusterings(clusters, y.size, u.size)
    groups = None if of_all is None else of_all.groups
    first = _Data(y, f, u, *_stratum_codes(strata, y.size, u.size), of_labelled, of_all, groups)
    joint = joint_score(
        y,
        scored,
        others,
        first.strata_labelled,
        None if of_labelled is None else of_labelled.groups,
        binary=is_binary(y) and method in ("auto", "chain"),
    )
    data = replace(first, f=joint.judged, u=joint.unlabelled)
    labels_only = _labels_only(data, level, strata is not None, rng)
    lam = float(np.average([_tuned(part) for part in data.by_stratum()], weights=data.shares()))
    if method in ("auto", "chain"):
        point, low, high, name = _by_chain(data, level, method, labels_only, strata is not None, rng)
    elif method == "bootstrap":
        point, low, high, name = _by_bootstrap(data, level, rng)
    else:
        point, low, high, name = _by_normal(data, level, method)
    name = ("stratified " if strata is not None else "") + name + (", clustered" if clusters is not None else "")
    if joint.by_others and "labels only" not in name:
        name += f", {joint.used} of {len(joint.weights)} judges"
    width = high - low
    effective = y.size * (labels_only.width / width) ** 2 if width > 0 else math.inf
    judge_only = _judge_only(first, level, rng)
    return PPIResult(
        point, low, high, level, name, y.size, u.size, lam, effective, labels_only, judge_only, joint.weights
    )


@dataclass(frozen=True, slots=True)
class _Data:
    """One stratum, numbered 0, where none are given. `groups` are of all items, labelled ones first."""

    y: Floats
    f: Floats
    u: Floats
    strata_labelled: Codes
    strata_unlabelled: Codes
    of_labelled: Clustering | None
    of_all: Clustering | None
    groups: Codes | None

    @property
    def scores(self) -> Floats:
        return np.concatenate([self.f, self.u])

    def shares(self) -> Floats:
        counts = np.bincount(np.concatenate([self.strata_labelled, self.strata_unlabelled])).astype(np.float64)
        return counts / counts.sum()

    def by_stratum(self) -> Iterator[_Data]:
        for stratum in range(self.shares().size):
            mine, others = self.strata_labelled == stratum, self.strata_unlabelled == stratum
            codes = None if self.groups is None else self.groups[np.concatenate([mine, others])]
            yield replace(
                self,
                y=self.y[mine],
                f=self.f[mine],
                u=self.u[others],
                strata_labelled=self.strata_labelled[mine],
                strata_unlabelled=self.strata_unlabelled[others],
                groups=codes,
            )


def these_items(
    labels: Sequence[float] | Floats,
    judged: Scores,
    unlabelled: Scores,
    *,
    level: float = 0.95,
    strata: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[float, float]:
    """The interval of `ppi_mean` for the mean label over exactly these items, labelled and not, instead of all that
    they are a sample of: what people would say of the others is all that is open (finite-population correction, the
    root of the share that has no label). Items need not be independent for that. Raises ValueError as `ppi_mean`.
    """
    y = check_values(labels, "these_items")
    scored, others = check_judges(judged, "these_items"), check_judges(unlabelled, "these_items")
    f, u = first_of(scored), first_of(others)
    if y.size != f.size or y.min() < 0.0 or y.max() > 1.0:
        raise ValueError(f"these_items: found {y.size} labels, {f.size} judged, expected as many, labels in [0, 1]")
    rng = rng or np.random.default_rng(0)
    codes = _stratum_codes(strata, y.size, u.size)
    joint = joint_score(y, scored, others, codes[0], None, binary=is_binary(y))
    f, u = joint.judged, joint.unlabelled
    if y.size < FEWEST_LABELS or f.min() == f.max():
        f, u = np.zeros_like(f), np.zeros_like(u)
    chain = Chain.over(y, f, u, *codes, None, level, finite=True)
    _, low, high = chain.interval(level, rng, 1.0)
    return low, high


def _stratum_codes(
    strata: tuple[Sequence[Hashable], Sequence[Hashable]] | None, n: int, others: int
) -> tuple[Codes, Codes]:
    if strata is None:
        return np.zeros(n, dtype=np.int64), np.zeros(others, dtype=np.int64)
    labelled, unlabelled = list(strata[0]), list(strata[1])
    if len(labelled) != n or len(unlabelled) != others:
        raise ValueError(
            f"ppi_mean: found strata of {len(labelled)} labelled and {len(unlabelled)} unlabelled items, "
            f"expected {n} and {others}"
        )
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(label, len(numbers)) for label in [*labelled, *unlabelled]], dtype=np.int64)
    missing = [str(label) for label in numbers if labelled.count(label) < 1]
    if missing:
        raise ValueError(f"ppi_mean: found no label in stratum {', '.join(missing)}, expected some in every stratum")
    return codes[:n], codes[n:]


def _clusterings(clusters: tuple[Labels, Labels], n: int, others: int) -> tuple[Clustering, Clustering]:
    if (len(clusters[0]), len(clusters[1])) != (n, others):
        raise ValueError(
            f"ppi_mean: found clusters of {len(clusters[0])} labelled and {len(clusters[1])} unlabelled items, "
            f"expected {n} and {others}"
        )
    return cluster_both(*clusters, "ppi_mean: clusters")


def _in_unit(x: Floats) -> bool:
    return bool(x.min() >= 0.0 and x.max() <= 1.0)


def _labels_only(data: _Data, level: float, stratified: bool, rng: np.random.Generator) -> Interval:
    if not stratified:
        spread = data.y.size > 1 and data.y.min() < data.y.max()
        return mean_interval(
            data.y,
            level=level,
            method="auto" if _in_unit(data.y) or not spread else "t",
            clusters=data.of_labelled,
            rng=rng,
        )
    blind = replace(data, f=np.zeros_like(data.f), u=np.zeros_like(data.u))
    if _in_unit(data.y):
        point, low, high = _chain(blind, level).interval(level, rng, 1.0)
        return Interval(point, low, high, level, "stratified dirichlet", data.y.size)
    point, low, high, _ = _by_normal(blind, level, "ppi++")
    return Interval(point, low, high, level, "stratified normal", data.y.size)


def _judge_only(data: _Data, level: float, rng: np.random.Generator) -> Interval:
    scores = data.scores
    small = is_binary(scores) or (_in_unit(scores) and scores.size < ENOUGH_FOR_T) or scores.min() == scores.max()
    return mean_interval(scores, level=level, method="auto" if small else "t", clusters=data.of_all, rng=rng)


def _chain(data: _Data, level: float) -> Chain:
    clusters = None if data.of_labelled is None or data.of_all is None else (data.of_labelled, data.of_all)
    return Chain.over(data.y, data.f, data.u, data.strata_labelled, data.strata_unlabelled, clusters, level)


def _by_chain(
    data: _Data, level: float, method: str, labels_only: Interval, stratified: bool, rng: np.random.Generator
) -> tuple[float, float, float, str]:
    why = ""
    if data.y.size < FEWEST_LABELS:
        why = f"fewer than {FEWEST_LABELS} labels"
    elif data.y.min() == data.y.max():
        why = "all labels are equal"
    elif data.scores.min() == data.scores.max():
        why = "the judge's scores are all equal"
    binary = is_binary(data.y)
    if not why and not binary and not rises_clearly(data.y, data.f):
        why = "the judge's scores do not clearly rise with the labels"
    if not why or method == "chain":
        point, low, high = _chain(data, level).interval(level, rng, labels_only.width)
        return point, low, high, "beta chain" if binary else "dirichlet chain"
    return labels_only.point, labels_only.low, labels_only.high, f"labels only ({why})"


def _tuned(part: _Data) -> float:
    """λ of PPI++ as ppi-python computes it; 0 where the judge's scores are constant."""
    pooled = float(np.var(part.scores, ddof=1)) if part.scores.size > 1 else 0.0
    if pooled == 0.0 or part.u.size == 0:
        return 0.0
    covariance = float(np.dot(part.y - part.y.mean(), part.f - part.f.mean())) / part.y.size
    return min(max(covariance / ((1.0 + part.y.size / part.u.size) * pooled), 0.0), 1.0)


def _by_normal(data: _Data, level: float, method: str) -> tuple[float, float, float, str]:
    point = 0.0
    errors: list[Floats] = []
    codes: list[Codes] = []
    for share, part in zip(data.shares(), data.by_stratum(), strict=True):
        lam = 1.0 if method == "ppi" and part.u.size else _tuned(part)
        terms = [x for x in (part.y - lam * part.f, lam * part.u) if x.size]
        point += share * sum(float(x.mean()) for x in terms)
        errors += [share * (x - x.mean()) / x.size for x in terms]
        if part.groups is not None:
            codes.append(part.groups)
    if data.of_labelled is None:
        variance = sum(float(np.sum(e**2)) for e in errors)
    else:
        sums = np.bincount(np.concatenate(codes), weights=np.concatenate(errors))
        variance = float(np.sum(sums**2)) * sums.size / (sums.size - 1) * data.of_labelled.few(level)
    half = normal_quantile((1.0 + level) / 2.0) * math.sqrt(variance)
    return point, point - half, point + half, method


def _by_bootstrap(data: _Data, level: float, rng: np.random.Generator) -> tuple[float, float, float, str]:
    if data.groups is not None:
        raise ValueError("ppi_mean: found clusters, expected none for bootstrap; use auto")
    point = 0.0
    drawn = np.zeros(BOOTSTRAP_RESAMPLES)
    for share, part in zip(data.shares(), data.by_stratum(), strict=True):
        lam = _tuned(part)
        rectifier = part.y - lam * part.f
        judged = lam * part.u if part.u.size else np.zeros(1)
        point += share * float(judged.mean() + rectifier.mean())
        drawn += share * (_resampled_means(rectifier, rng) + _resampled_means(judged, rng))
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return point, float(low), float(high), "ppi bootstrap"


def _resampled_means(x: Floats, rng: np.random.Generator) -> Floats:
    levels, counts = np.unique(x, return_counts=True)
    picks = rng.multinomial(x.size, counts / x.size, BOOTSTRAP_RESAMPLES)
    return picks @ levels / x.size
