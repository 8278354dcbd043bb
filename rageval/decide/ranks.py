"""Rank ranges: the places that each of several runs may hold, where tests of all pairs together cannot say more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rageval.errors import NotComparableError
from rageval.scores.pairs import pair
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, Documents, find_sharing
from rageval.stats import holm
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
    pairs. A judge's opinion alone puts no run ahead. None for a run without a score.
    """
    with_scores = [i for i, run in enumerate(runs) if metric in run.metrics and run.metrics[metric].scores]
    pairs = [*combinations(range(len(with_scores)), 2)]
    p_values, gains = (
        zip(
            *(labelled_gain(runs[with_scores[i]], runs[with_scores[j]], metric, cluster_by) for i, j in pairs),
            strict=True,
        )
        if pairs
        else ((), ())
    )
    ahead = np.zeros((len(with_scores), len(with_scores)), dtype=np.bool_)
    for (i, j), p, gain in zip(pairs, holm([*p_values]).tolist(), gains, strict=True):
        ahead[j, i], ahead[i, j] = p <= 1.0 - level and gain > 0.0, p <= 1.0 - level and gain < 0.0
    found = dict(zip(with_scores, places_of(ahead), strict=True))
    return [found.get(i) for i in range(len(runs))]


def labelled_gain(
    first: RunScores, second: RunScores, metric: str, cluster_by: ClusterBy | None
) -> tuple[float, float]:
    """The two-sided p-value of no difference by people's labels, and the gain of the second run; 1 and 0 without."""
    try:
        labels = pair(first, second, metric, cluster_by).labels
    except NotComparableError:
        return 1.0, 0.0
    if labels is None or not labels.n:
        return 1.0, 0.0
    found = labels.difference()
    return found.p_value, found.point


def places_of(ahead: NDArray[np.bool_]) -> list[Place]:
    """Of each run the places that it may hold; `ahead[i, j]` where run i is surely ahead of run j."""
    count = ahead.shape[0]
    in_front, behind = ahead.sum(axis=0).tolist(), ahead.sum(axis=1).tolist()
    return [(1 + in_front[i], count - behind[i]) for i in range(count)]
