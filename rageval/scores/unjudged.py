"""The rankings of a finished run beside their labels, and what the unjudged documents in them may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import cast

from rageval.io.run_folder import RunFolder
from rageval.metrics.definitions import RankingMetric
from rageval.metrics.names import Metric, parse
from rageval.metrics.unjudged import JudgedRanking, bounds, has_bounds
from rageval.scores.reading import unreadable_as_not_comparable
from rageval.scores.scoring import ranked_documents
from rageval.types import Json, Question


@dataclass(frozen=True, slots=True)
class RunRankings:
    """A finished run's rankings of the questions that have labels, by question id.

    `documents` are the ids in order, each once; none where the pipeline failed. `judged` are their grades. `metrics`
    are the ranking metrics of the run.
    """

    path: Path
    pipeline: str
    content_hash: str
    reference: str
    metrics: tuple[Metric, ...]
    questions: Mapping[str, Question]
    documents: Mapping[str, Sequence[str]]
    judged: Mapping[str, JudgedRanking]


@dataclass(frozen=True, slots=True)
class Unjudged:
    """How far a run's mean on a ranking metric may be off because of documents without a label.

    `low` and `high` are its bounds over the `n` questions that have labels, None where the metric has none (see
    `rageval.metrics.unjudged`). `share` is how many of the first k documents are unjudged, averaged over the questions
    for which some were retrieved; None where none was for any.
    """

    metric: str
    low: float | None
    high: float | None
    share: float | None
    n: int

    def to_json(self) -> dict[str, Json]:
        return {"low": self.low, "high": self.high, "unjudged": self.share, "n": self.n}


def read_rankings(path: Path) -> RunRankings:
    """The rankings of the run in that folder. Raises NotComparableError where it holds no finished run."""
    with unreadable_as_not_comparable():
        folder = RunFolder(path)
        manifest = folder.finished_manifest()
        asked, outcomes = folder.questions(), folder.outcomes()
    of = manifest["benchmark"]
    exclude_self, least = bool(of.get("exclude_self")), int(of.get("grade_threshold", 1))
    top = max([least, *(grade for _, grades in asked.values() for grade in grades.values())])
    documents: dict[str, list[str]] = {}
    judged: dict[str, JudgedRanking] = {}
    for name in manifest["questions"]:
        grades = asked[name][1]
        if grades:
            ranked = [doc for doc, _ in ranked_documents(outcomes[name]) if not (exclude_self and doc == name)]
            documents[name] = ranked
            judged[name] = JudgedRanking([grades.get(doc) for doc in ranked], [*grades.values()], top, least)
    metrics = [parse(name) for name in cast("list[str]", manifest["metrics"])]
    return RunRankings(
        path,
        manifest["label"],
        of["content_hash"],
        of.get("reference", ""),
        tuple(metric for metric in metrics if isinstance(metric.definition, RankingMetric)),
        {name: asked[name][0] for name in judged},
        documents,
        judged,
    )


def unjudged_in(run: RunRankings, metric: Metric) -> Unjudged:
    """What the unjudged documents may change in the run's mean on a ranking metric."""
    firsts = [first for ranking in run.judged.values() if (first := ranking.ranked[: metric.cutoff])]
    low, high, share = None, None, None
    if firsts:
        share = fmean(sum(grade is None for grade in first) / len(first) for first in firsts)
        if has_bounds(metric):
            low, high = map(fmean, zip(*(bounds(metric, one) for one in run.judged.values()), strict=True))
    return Unjudged(str(metric), low, high, share, len(run.judged))
