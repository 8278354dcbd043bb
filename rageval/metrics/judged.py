"""Scoring a judged metric: which judges it reads, and what one question scores. No model is called here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rageval.metrics.catalogue import ALL_METRICS
from rageval.metrics.definitions import JudgedMetric
from rageval.metrics.names import OF_JUDGE, Metric
from rageval.metrics.verdicts import NO_REFERENCE
from rageval.types import WHOLE_RESPONSE, Abstained, Failure, Judgment, Question, Response, Score, Unscored

NO_PASSAGE_CAN_HELP = "no passage can answer an unanswerable question"

JUDGED_METRICS = {metric.name: metric for metric in ALL_METRICS if isinstance(metric, JudgedMetric)}


def judged_metric(metric: Metric) -> JudgedMetric:
    """The definition of a judged metric. Raises TypeError for another one."""
    definition = metric.definition
    if not isinstance(definition, JudgedMetric):
        raise TypeError(f"found the metric {metric}, expected a judged one")
    return definition


def entries_read(metric: Metric) -> dict[str, str]:
    """The judges that a judged metric reads, each with its entry in a run's manifest: `claim_support:strong` where the
    metric names the judge `strong`, else the judge's own name.
    """
    return {judge: entry_name(judge, metric.judge) for judge in judged_metric(metric).judges}


def entry_name(judge: str, name: str) -> str:
    """Returns the manifest's name of a judge added under that name; an empty name means the run's own judge."""
    return f"{judge}{OF_JUDGE}{name}" if name else judge


def score_judged(
    metric: Metric, question: Question, outcome: Response | Failure, judgments: Mapping[str, Sequence[Judgment] | None]
) -> Score | Unscored:
    """One question's score on a judged metric.

    A failure scores the worst value, unless the metric could not score the question for any pipeline. `judgments` is by
    judge; None where the judge has not seen the response.
    """
    definition = judged_metric(metric)
    if definition.needs_answerable and not question.answerable:
        return Unscored(NO_PASSAGE_CAN_HELP)
    if definition.needs_reference and not question.references:
        return Unscored(NO_REFERENCE)
    if isinstance(outcome, Failure):
        return Score(metric.worst, failed=True)
    of_judges: dict[str, Sequence[Judgment]] = {}
    for name in definition.judges:
        found = judgments.get(name)
        if found is None:
            return Unscored("not judged")
        for judgment in found:
            if judgment.item == WHOLE_RESPONSE and isinstance(judgment.verdict, Abstained):
                return Unscored(judgment.verdict.reason)
        of_judges[name] = found
    return definition.formula(question, outcome, of_judges)
