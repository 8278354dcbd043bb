"""Effects and fronts by worked arithmetic, and how often an effect is claimed where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rageval.decide.sweep import pareto_front
from rageval.decide.sweep_effects import Factors, factor_shares, interactions, main_effects
from rageval.stats import many


def cell(**factors: object) -> Factors:
    return {"pipeline": "naive", **factors}  # type: ignore[dict-item]


def test_an_effect_is_the_mean_over_the_settings_that_both_levels_share() -> None:
    """k from 3 to 5: with bm25 (0.2, 0.4) becomes (0.4, 0.4), with dense (0.6, 0.6) becomes (1.0, 0.6), and the cell of
    hybrid has no partner. Averages (0.4, 0.5) and (0.7, 0.5), so the effect is the mean of (0.3, 0.0). From bm25 to
    dense: averages (0.3, 0.4) and (0.8, 0.6), the mean of (0.5, 0.2). To hybrid, at k = 3 alone: from bm25 the mean of
    (0.1, 0.1) - (0.2, 0.4), from dense that of (0.1, 0.1) - (0.6, 0.6).
    """
    factors = [
        cell(retriever="bm25", k=3),
        cell(retriever="bm25", k=5),
        cell(retriever="dense", k=3),
        cell(retriever="dense", k=5),
        cell(retriever="hybrid", k=3),
    ]
    scores = np.array([[0.2, 0.4], [0.4, 0.4], [0.6, 0.6], [1.0, 0.6], [0.1, 0.1]])
    found = main_effects("m", factors, scores)
    assert [(e.factor, e.before, e.after, e.contexts) for e in found] == [
        ("retriever", "bm25", "dense", 2),
        ("retriever", "bm25", "hybrid", 1),
        ("retriever", "dense", "hybrid", 1),
        ("k", "3", "5", 2),
    ]
    assert [e.difference.point for e in found] == pytest.approx([0.35, -0.2, -0.5, 0.15])
    assert all(e.p_adjusted >= e.p_value for e in found)


def test_levels_that_are_lists_and_cells_that_lack_a_factor() -> None:
    factors = [cell(views=["a"]), cell(views=["a", "b"]), {"pipeline": "hyde"}]
    found = main_effects("m", factors, np.array([[0.0, 0.0], [1.0, 0.5], [1.0, 1.0]]))
    assert [(e.factor, e.before, e.after) for e in found] == [("views", "('a',)", "('a', 'b')")]
    assert found[0].difference.point == pytest.approx(0.75)


def test_levels_that_are_mappings() -> None:
    factors = [cell(weights={"bm25": 1, "dense": 2}), cell(weights={"bm25": 2}), cell(weights={"dense": 2, "bm25": 1})]
    found = main_effects("m", factors, np.array([[0.0], [1.0], [0.5]]))
    assert [(e.factor, e.before, e.after) for e in found] == [("weights", '{"bm25": 1, "dense": 2}', '{"bm25": 2}')]


def test_where_nothing_matters_an_effect_is_seldom_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 3 x 3 grid of cells with scores of one distribution, correlated by question: of its six effects at least one is
    claimed in 5% of the cases at most (and three standard errors of 400 repetitions). Fewer draws blur that by chance.
    """
    monkeypatch.setattr(many, "FLIPS", 499)
    monkeypatch.setattr(many, "OWN_DRAWS", 499)
    rng = np.random.default_rng(11)
    factors = [cell(a=a, b=b) for a, b in itertools.product(range(3), range(3))]
    claimed = 0
    for _ in range(400):
        hard = rng.normal(size=30)
        scores = np.clip(0.5 + 0.2 * (hard + rng.normal(size=(9, 30))), 0.0, 1.0)
        claimed += any(effect.p_adjusted <= 0.05 for effect in main_effects("m", factors, scores))
    assert claimed / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_a_front() -> None:
    """(1, 5) and (3, 1) beat nothing of each other; (3, 5) is beaten by both; equal points stay."""
    points = np.array([[1.0, 5.0], [3.0, 1.0], [3.0, 5.0], [1.0, 5.0]])
    assert pareto_front(points) == [0, 1, 3]


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 3).map(float)))
def test_what_is_not_on_the_front_is_beaten_by_something_that_is(points: np.ndarray) -> None:
    front = pareto_front(points)
    assert front
    for i, point in enumerate(points):
        beaten = [j for j in front if (points[j] <= point).all() and (points[j] < point).any()]
        assert bool(beaten) != (i in front)


def test_an_interaction_is_a_difference_of_differences() -> None:
    """k from 3 to 5 gains (0.2, 0.0) with bm25 and (0.4, 0.0) with dense, so dense adds (0.2, 0.0). The cell of hybrid
    has no partner at k = 5.
    """
    factors = [
        cell(retriever="bm25", k=3),
        cell(retriever="bm25", k=5),
        cell(retriever="dense", k=3),
        cell(retriever="dense", k=5),
        cell(retriever="hybrid", k=3),
    ]
    scores = np.array([[0.2, 0.4], [0.4, 0.4], [0.6, 0.6], [1.0, 0.6], [0.1, 0.1]])
    (found,) = interactions("m", factors, scores)
    assert (found.factor, found.change, found.other, found.other_change) == (
        "retriever", ("bm25", "dense"), "k", ("3", "5")
    )  # fmt: skip
    assert found.difference.point == pytest.approx(0.1)
    assert -2.0 <= found.difference.low <= 0.1 <= found.difference.high <= 2.0


def test_an_interaction_at_its_largest() -> None:
    """Where each alone does all and both do nothing, the difference of differences is -2, on every question."""
    factors = [cell(a=a, b=b) for a, b in itertools.product(range(2), range(2))]
    scores = np.array([[0.0], [1.0], [1.0], [0.0]]).repeat(40, axis=1)
    (found,) = interactions("m", factors, scores)
    assert found.difference.point == found.difference.low == -2.0
    assert found.difference.high < -1.5
    assert found.p_adjusted < 0.001


def test_interactions_of_all_pairs_are_adjusted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two factors with an effect each and none together: of nine interactions one is claimed in 5% of 200 samples at
    most, and three standard errors.
    """
    monkeypatch.setattr(many, "FLIPS", 299)
    monkeypatch.setattr(many, "OWN_DRAWS", 299)
    rng = np.random.default_rng(2)
    factors = [cell(a=a, b=b) for a, b in itertools.product(range(3), range(3))]
    shift = np.array([[0.1 * one["a"] + 0.05 * one["b"]] for one in factors])  # type: ignore[operator]
    claimed = 0
    for _ in range(100):
        scores = np.clip(0.2 + shift + 0.1 * rng.normal(size=(9, 30)), 0.0, 1.0)
        found = interactions("m", factors, scores)
        assert len(found) == 9
        claimed += any(one.p_adjusted <= 0.05 for one in found)
    assert claimed / 100 <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5


def test_shares_are_of_the_cells_that_have_all_factors() -> None:
    factors: list[Factors] = [cell(a=a, b=b) for a, b in itertools.product(range(2), range(2))]
    factors.append({"pipeline": "naive"})
    scores = np.repeat(np.array([[0.2], [0.2], [0.6], [1.0], [0.0]]), 20, axis=1)
    found = {one.factors: one.share.point for one in factor_shares("m", factors, scores)}
    assert found == pytest.approx({("a",): 0.36 / 0.44, ("b",): 0.04 / 0.44, ("a", "b"): 0.04 / 0.44})
    assert factor_shares("m", [cell(a=0), cell(a=1)], scores[:2]) == []
