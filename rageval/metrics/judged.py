"""Judged metrics: arithmetic over judgments. No model is called here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rageval.types import Abstained, Graded, Judgment, Question, Response, Score, Unscored

JudgedMetric = Callable[[Question, Response, Sequence[Judgment]], Score | Unscored]

ABSTAINED = "the pipeline abstained: nothing to check"


def faithfulness(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """Supported claims / claims asked about, 0 to 1, from the judge `claim_support`.

    Unscored where the pipeline abstained, and where any claim lacks a verdict: to count such a claim as unsupported,
    or to leave it out, would both be a guess. Source: Es et al. 2023, arXiv 2309.15217.
    """
    return Unscored(ABSTAINED) if response.abstained else _share(judgments, "claims")


def answer_relevance(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """1 where the answer addresses the question, else 0, from the judge `answer_relevance`.

    An abstention scores 0 on an answerable question and is Unscored on an unanswerable one, where it is right.
    """
    if response.abstained:
        return Score(0.0) if question.answerable else Unscored("the pipeline rightly abstained")
    return _share(judgments, "answers")


def context_relevance(question: Question, response: Response, judgments: Sequence[Judgment]) -> Score | Unscored:
    """Passages of the context that help / passages of the context, 0 to 1, from the judge `passage_relevance`.

    Unscored where the context is empty and on unanswerable questions, for which no passage can help.
    """
    if not question.answerable:
        return Unscored("no passage can answer an unanswerable question")
    if not response.context:
        return Unscored("the context is empty")
    return _share(judgments, "passages")


JUDGED_METRICS: dict[str, tuple[str, JudgedMetric]] = {
    "faithfulness": ("claim_support", faithfulness),
    "answer_relevance": ("answer_relevance", answer_relevance),
    "context_relevance": ("passage_relevance", context_relevance),
}
"""Metric name to the judge whose judgments it reads, and its arithmetic."""


def _share(judgments: Sequence[Judgment], what: str) -> Score | Unscored:
    grades = [judgment.verdict.grade for judgment in judgments if isinstance(judgment.verdict, Graded)]
    if not judgments:
        return Unscored(f"there are no {what} to judge")
    if len(grades) < len(judgments):
        reason = next(j.verdict.reason for j in judgments if isinstance(j.verdict, Abstained))
        return Unscored(f"{len(judgments) - len(grades)} of {len(judgments)} verdicts missing: {reason}")
    return Score(sum(grades) / len(grades))
