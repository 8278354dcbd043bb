"""Metrics over nuggets: how much of what an answer should say does it say?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rageval.metrics.verdicts import graded_items, score_of_silence
from rageval.types import Judgment, Question, Response, Score, Unscored


def nugget_recall(
    question: Question, response: Response, judgments: Mapping[str, Sequence[Judgment]]
) -> Score | Unscored:
    """Mean grade of the vital nuggets, 0 to 1: 1 for each that the answer supports, 0.5 for each that it does in part.

    From the judge `nuggets`. An abstention and an empty answer score 0. Unscored where no nugget is vital, and where
    there was nothing to take nuggets from. Source: Voorhees 2003; Pradeep et al. 2024, arXiv 2411.09607 (V).
    """
    return _recall(question, response, judgments["nuggets"], {"vital_nugget"})


def nugget_recall_all(
    question: Question, response: Response, judgments: Mapping[str, Sequence[Judgment]]
) -> Score | Unscored:
    """The same of all nuggets, vital and okay alike (A in Pradeep et al. 2024)."""
    return _recall(question, response, judgments["nuggets"], {"vital_nugget", "okay_nugget"})


def _recall(
    question: Question, response: Response, judgments: Sequence[Judgment], kinds: Collection[str]
) -> Score | Unscored:
    silent = score_of_silence(question, response)
    if silent is not None and not judgments:
        return silent
    items = graded_items(judgments, "nuggets")
    if isinstance(items, Unscored):
        return items
    grades = [verdict.grade for judgment, verdict in items if judgment.item in kinds]
    return Score(sum(grades) / len(grades)) if grades else Unscored("no nugget is vital")
