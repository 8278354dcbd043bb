"""Was it right to abstain? A judge is asked only of answers whose words do not tell whether they abstain."""

from __future__ import annotations

from rageval.metrics.definitions import RGB, AnswerMetric
from rageval.metrics.verdicts import ABSTENTION, NO_ANSWER
from rageval.pipeline.asking_back import asks_back
from rageval.types import UNDERSPECIFIED, Failure, Question, Response, Score, Unscored


def negative_rejection(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the pipeline abstained on an unanswerable question, else 0; Unscored on answerable ones.

    A failure is no abstention. Source: Chen et al. 2023, arXiv 2309.01431 (RGB).
    """
    if question.answerable:
        return Unscored("the question is answerable")
    return abstention_accuracy(question, outcome)


def abstention_accuracy(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the pipeline abstained on an unanswerable question or answered an answerable one, right or wrong; else 0.

    An empty answer is neither. Unscored where no answer was asked for, and on underspecified questions: see
    `right_reaction`.
    """
    if UNDERSPECIFIED in question.tags:
        return Unscored("the question is underspecified")
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if outcome.abstained:
        return Score(0.0 if question.answerable else 1.0)
    if outcome.answer is None:
        return Unscored(NO_ANSWER)
    return Score(float(question.answerable and outcome.answer != ""))


def right_reaction(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the response is of the kind that the question deserves, right or wrong, else 0.

    On an unanswerable question it abstains; on an underspecified one it asks back (`asks_back`), whatever else it says;
    on any other it answers: it neither abstains nor asks back and is not empty. A question of which the corpus answers
    a part counts as any other: whether the answer says what is missing cannot be told from its words. Unscored where no
    answer was asked for. The kinds are those of MTRAG-UN (Katsis et al. 2025, arXiv 2501.03468).
    """
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if outcome.answer is None:
        return Score(float(not question.answerable)) if outcome.abstained else Unscored(NO_ANSWER)
    if not question.answerable:
        return Score(float(bool(outcome.abstained)))
    asks = asks_back(outcome.answer)
    if UNDERSPECIFIED in question.tags:
        return Score(float(asks))
    return Score(float(not outcome.abstained and not asks and outcome.answer != ""))


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
    AnswerMetric(
        "right_reaction",
        "1 if the pipeline abstained on an unanswerable question, asked back on an underspecified one, or answered any "
        "other, else 0",
        "rageval; kinds of questions of MTRAG-UN, Katsis et al. 2025, arXiv 2501.03468",
        formula=right_reaction,
        judges=(ABSTENTION,),
        binary=True,
    ),
)
