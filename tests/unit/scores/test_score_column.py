from __future__ import annotations

import pytest

from rageval.scores.score_column import ScoreColumn
from rageval.types import Score, Unscored

PLACES = {"q1": 0, "q2": 1, "q3": 2, "q4": 3}


def test_it_is_what_a_dict_of_the_same_scores_is() -> None:
    some: dict[str, Score | Unscored] = {"q3": Score(0.0, failed=True), "q1": Score(0.25)}
    rest: dict[str, Score | Unscored] = {"q2": Unscored("no labels"), "q4": Score(1.0)}
    column = ScoreColumn(PLACES)
    column.add(some)
    assert "q2" not in column
    assert len(column) == 2
    column.add(rest)
    assert dict(column) == {**some, **rest}
    assert list(column) == ["q1", "q2", "q3", "q4"], "in the order of the places, not of the scores"
    assert len(column) == 4


def test_what_has_no_score_or_no_place_is_not_there() -> None:
    column = ScoreColumn(PLACES)
    for missing in ("q1", "another"):
        with pytest.raises(KeyError, match=missing):
            column[missing]
    with pytest.raises(KeyError, match="another"):
        column.add({"another": Score(1.0)})
