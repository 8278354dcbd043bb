"""What can be labelled: the questions of a finished run that a judge scored on one metric."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.judged import entries_read
from rageval.scores.calibrations import instrument
from rageval.types import Json, Response


@dataclass(frozen=True, slots=True)
class Frame:
    """The questions with a score on a metric, in the run's order. `unscored` holds the reasons for the others."""

    metric: Metric
    judge: str
    scores: Mapping[str, float]
    failed: frozenset[str]
    unscored: Mapping[str, str]

    @classmethod
    def from_scores(cls, metric: Metric, judge: str, scores: Mapping[str, Any]) -> Frame:
        """From one metric's part of scores.json."""
        return cls(metric, judge, scores["questions"], frozenset(scores["failed"]), scores["unscored"])


def read_frame(run: RunFolder, metric_name: str) -> Frame:
    """The frame of a finished run.

    Raises DeclarationError for a metric that is unknown, not judged or not in the run, and for an unfinished run.
    """
    manifest = run.manifest()
    metric = parse(metric_name)
    if metric.kind != "judged":
        raise DeclarationError(
            f"metric {metric}: found a metric that is not judged, expected a judged one: {metric} is exact, nobody "
            "need label it"
        )
    if manifest["status"] != "complete":
        raise DeclarationError(f"{run.path}: the run is not finished; run its experiment again and it goes on")
    judged = [name for name in cast("list[str]", manifest["metrics"]) if parse(name).kind == "judged"]
    scores = run.scores()
    if str(metric) not in judged or str(metric) not in scores:
        near = difflib.get_close_matches(str(metric), judged, n=3) or judged
        there = f"one of {', '.join(near)}" if near else "a run with judged metrics"
        raise DeclarationError(f"{run.path}: found no scores of {metric}, expected {there}")
    judge = "+".join(instrument(manifest["judges"][entry]) for entry in entries_read(metric).values())
    return Frame.from_scores(metric, judge, scores[str(metric)])


def run_name(run: RunFolder) -> str:
    """The folder's name, which label files give as `run`."""
    return run.path.resolve().name


def answers_digest(outcomes: Mapping[str, Outcome]) -> str:
    """A digest of what people would label: each question's answer and the passages that the generator read."""
    return fingerprint({question_id: _labelled_part(outcome) for question_id, outcome in outcomes.items()})


def _labelled_part(outcome: Outcome) -> Json:
    if not isinstance(outcome, Response):
        return "failed"
    return [outcome.answer, [[passage.title, passage.text] for passage in outcome.context_passages]]
