"""What can be labelled: the questions of a finished run that a judge scored on one metric."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.scores.reading import judged_by
from rageval.scores.repeats import first_answers


@dataclass(frozen=True, slots=True)
class ScoredQuestions:
    """The questions that a judge (its key) scored on a metric, in the run's order; why others have no score."""

    metric: Metric
    judge: str
    scores: Mapping[str, float]
    failed: frozenset[str]
    unscored: Mapping[str, str]


def read_scored_questions(run: RunFolder, metric_name: str) -> ScoredQuestions:
    """The questions of a finished run that people may label on that metric, with what their first answers scored.

    Raises DeclarationError for a metric that is unknown, not judged or not in the run, and for an unfinished run.
    """
    metric = parse(metric_name)
    if metric.kind != "judged":
        raise DeclarationError(
            f"metric {metric}: found a metric that is not judged, expected a judged one: {metric} is exact and "
            "needs no labels"
        )
    manifest = run.finished_manifest()
    judged = [name for name in cast("list[str]", manifest["metrics"]) if parse(name).kind == "judged"]
    scores = run.scores()
    if str(metric) not in judged or str(metric) not in scores:
        near = difflib.get_close_matches(str(metric), judged, n=3) or judged
        there = f"one of {', '.join(near)}" if near else "a run with judged metrics"
        raise DeclarationError(f"{run.path}: found no scores of {metric}, expected {there}")
    found = first_answers(scores[str(metric)])
    judge = judged_by(metric, manifest["judges"])
    return ScoredQuestions(metric, judge.key, found["questions"], frozenset(found["failed"]), found["unscored"])
