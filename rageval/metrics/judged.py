"""Judged metrics: arithmetic over judgments. No model is called here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rageval.types import Abstained, Failure, Graded, Judgment, Question, Response, Score, Unscored

ABSTAINED = "the pipeline abstained: nothing to check"
NO_PASSAGE_CAN_HELP = "no passage can answer an unanswerable question"


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """A metric over judgments: whose judgments it reads, what it makes of them, and whether it looks at answers."""

    judge: str
    arithmetic: Callable[[Question, Response, Sequence[Judgment]], Score | Unscored]
    reads_answers: bool = True


def faithfulness(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """Supported claims / claims asked about, 0 to 1, from the judge `claim_support`.

    Unscored where the pipeline abstained, and where any claim lacks a verdict: to count such a claim as unsupported,
    or to leave it out, would both be a guess. Source: Es et al. 2023, arXiv 2309.15217.
    """
    return Unscored(ABSTAINED) if response.abstained else _share(judgments, "claims")


def answer_relevance(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """1 where the answer addresses the question, else 0, from the judge `answer_relevance`.

    An abstention scores 0 on an answerable question and is Unscored on an unanswerable one, where it is right. An empty
    answer addresses nothing and scores 0; where no answer was asked for (it is None), there is nothing to score.
    """
    if response.abstained:
        return Score(0.0) if question.answerable else Unscored("the pipeline rightly abstained")
    if response.answer == "":
        return Score(0.0)
    return _share(judgments, "answers")


def context_relevance(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """Passages of the context that help / passages of the context, 0 to 1, from the judge `passage_relevance`.

    Unscored where the context is empty and on unanswerable questions, for which no passage can help.
    """
    if not question.answerable:
        return Unscored(NO_PASSAGE_CAN_HELP)
    if not response.context:
        return Unscored("the context is empty")
    return _share(judgments, "passages")


JUDGED_METRICS: dict[str, JudgedMetric] = {
    "faithfulness": JudgedMetric("claim_support", faithfulness),
    "answer_relevance": JudgedMetric("answer_relevance", answer_relevance),
    "context_relevance": JudgedMetric("passage_relevance", context_relevance, reads_answers=False),
}


def score_judged(
    metric: str, question: Question, outcome: Response | Failure, judgments: Sequence[Judgment] | None
) -> Score | Unscored:
    """One question's score on a judged metric.

    A failure scores the worst value, 0, unless the metric has nothing to say about the question whatever the pipeline
    does. `judgments` is None where the judge has not seen the response.
    """
    definition = JUDGED_METRICS[metric]
    if isinstance(outcome, Failure):
        if metric == "context_relevance" and not question.answerable:
            return Unscored(NO_PASSAGE_CAN_HELP)
        return Score(0.0, failed=True)
    if judgments is None:
        return Unscored("not judged")
    return definition.arithmetic(question, outcome, judgments)


def _share(judgments: Sequence[Judgment], what: str) -> Score | Unscored:
    grades = [judgment.verdict.grade for judgment in judgments if isinstance(judgment.verdict, Graded)]
    if not judgments:
        return Unscored(f"there are no {what} to judge")
    if len(grades) < len(judgments):
        reason = next(j.verdict.reason for j in judgments if isinstance(j.verdict, Abstained))
        return Unscored(f"{len(judgments) - len(grades)} of {len(judgments)} verdicts missing: {reason}")
    return Score(sum(grades) / len(grades))
