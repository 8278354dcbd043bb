"""Rank ranges: the places that each of several runs may hold, where tests of all pairs together cannot say more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rageval.errors import NotComparableError
from rageval.scores.pairs import pair
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, Documents, find_sharing
from rageval.stats import holm
from rageval.stats.labelled import LabelledDifference
from rageval.stats.many import mean_tests

Place = tuple[int, int]


def rank_ranges(
    scores: Sequence[Mapping[str, float]],
    level: float = 0.95,
    *,
    lower_is_better: bool = False,
    documents: Documents | None = None,
    cluster_by: ClusterBy | None = None,
) -> list[Place | None]:
    """For each run the first and the last place that it may hold, from its score per question.

    A run is surely ahead of another where its mean over the questions that all runs are scored on is better, and the
    test of equal means of all pairs together (`mean_tests`: a permutation test, guarded against losses that have not
    come) shows it at `level`. Questions that share one of the `documents` are not taken for independent, unless
    `cluster_by="none"`. None for a run without scores.
    """
    with_scores = [run for run in scores if run]
    shared = sorted(set[str]().union(*with_scores).intersection(*with_scores)) if with_scores else []
    count = len(with_scores)
    if count < 2 or len(shared) < 2:
        return [(1, count) if run else None for run in scores]
    matrix = np.array([[run[question] for question in shared] for run in with_scores])
    clusters = find_sharing(documents or {}, shared, cluster_by).clusters
    surely = mean_tests(matrix, clusters=clusters, rng=np.random.default_rng(0)).p_adjusted <= 1.0 - level
    means = -matrix.mean(axis=1) if lower_is_better else matrix.mean(axis=1)
    places = iter(places_of(surely & (means[:, None] > means[None, :])))
    return [next(places) if run else None for run in scores]


def labelled_rank_ranges(
    runs: Sequence[RunScores], metric: str, level: float = 0.95, *, cluster_by: ClusterBy | None = None
) -> list[Place | None]:
    """The same by people's labels of the runs' answers, joined with the judge's scores.

    A run is surely ahead of another where people labelled answers of both to the same questions, or the answers are
    the same, and the difference by labels (`rageval.stats.labelled`) is shown at `level`, adjusted by Holm for all
    these pairs. A judge's opinion alone puts no run ahead. None for a run without a score.
    """
    with_scores = [i for i, run in enumerate(runs) if metric in run.metrics and run.metrics[metric].scores]
    tests = labelled_tests([runs[i] for i in with_scores], metric, cluster_by=cluster_by)
    ahead = np.zeros_like(tests.p_adjusted, dtype=np.bool_)
    for (i, j), found in tests.gains.items():
        surely = tests.p_adjusted[i, j] <= 1.0 - level
        ahead[j, i], ahead[i, j] = surely and found.point > 0.0, surely and found.point < 0.0
    places = dict(zip(with_scores, places_of(ahead), strict=True))
    return [places.get(i) for i in range(len(runs))]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTests:
    """All pairs of runs by people's labels. `gains` holds, for i < j, the gain of run j over run i where people
    labelled answers of both to the same questions; `p_adjusted` (runs, runs) is two-sided, adjusted by Holm over all
    these pairs, and 1 without such labels.
    """

    gains: Mapping[tuple[int, int], LabelledDifference]
    p_adjusted: NDArray[np.float64]


def labelled_tests(runs: Sequence[RunScores], metric: str, *, cluster_by: ClusterBy | None = None) -> LabelledTests:
    """The gains on that metric of each run over each other, by labels and the judge's scores together."""
    pairs = combinations(range(len(runs)), 2)
    found = {(i, j): _labelled_gain(runs[i], runs[j], metric, cluster_by) for i, j in pairs}
    gains = {pair: gain for pair, gain in found.items() if gain is not None}
    p_adjusted = np.ones((len(runs), len(runs)))
    for (i, j), p in zip(gains, holm([gain.p_value for gain in gains.values()]).tolist(), strict=True):
        p_adjusted[i, j] = p_adjusted[j, i] = p
    return LabelledTests(gains, p_adjusted)


def _labelled_gain(
    first: RunScores, second: RunScores, metric: str, cluster_by: ClusterBy | None
) -> LabelledDifference | None:
    try:
        labels = pair(first, second, metric, cluster_by).labels
    except NotComparableError:
        return None
    return labels.difference() if labels is not None and labels.n else None


def places_of(ahead: NDArray[np.bool_]) -> list[Place]:
    """Of each run the places that it may hold; `ahead[i, j]` where run i is surely ahead of run j."""
    count = ahead.shape[0]
    in_front, behind = ahead.sum(axis=0).tolist(), ahead.sum(axis=1).tolist()
    return [(1 + in_front[i], count - behind[i]) for i in range(count)]
