"""Scores of many questions on one metric, in little memory."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping

from rageval.types import Score, Unscored


class ScoreColumn(Mapping[str, Score | Unscored]):
    """One metric's scores by question id: eight bytes for each value, objects only where they are asked for.

    `places` numbers the questions from 0, and several columns share it. A question without a score yet is not in the
    column; none is scored twice.
    """

    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places
        self._values = array("d", [math.nan]) * len(places)
        self._failed: set[str] = set()
        self._unscored: dict[str, Unscored] = {}

    def add(self, scores: Mapping[str, Score | Unscored]) -> None:
        """Take in the scores of these questions. Raises KeyError for a question without a place."""
        for question_id, score in scores.items():
            place = self._places[question_id]
            if isinstance(score, Unscored):
                self._unscored[question_id] = score
                continue
            self._values[place] = score.value
            if score.failed:
                self._failed.add(question_id)

    def __getitem__(self, question_id: str) -> Score | Unscored:
        if question_id in self._unscored:
            return self._unscored[question_id]
        value = self._values[self._places[question_id]]
        if math.isnan(value):
            raise KeyError(question_id)
        return Score(value, failed=question_id in self._failed)

    def __iter__(self) -> Iterator[str]:
        return (
            question_id
            for question_id, place in self._places.items()
            if not math.isnan(self._values[place]) or question_id in self._unscored
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)
