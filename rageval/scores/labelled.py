"""A judged metric's mean where people labelled a part: prediction-powered inference, done anew at every reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rageval.io.run_folder import RunFolder
from rageval.scores.human_labels import Labels, labelled_part, read_labels
from rageval.scores.label_frame import answers_digest
from rageval.scores.scoring import estimate
from rageval.stats import mean_interval, ppi_mean
from rageval.types import Estimate, Score, Unscored


def labelled_estimate(run: RunFolder, metric: str, scores: Mapping[str, Any], level: float = 0.95) -> Estimate | None:
    """The estimate from people's labels and the judge's scores together; None where the run has no labels.

    `scores` is the metric's part of scores.json. Where the sample was stratified so is the estimate. Where every
    question is labelled, it is the labels' mean. `warning` of the result says where the labels are not known to be a
    random sample, or do not speak for all scored questions. Labels of answers that have changed since are not used:
    the estimate is then the judge's, with a warning.
    """
    labels = read_labels(run, metric)
    if labels is None:
        return None
    judge_alone = _judge_alone(scores, level)
    if judge_alone is None:
        return None
    if labels.answers_digest != answers_digest(run.outcomes()):
        return replace(judge_alone, warning="labels not used: they were given before this run's answers changed")
    given, frame = _known_labels(labels, scores["questions"])
    strata = _strata(labels, frame)
    labelled = set(given) & set(frame)
    if not labelled or (strata and {strata[q] for q in frame} - {strata[q] for q in labelled}):
        return replace(judge_alone, warning="labels not used: too few of the labelled questions are scored now")
    joined = _join(given, scores["questions"], frame, strata, level)
    left_out = len(scores["questions"]) - len(frame)
    warnings = [f"labels not known to be a random sample: {labels.reason}"] if labels.reason else []
    if left_out:
        warnings.append(f"{left_out} questions scored since the sample was drawn are left out")
    return replace(
        joined,
        unscored=judge_alone.unscored + left_out,
        failed=sum(question_id in frame for question_id in scores["failed"]),
        warning="; ".join(warnings),
    )


def _judge_alone(scores: Mapping[str, Any], level: float) -> Estimate | None:
    failed = set(scores["failed"])
    by_question = {q: Score(value, failed=q in failed) for q, value in scores["questions"].items()}
    return estimate({**by_question, **{q: Unscored(reason) for q, reason in scores["unscored"].items()}}, level)


def _known_labels(labels: Labels, judged: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Labels by question, and the questions for which they speak: those scored that could have been drawn."""
    given = labels.by_question
    if labels.sample is None:
        return given, [*judged]
    known = labels.sample.known
    part = labelled_part(labels.sample, given) or []
    could_be_drawn = labels.sample.stratum_of()
    return {q: given[q] if q in given else known[q] for q in part}, [q for q in judged if q in could_be_drawn]


def _strata(labels: Labels, frame: Sequence[str]) -> dict[str, int] | None:
    if labels.sample is None or len(labels.sample.strata) == 1:
        return None
    stratum_of = labels.sample.stratum_of()
    return {question_id: stratum_of[question_id] for question_id in frame}


def _join(
    given: Mapping[str, float],
    judged: Mapping[str, float],
    frame: Sequence[str],
    strata: Mapping[str, int] | None,
    level: float,
) -> Estimate:
    labelled = [question_id for question_id in frame if question_id in given]
    others = [question_id for question_id in frame if question_id not in given]
    y = [given[q] for q in labelled]
    if others:
        codes = None if strata is None else ([strata[q] for q in labelled], [strata[q] for q in others])
        mean = ppi_mean(y, [judged[q] for q in labelled], [judged[q] for q in others], level=level, strata=codes)
        labels_only = mean.labels_only
    else:
        mean = labels_only = mean_interval(y, level=level)
    # In the order of the run, so that the draws, and with them the ends, are those of a run without labels.
    judge_only = mean_interval([judged[q] for q in frame], level=level)
    return Estimate(
        mean.point,
        mean.low,
        mean.high,
        level,
        mean.method,
        len(frame),
        n_labelled=len(y),
        judge_only=(judge_only.point, judge_only.low, judge_only.high),
        labels_only=(labels_only.point, labels_only.low, labels_only.high),
    )
