"""Several answers to each question: pooled within questions, so that everything else counts questions.

In scores.json, a metric of such a run has the means over the answers, and beside them what each answer scored:

    "questions", "failed", "unscored"    the means; failed where every answer failed, unscored where none is scored
    "repeats": [{"questions", "failed", "unscored"}, ...]    the first answers, the second ones, …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rageval.io.run_folder import RunFolder
from rageval.types import Score, Unscored, Usage

if TYPE_CHECKING:
    from rageval.scores.scoring import Scores

REPEATS = "repeats"


def pool_repeats(repeats: Sequence[Scores]) -> Scores:
    """The mean of each question's scores, on every metric; `repeats` are the scores of the first, second, … answers.

    An answer that failed counts with the worst value. One without a score is left out of the mean, and a question of
    which no answer has a score has none, for the reason of its first answer.
    """
    first = repeats[0]
    if len(repeats) == 1:
        return first
    return {
        metric: {question: _pooled([one[metric][question] for one in repeats]) for question in by_question}
        for metric, by_question in first.items()
    }


def first_answers(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """A metric's part of scores.json as if each question had been asked once."""
    return {"estimate": None, **scores[REPEATS][0]} if REPEATS in scores else scores


def answers_by_question(scores: Mapping[str, Any]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Of a metric's part of scores.json, the ids of the scored questions, and their answers' scores: questions by
    repeats, NaN where an answer has no score.
    """
    repeats = [one["questions"] for one in scores.get(REPEATS, [scores])]
    questions = tuple(scores["questions"])
    table = [[one.get(question, np.nan) for one in repeats] for question in questions]
    return questions, np.array(table, dtype=np.float64).reshape(len(questions), len(repeats))


def judging_usages(answers: Sequence[RunFolder], judge_key: str) -> Iterator[Usage]:
    """What each of that judge's lines cost, over the first answers and the further ones."""
    return chain.from_iterable(folder.judging_usages(judge_key) for folder in answers)


def _pooled(scores: Sequence[Score | Unscored]) -> Score | Unscored:
    scored = [score for score in scores if isinstance(score, Score)]
    if not scored:
        return scores[0]
    return Score(mean(score.value for score in scored), failed=all(score.failed for score in scored))
