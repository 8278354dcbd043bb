"""Metrics of the answer that need no model: overlap with the references, and whether abstaining was right."""

from __future__ import annotations

from rageval.metrics.names import Metric
from rageval.metrics.overlap import score_overlap
from rageval.types import Failure, Question, Response, Score, Unscored


def score_answer(metric: Metric, question: Question, outcome: Response | Failure) -> Score | Unscored:
    """One question's score on a metric of kind `answer`."""
    match metric.name:
        case "negative_rejection":
            return negative_rejection(question, outcome)
        case "abstention_accuracy":
            return abstention_accuracy(question, outcome)
        case _:
            return score_overlap(metric.name, question, outcome)


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
        return Unscored("no answer was generated")
    return Score(float(question.answerable and outcome.answer != ""))
