"""Was it right to abstain? A judge is asked only of answers whose words do not tell whether they abstain."""

from __future__ import annotations

from rageval.metrics.definitions import RGB, AnswerMetric
from rageval.metrics.verdicts import ABSTENTION, NO_ANSWER
from rageval.types import Failure, Question, Response, Score, Unscored


def negative_rejection(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the pipeline abstained on an unanswerable question, else 0; Unscored on answerable ones.

    A failure is no abstention. Source: Chen et al. 2023, arXiv 2309.01431 (RGB).
    """
    if question.answerable:
        return Unscored("the question is answerable")
    return abstention_accuracy(question, outcome)


def abstention_accuracy(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the pipeline abstained on an unanswerable question or answered an answerable one, right or wrong; else 0.

    An empty answer is neither. Unscored where no answer was asked for.
    """
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if outcome.abstained:
        return Score(0.0 if question.answerable else 1.0)
    if outcome.answer is None:
        return Unscored(NO_ANSWER)
    return Score(float(question.answerable and outcome.answer != ""))


METRICS = (
    AnswerMetric(
        "negative_rejection",
        "of unanswerable questions: 1 if the pipeline abstained, else 0",
        f"RGB, {RGB}",
        formula=negative_rejection,
        judges=(ABSTENTION,),
        binary=True,
    ),
    AnswerMetric(
        "abstention_accuracy",
        "1 if the pipeline abstained on an unanswerable question or answered an answerable one, else 0",
        "rageval",
        formula=abstention_accuracy,
        judges=(ABSTENTION,),
        binary=True,
    ),
)
