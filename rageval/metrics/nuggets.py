"""Metrics over nuggets: how much of what an answer should say does it say?"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rageval.metrics.definitions import JudgedMetric, Judgments
from rageval.metrics.verdicts import graded_items, score_of_silence
from rageval.types import Judgment, Question, Response, Score, Unscored

_SOURCE = "Voorhees 2003; Pradeep et al. 2024, arXiv 2411.09607"


def nugget_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Mean grade of the vital nuggets, 0 to 1: 1 for each that the answer supports, 0.5 for each that it does in part.

    From the judge `nuggets`. An abstention and an empty answer score 0. Unscored where no nugget is vital, and where
    there was nothing to take nuggets from. Source: Voorhees 2003; Pradeep et al. 2024, arXiv 2411.09607 (V).
    """
    return _recall(question, response, judgments["nuggets"], {"vital_nugget"})


def nugget_recall_all(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
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


METRICS = (
    JudgedMetric(
        "nugget_recall",
        "vital nuggets that the answer supports (in part: half) / all vital nuggets",
        _SOURCE,
        judges=("nuggets",),
        formula=nugget_recall,
        needs_answerable=True,
        instruction={
            "en": (
                "Think of the facts that a good answer to the question must state (see the references). What share "
                "of them does the answer state, those that it states in part counting half? A number from 0 (none) "
                "to 1 (all)."
            ),
            "zh": (
                "想一想好的答案必须说到哪些要点（参看参考答案）。答案说到了其中多大比例（只说到一部分的算一半）？"
                "填 0（全都没有）到 1（全都有）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "nugget_recall_all",
        "nuggets, vital and okay, that the answer supports (in part: half) / all nuggets",
        _SOURCE,
        judges=("nuggets",),
        formula=nugget_recall_all,
        needs_answerable=True,
        instruction={
            "en": (
                "Think of the facts that a good answer to the question must or may well state (see the "
                "references). What share of them does the answer state, those that it states in part counting "
                "half? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "想一想好的答案必须说到以及最好说到哪些要点（参看参考答案）。"
                "答案说到了其中多大比例（只说到一部分的算一半）？填 0（全都没有）到 1（全都有）之间的数。"
            ),
        },
    ),
)
