"""Multiple choice: does the answer choose the right option?"""

from __future__ import annotations

from rageval.benchmark.rotation import options_of, right_option
from rageval.metrics.definitions import AnswerMetric
from rageval.metrics.verdicts import NO_ANSWER
from rageval.text.choices import chosen_option
from rageval.types import Failure, Question, Response, Score, Unscored


def choice_accuracy(question: Question, outcome: Response | Failure) -> Score | Unscored:
    """1 where the answer chooses the right option, else 0: also where it abstains, or names no option or several.

    Unscored for a question without options, or without the letter of the right one.
    """
    right = right_option(question)
    if right is None:
        return Unscored("the question has no options of which one is said to be right")
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if outcome.answer is None:
        return Unscored(NO_ANSWER)
    if outcome.abstained:
        return Score(0.0)
    return Score(float(chosen_option(outcome.answer, options_of(question), question.language) == right))


METRICS = (
    AnswerMetric(
        "choice_accuracy",
        "1 if the answer chooses the right option of a multiple choice question, else 0",
        "rageval",
        formula=choice_accuracy,
        binary=True,
    ),
)
