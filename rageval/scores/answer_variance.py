"""What the variance of a run's scores is made of, where each question was asked several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.metrics.judged import entries_read, score_judged
from rageval.metrics.names import Metric, parse
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.scores.repeats import answers_by_question
from rageval.stats.components import Components, variance_components
from rageval.types import Abstained, Failure, Graded, Judgment, Question, Score

_SAMPLE = ", sample "


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a run to one question: how many `different` ones there are (a failure is one), the share of pairs
    that are judged `apart`, since answer or context differ, and how many `failed`.
    """

    different: int
    apart: float
    failed: int


def read_answers(folder: RunFolder, repeats: int) -> dict[str, Answers]:
    """By question id, of a finished run."""
    logs = [one.outcomes() for one in folder.answers(repeats)]
    return {question: _compare([log[question] for log in logs]) for question in folder.manifest()["questions"]}


def _compare(outcomes: Sequence[Outcome]) -> Answers:
    pairs = [a != b for a, b in combinations(map(_judged_on, outcomes), 2)]
    failed = sum(isinstance(outcome, Failure) for outcome in outcomes)
    return Answers(len({_shown(outcome) for outcome in outcomes}), sum(pairs) / len(pairs), failed)


def score_components(scores: Mapping[str, Any]) -> Components | None:
    """The parts of the variance of a metric's scores, from its part of scores.json; None where fewer than two questions
    are scored or none has two scored answers.
    """
    _, table = answers_by_question(scores)
    return _components(table)


def judge_components(
    folder: RunFolder, manifest: Mapping[str, Any], metric_name: str, answers: Mapping[str, Answers]
) -> Components | None:
    """The parts of the variance of what one sample of the judge makes of one answer; None unless one model judged,
    several times, without a calibration.

    Each answer is scored by the grades of each sample alone.
    """
    metric = parse(metric_name)
    if metric.kind != "judged":
        return None
    entries = {judge: manifest["judges"][entry] for judge, entry in entries_read(metric).items()}
    samples = {_samples(entry) for entry in entries.values()}
    if len(samples) != 1 or max(samples) < 2:
        return None
    asked = {name: question for name, (question, _) in folder.questions().items()}
    questions = [asked[name] for name in manifest["questions"]]
    by_repeat = [
        _by_sample(one, manifest, metric, questions, entries, max(samples))
        for one in folder.answers(manifest["repeats"])
    ]
    table = np.array(by_repeat).transpose(1, 0, 2)
    return _components(table, [answers[question].apart for question in manifest["questions"]])


def _components(table: NDArray[np.float64], apart: Sequence[float] | None = None) -> Components | None:
    several = (~np.isnan(table)).any(axis=2) if table.ndim == 3 else ~np.isnan(table)
    counts = several.sum(axis=1)
    if np.count_nonzero(counts) < 2 or counts.max() < 2 or np.nanmin(table) < 0.0 or np.nanmax(table) > 1.0:
        return None
    return variance_components(table, apart=apart)


def _samples(entry: Mapping[str, Any]) -> int:
    """How often the one model of a panel was asked; 1 for anything else."""
    raters = [*entry.get("agreement", {}).get("abstained", ())]
    models = {name.rpartition(_SAMPLE)[0] for name in raters}
    return len(raters) if len(models) == 1 and "" not in models and "calibration" not in entry else 1


def _by_sample(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    metric: Metric,
    questions: Sequence[Question],
    entries: Mapping[str, Mapping[str, Any]],
    samples: int,
) -> list[list[float]]:
    """What each sample of the judge makes of each question's answer; NaN where it has no score."""
    outcomes = folder.outcomes()
    said = {judge: folder.judgments(entry["key"]) for judge, entry in entries.items()}
    settling = manifest["judges"].get(ABSTENTION)
    settled_by: Mapping[str, Sequence[Judgment]] = {} if settling is None else folder.judgments(settling["key"])
    rows: list[list[float]] = []
    for question in questions:
        outcome = settled(outcomes[question.id], settled_by.get(question.id))
        found = {judge: judgments.get(question.id) for judge, judgments in said.items()}
        scores = (
            score_judged(
                metric,
                question,
                outcome,
                {judge: None if some is None else _of_sample(some, sample) for judge, some in found.items()},
            )
            for sample in range(samples)
        )
        rows.append([score.value if isinstance(score, Score) else np.nan for score in scores])
    return rows


def _of_sample(judgments: Sequence[Judgment], sample: int) -> list[Judgment]:
    """The judgments as if that sample had been the only one. Those without votes stay as they are."""
    return [
        replace(judgment, verdict=_verdict(judgment.verdict.votes[sample])) if judgment.verdict.votes else judgment
        for judgment in judgments
    ]


def _verdict(vote: float | None) -> Graded | Abstained:
    return Abstained("no verdict of this sample") if vote is None else Graded(vote)


def _shown(outcome: Outcome) -> object:
    """The answer, or the ranking where none was asked for."""
    if isinstance(outcome, Failure):
        return "failed", outcome.error
    return outcome.answer if outcome.answer is not None else tuple(hit.passage for hit in outcome.hits)


def _judged_on(outcome: Outcome) -> object:
    if isinstance(outcome, Failure):
        return "failed", outcome.error
    return outcome.answer, tuple(passage.text for passage in outcome.context_passages)
