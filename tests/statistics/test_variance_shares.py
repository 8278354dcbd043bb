"""Shares of variance: by hand, against a fit by least squares, and how often their intervals hold what is true."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from rageval.stats import variance_shares as module
from rageval.stats.variance_shares import variance_shares

GRID = list(itertools.product(range(3), range(3), range(2)))


def shares(scores: NDArray[np.float64], levels: list[tuple[int, ...]], **more: object) -> dict[tuple[int, ...], float]:
    found = variance_shares(scores, levels, rng=np.random.default_rng(0), **more)  # type: ignore[arg-type]
    return {one.term: one.share.point for one in found}


def test_by_hand_where_nothing_is_left_to_chance() -> None:
    """Means 0.2, 0.2, 0.6, 1.0 of (0, 0), (0, 1), (1, 0), (1, 1), and no noise. The grand mean is 0.5. Sums of squares:
    the first factor 4 * 0.3^2 = 0.36, the second 4 * 0.1^2 = 0.04, both together 4 * 0.1^2 = 0.04.
    """
    scores = np.repeat(np.array([[0.2], [0.2], [0.6], [1.0]]), 20, axis=1)
    found = shares(scores, [(0, 0), (0, 1), (1, 0), (1, 1)])
    assert found == pytest.approx({(0,): 0.36 / 0.44, (1,): 0.04 / 0.44, (0, 1): 0.04 / 0.44})


def test_an_incomplete_grid_by_least_squares() -> None:
    rng = np.random.default_rng(3)
    levels = [GRID[n] for n in range(len(GRID)) if n not in (0, 7, 11)]
    means = rng.random(len(levels))
    scores = np.repeat(means[:, None], 12, axis=1)

    def unexplained(terms: list[tuple[int, ...]]) -> float:
        columns = [np.ones(len(levels))]
        for term in terms:
            keys = [tuple(one[f] for f in term) for one in levels]
            columns += [np.array([float(key == value) for key in keys]) for value in sorted(set(keys))]
        design = np.column_stack(columns)
        fitted = design @ np.linalg.lstsq(design, means, rcond=None)[0]
        return float(np.sum((means - fitted) ** 2))

    factors, pairs = [(0,), (1,), (2,)], [(0, 1), (0, 2), (1, 2)]
    whole = float(np.sum((means - means.mean()) ** 2))
    expected = {
        one: (unexplained([f for f in factors if f != one]) - unexplained(factors)) / whole for one in factors
    } | {
        one: (unexplained([*factors, *(p for p in pairs if p != one)]) - unexplained([*factors, *pairs])) / whole
        for one in pairs
    }
    assert shares(scores, levels) == pytest.approx(expected)


def test_nothing_is_shared_out_where_nothing_differs() -> None:
    assert shares(np.full((4, 10), 0.5), [(0, 0), (0, 1), (1, 0), (1, 1)]) == {}


def test_a_factor_that_stands_still_and_pairs_that_cannot_be_told() -> None:
    """Where each level of one factor comes with one of the other, none adds to the other, and there is no pair."""
    scores = np.repeat(np.array([[0.1], [0.5]]), 8, axis=1)
    assert shares(scores, [(0, 0, 4), (1, 1, 4)]) == {}
    assert shares(scores, [(0, 4), (1, 4)]) == pytest.approx({(0,): 1.0})


@pytest.mark.parametrize("wrong", [np.zeros((4, 1)), np.zeros(4), np.full((4, 3), np.nan)])
def test_what_is_refused(wrong: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="variance_shares: found"):
        variance_shares(wrong, [(0,), (0,), (1,), (1,)], rng=np.random.default_rng(0))


@pytest.mark.parametrize("questions", [30, 100])
@pytest.mark.parametrize(
    "effects",
    [
        lambda a, b, c: 0.06 * a,
        lambda a, b, c: 0.05 * a + 0.04 * (b == 1),
        lambda a, b, c: 0.05 * a * (b - 1) + 0.03 * c,
    ],
)
def test_intervals_hold_the_true_shares(effects: object, questions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each interval of a 3 x 3 x 2 grid in at least 93% of 80 samples, less three standard errors."""
    monkeypatch.setattr(module, "DRAWS", 300)
    rng = np.random.default_rng(5)
    e = np.array([effects(*one) for one in GRID])  # type: ignore[operator]
    truth = shares(np.repeat(e[:, None], 4, axis=1), GRID)
    held = dict.fromkeys(truth, 0)
    samples = 80
    for _ in range(samples):
        hard = 0.15 * rng.normal(size=questions)
        scores = 0.45 + e[:, None] + hard + 0.15 * rng.normal(size=(len(GRID), questions))
        for one in variance_shares(scores, GRID, rng=rng):
            held[one.term] += one.share.low - 1e-9 <= truth[one.term] <= one.share.high + 1e-9
    assert min(held.values()) / samples >= 0.93 - 3 * (0.93 * 0.07 / samples) ** 0.5


def test_documents_that_questions_share_make_the_intervals_wider() -> None:
    """Forty copies of five questions tell what five do."""
    rng = np.random.default_rng(7)
    few = np.clip(0.5 + 0.05 * np.array(GRID)[:, :1] + 0.2 * rng.normal(size=(len(GRID), 5)), 0, 1)
    many, labels = np.repeat(few, 8, axis=1), [n // 8 for n in range(40)]
    taken_for_new = variance_shares(many, GRID, rng=np.random.default_rng(0))
    shared = variance_shares(many, GRID, clusters=labels, rng=np.random.default_rng(0))
    alone = variance_shares(few, GRID, rng=np.random.default_rng(0))
    width = [sum(one.share.high - one.share.low for one in some) for some in (taken_for_new, shared, alone)]
    assert width[0] < width[1] == pytest.approx(width[2], rel=0.1)
