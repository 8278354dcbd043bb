"""The mean of a metric with its interval, corrected by people's labels where there are any, and as JSON.

Labels and the judge's scores are joined by prediction-powered inference, anew at every reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rageval.io.run_folder import RunFolder
from rageval.io.stored import convert
from rageval.scores.human_labels import MetricLabels, answers_digest, labelled_part, read_labels
from rageval.scores.repeats import REPEATS, first_answers
from rageval.stats import Interval, mean_interval, ppi_mean
from rageval.types import Estimate, Json, Score, Unscored

_LEVEL = 0.95


def estimate(scores: Mapping[str, Score | Unscored], level: float = _LEVEL) -> Estimate | None:
    """The mean over the scored questions with its interval; None where no question could be scored."""
    scored = [score for score in scores.values() if isinstance(score, Score)]
    if not scored:
        return None
    interval = mean_interval([score.value for score in scored], level=level)
    return estimate_of(interval, len(scores), sum(score.failed for score in scored))


def estimate_of(interval: Interval, questions: int, failed: int) -> Estimate:
    """The estimate with that interval, of so many questions, scored or not, on which so many failed."""
    return Estimate(
        interval.point,
        interval.low,
        interval.high,
        interval.level,
        interval.method,
        interval.n,
        unscored=questions - interval.n,
        failed=failed,
    )


def read_estimates(
    run: RunFolder, metrics: Sequence[str], questions: Collection[str] | None = None
) -> dict[str, Estimate | None]:
    """The estimates of a finished run, by metric, from all of its questions or from some; None where it lacks the
    metric or could score no question on it.
    """
    scores = run.scores()
    return {name: _read_estimate(run, name, scores[name], questions) if name in scores else None for name in metrics}


def _read_estimate(
    run: RunFolder, metric: str, scores: Mapping[str, Any], questions: Collection[str] | None
) -> Estimate | None:
    if questions is not None:
        part = _of_questions(scores, questions)
        return labelled_estimate(run, metric, part) or _judge_alone(part, _LEVEL)
    labelled = labelled_estimate(run, metric, scores)
    stored = scores["estimate"]
    if labelled is not None or stored is None:
        return labelled
    return convert(
        f"{run.path}/scores.json: {metric}",
        stored,
        lambda found: Estimate(found["mean"], **{name: value for name, value in found.items() if name != "mean"}),
    )


def _of_questions(scores: Mapping[str, Any], questions: Collection[str]) -> dict[str, Any]:
    """The part of a metric's scores that is of these questions."""
    repeats = [_of_questions(one, questions) for one in scores.get(REPEATS, ())]
    return {
        **({REPEATS: repeats} if repeats else {}),
        "questions": {question: score for question, score in scores["questions"].items() if question in questions},
        "failed": [question for question in scores["failed"] if question in questions],
        "unscored": {question: why for question, why in scores["unscored"].items() if question in questions},
    }


def labelled_estimate(run: RunFolder, metric: str, scores: Mapping[str, Any], level: float = _LEVEL) -> Estimate | None:
    """The estimate from human labels and the judge's scores together; None if the run has no labels.

    `scores` is the metric's part of scores.json. The estimate is stratified if the sample was. If every question is
    labelled, it is the mean of the labels. The result has a `warning` if the labels are not known to be a random
    sample, or do not cover all scored questions. Labels of answers that have changed since are not used: the estimate
    is then the judge's, with a warning.

    People label the first answers. If questions were asked several times, the estimate is of these alone, with a
    warning.
    """
    labels = read_labels(run, metric)
    if labels is None:
        return None
    judge_alone = _judge_alone(scores, level)
    if judge_alone is None:
        return None
    if REPEATS in scores:
        first = labelled_estimate(run, metric, first_answers(scores), level)
        if first is None or first.n_labelled == 0:
            return replace(judge_alone, warning="" if first is None else first.warning)
        warnings = ["of the first answers alone, which people labelled", *filter(None, [first.warning])]
        return replace(first, warning="; ".join(warnings))
    if labels.answers_digest != answers_digest(run.outcomes()):
        return replace(judge_alone, warning="labels not used: they were given before this run's answers changed")
    given, covered = _known_labels(labels, scores["questions"])
    strata = _strata(labels, covered)
    labelled = set(given) & set(covered)
    if not labelled or (strata and {strata[q] for q in covered} - {strata[q] for q in labelled}):
        return replace(judge_alone, warning="labels not used: too few of the labelled questions are scored now")
    joined = _join(given, scores["questions"], covered, strata, level)
    left_out = len(scores["questions"]) - len(covered)
    warnings = [f"labels not known to be a random sample: {labels.reason}"] if labels.reason else []
    if left_out:
        warnings.append(f"{left_out} questions scored since the sample was drawn are left out")
    return replace(
        joined,
        unscored=judge_alone.unscored + left_out,
        failed=sum(question_id in covered for question_id in scores["failed"]),
        warning="; ".join(warnings),
    )


def _judge_alone(scores: Mapping[str, Any], level: float) -> Estimate | None:
    failed = set(scores["failed"])
    by_question = {q: Score(value, failed=q in failed) for q, value in scores["questions"].items()}
    return estimate({**by_question, **{q: Unscored(reason) for q, reason in scores["unscored"].items()}}, level)


def _known_labels(labels: MetricLabels, judged: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Labels by question, and the questions that they represent: the scored ones that could have been drawn."""
    given = labels.by_question
    if labels.sample is None:
        return given, [*judged]
    known = labels.sample.known
    part = labelled_part(labels.sample, given) or []
    could_be_drawn = labels.sample.stratum_of()
    return {q: given[q] if q in given else known[q] for q in part}, [q for q in judged if q in could_be_drawn]


def _strata(labels: MetricLabels, covered: Sequence[str]) -> dict[str, int] | None:
    if labels.sample is None or len(labels.sample.strata) == 1:
        return None
    stratum_of = labels.sample.stratum_of()
    return {question_id: stratum_of[question_id] for question_id in covered}


def _join(
    given: Mapping[str, float],
    judged: Mapping[str, float],
    covered: Sequence[str],
    strata: Mapping[str, int] | None,
    level: float,
) -> Estimate:
    labelled = [question_id for question_id in covered if question_id in given]
    others = [question_id for question_id in covered if question_id not in given]
    y = [given[q] for q in labelled]
    if others:
        codes = None if strata is None else ([strata[q] for q in labelled], [strata[q] for q in others])
        mean = ppi_mean(y, [judged[q] for q in labelled], [judged[q] for q in others], level=level, strata=codes)
        labels_only = mean.labels_only
    else:
        mean = labels_only = mean_interval(y, level=level)
    # In the order of the run, so that the draws, and with them the ends, are those of a run without labels.
    judge_only = mean_interval([judged[q] for q in covered], level=level)
    return Estimate(
        mean.point,
        mean.low,
        mean.high,
        level,
        mean.method,
        len(covered),
        n_labelled=len(y),
        judge_only=(judge_only.point, judge_only.low, judge_only.high),
        labels_only=(labels_only.point, labels_only.low, labels_only.high),
    )


def stored_estimate(mean: Estimate) -> dict[str, Json]:
    """The content of scores.json: all except what human labels add, which is computed at every reading."""
    return {
        "mean": mean.point,
        "low": mean.low,
        "high": mean.high,
        "level": mean.level,
        "method": mean.method,
        "n": mean.n,
        "unscored": mean.unscored,
        "failed": mean.failed,
    }


def estimate_to_json(mean: Estimate) -> dict[str, Json]:
    """As `rageval run --json` prints it."""
    return {
        **stored_estimate(mean),
        "n_labelled": mean.n_labelled,
        "judge_only": _ends_to_json(mean.judge_only),
        "labels_only": _ends_to_json(mean.labels_only),
        "warning": mean.warning,
    }


def metric_to_json(mean: Estimate | None, questions: int) -> dict[str, Json]:
    """An estimate, or the same keys with null where nothing could be scored."""
    if mean is not None:
        return estimate_to_json(mean)
    nothing: dict[str, Json] = dict.fromkeys(("mean", "low", "high", "level", "method"))
    no_labels: dict[str, Json] = {"n_labelled": 0, "judge_only": None, "labels_only": None, "warning": ""}
    return {**nothing, "n": 0, "unscored": questions, "failed": 0, **no_labels}


def interval_to_json(interval: Interval) -> dict[str, Json]:
    """An interval by the names of its fields, as comparisons print it."""
    return {
        "point": interval.point,
        "low": interval.low,
        "high": interval.high,
        "level": interval.level,
        "method": interval.method,
    }


def _ends_to_json(interval: tuple[float, float, float] | None) -> dict[str, Json] | None:
    return None if interval is None else dict(zip(("mean", "low", "high"), interval, strict=True))
