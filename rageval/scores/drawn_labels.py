"""Labels of questions that were drawn where the judge is in doubt: the mean, and differences, with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rageval.scores.samples import Design
from rageval.stats import mean_interval
from rageval.stats.active import active_difference, active_mean
from rageval.stats.labelled import LabelledDifference
from rageval.types import Estimate

Clusters = Mapping[str, frozenset[int]]


def join_drawn(
    given: Mapping[str, float],
    judged: Mapping[str, float],
    covered: Sequence[str],
    design: Design,
    clusters: Clusters | None,
    level: float,
) -> Estimate:
    """The mean over the questions `covered` from the labels of those drawn so far and the judge's scores of all."""
    places = {question: place for place, question in enumerate(covered)}
    draws = [question for question in design.draws if question in given]
    scores = [judged[question] for question in covered]
    found = active_mean(
        [given[question] for question in draws],
        [places[question] for question in draws],
        scores,
        [design.probabilities[question] for question in covered],
        level=level,
        clusters=_clusters_of(clusters, covered, draws),
    )
    mean, alone = found.interval, found.labels_only
    told = None if clusters is None else [clusters[question] for question in covered]
    judge_only = mean_interval(scores, level=level, clusters=told)
    return Estimate(
        mean.point,
        mean.low,
        mean.high,
        level,
        mean.method,
        len(covered),
        n_labelled=len(set(draws)),
        judge_only=(judge_only.point, judge_only.low, judge_only.high),
        labels_only=(alone.point, alone.low, alone.high),
    )


def difference_drawn(
    gains: Mapping[str, float],
    judged: Mapping[str, float],
    design: Design,
    clusters: Clusters | None,
    *,
    same: int,
    unseen: float,
    level: float,
) -> LabelledDifference:
    """The mean gain from the labelled `gains` of the questions drawn so far and those `judged` on all of the frame."""
    frame = [*judged]
    places = {question: place for place, question in enumerate(frame)}
    draws = [question for question in design.draws if question in gains]
    return active_difference(
        [gains[question] for question in draws],
        [places[question] for question in draws],
        [judged[question] for question in frame],
        [design.probabilities[question] for question in frame],
        same=same,
        clusters=_clusters_of(clusters, frame, draws),
        unseen=unseen,
        level=level,
        rng=np.random.default_rng(0),
    )


def _clusters_of(
    clusters: Clusters | None, questions: Sequence[str], labelled: Sequence[str]
) -> list[frozenset[int]] | None:
    """Those of the questions; None where all labelled ones share a document, or there is one, and show nothing."""
    if (
        clusters is None
        or len(set(labelled)) < 2
        or frozenset[int].intersection(*(clusters[question] for question in labelled))
    ):
        return None
    return [clusters[question] for question in questions]
