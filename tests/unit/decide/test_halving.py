"""Successive halving: sizes by arithmetic, and how often it drops a cell that belongs to the best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.decide.halving import FEWEST_QUESTIONS, round_sizes, surely_behind


@pytest.mark.parametrize(
    ("questions", "cells", "top", "sizes"),
    [
        (136, 27, 3, [9, 17, 34, 68, 136][1:]),  # four halvings from 27 to under 3, of which 9 questions are too few
        (1000, 8, 1, [125, 250, 500, 1000]),
        (1000, 3, 2, [500, 1000]),
        (12, 27, 1, [12]),
        (5, 4, 1, [5]),
    ],
)
def test_sizes_of_rounds(questions: int, cells: int, top: int, sizes: list[int]) -> None:
    assert round_sizes(questions, cells, top) == sizes


@given(st.integers(1, 5000), st.integers(2, 200), st.data())
def test_the_last_round_asks_all(questions: int, cells: int, data: st.DataObject) -> None:
    sizes = round_sizes(questions, cells, data.draw(st.integers(1, cells - 1)))
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == questions
    assert all(size >= FEWEST_QUESTIONS for size in sizes[:-1])


def as_scores(matrix: np.ndarray) -> list[dict[str, float]]:
    return [{str(q): float(value) for q, value in enumerate(row)} for row in matrix]


def test_what_is_far_behind_is_dropped_and_what_is_close_is_not() -> None:
    rng = np.random.default_rng(3)
    hard = rng.random(60) * 0.2
    matrix = np.array([0.7 + hard, 0.69 + hard + rng.normal(0, 0.05, 60), 0.2 + hard, 0.1 + hard]).clip(0, 1)
    assert surely_behind(as_scores(matrix), 1, 0.95, lower_is_better=False) == [2, 3]
    assert surely_behind(as_scores(matrix), 2, 0.95, lower_is_better=False) == [2, 3]
    assert surely_behind(as_scores(matrix), 3, 0.95, lower_is_better=False) == [3]
    assert surely_behind(as_scores(1 - matrix), 1, 0.95, lower_is_better=True) == [2, 3]
    assert surely_behind([*as_scores(matrix), {}], 1, 0.95, lower_is_better=False) == [2, 3]  # nothing is said of it


def test_a_cell_of_the_best_is_seldom_dropped() -> None:
    """Six equal cells, four rounds of nested questions, each at its share of 5%: any of them is among the best, so
    every drop is a mistake. At most 5%, and three standard errors of 300 repetitions.
    """
    rng = np.random.default_rng(8)
    mistakes = 0
    for _ in range(300):
        hard = rng.normal(size=80)
        matrix = (0.5 + 0.2 * (hard + rng.normal(size=(6, 80)))).clip(0, 1)
        rounds = [
            surely_behind(as_scores(matrix[:, :n]), 1, 1 - 0.05 / 4, lower_is_better=False) for n in (10, 20, 40, 80)
        ]
        mistakes += any(rounds)
    assert mistakes / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
