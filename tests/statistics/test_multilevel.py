"""People on few items, an expert model on some, a cheap judge on all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rageval.stats import mean_interval, ppi_mean
from rageval.stats.multilevel import multilevel_mean
from tests.statistics.multilevel_draws import ITEMS, draws, scores

REPS = 30
LEAST = 0.93 - 3 * math.sqrt(0.93 * 0.07 / REPS)


def made(n: int, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(ITEMS) < 0.8).astype(float)
    return labels[:n], scores(labels, 0.9, False, rng)[:m], scores(labels, 0.8, False, rng)


def test_the_point_by_hand() -> None:
    """The expert's yes among the judge's yes and no; people's label among the expert's yes and no."""
    y, g, f = made(60, 200)
    cheap_yes = f == 1.0
    yes = cheap_yes.mean() * g[cheap_yes[:200]].mean() + (1 - cheap_yes.mean()) * g[~cheap_yes[:200]].mean()
    by_hand = yes * y[g[:60] == 1.0].mean() + (1 - yes) * y[g[:60] == 0.0].mean()
    found = multilevel_mean(y, g, f)
    assert found.interval.point == pytest.approx(by_hand)
    assert (found.interval.method, found.interval.n) == ("three-level beta chain", ITEMS)
    assert found.people == mean_interval(y)
    assert found.people_and_judge is not None
    two = ppi_mean(y, f[:60], f[60:])
    assert found.people_and_judge.point == two.point
    assert found.people_and_judge.width == pytest.approx(two.width, rel=0.05)


def test_an_expert_on_everything_leaves_the_cheap_judge_out() -> None:
    y, g, f = made(60, ITEMS)
    found = multilevel_mean(y, g, f).interval
    two = ppi_mean(y, g[:60], g[60:])
    assert found.point == pytest.approx(two.point)
    assert (found.low, found.high) == pytest.approx((two.low, two.high), abs=0.01)


def test_without_people_the_expert_is_taken_for_the_truth() -> None:
    _, g, f = made(0, 200)
    found = multilevel_mean([], g, f)
    two = ppi_mean(g, f[:200], f[200:])
    assert (found.people, found.people_and_judge) == (None, None)
    assert found.interval == found.expert_and_judge
    assert (found.interval.low, found.interval.high) == (two.low, two.high)


@pytest.mark.parametrize(
    ("labels", "expert", "why"),
    [
        (np.array([1.0, 0.0] * 4), np.array([1.0, 0.0] * 20), "fewer than 10 labels"),
        (np.ones(20), np.array([1.0, 0.0] * 20), "all labels are equal"),
        (np.array([1.0, 0.0] * 10), np.ones(40), "the expert's scores are all equal"),
    ],
)
def test_where_labels_stand_alone(labels: np.ndarray, expert: np.ndarray, why: str) -> None:
    found = multilevel_mean(labels, expert, np.array([1.0, 0.0] * 50))
    assert found.people is not None
    assert (found.interval.low, found.interval.high) == (found.people.low, found.people.high)
    assert found.interval.method == f"labels only ({why})"


@pytest.mark.parametrize(("expert", "judge"), [(0.95, 0.75), (0.85, 0.75), (0.5, 0.85)])
@pytest.mark.parametrize(("rate", "n", "m"), [(0.7, 20, 100), (0.95, 30, 200)])
@pytest.mark.parametrize("graded", [False, True])
def test_coverage(expert: float, judge: float, rate: float, n: int, m: int, graded: bool) -> None:
    found = draws(rate, n, m, expert, judge, REPS, np.random.default_rng(1), graded=graded)
    assert found.covered >= LEAST


def test_a_good_expert_narrows_what_people_and_judge_say() -> None:
    found = draws(0.7, 50, 500, 0.95, 0.75, REPS, np.random.default_rng(2))
    assert found.three < 0.75 * found.two < 0.75 * found.people
    assert found.covered_expert < 0.93


def test_coverage_where_questions_share_documents() -> None:
    rng, covered = np.random.default_rng(3), 0
    document = np.repeat(np.arange(50), 10)
    for _ in range(REPS):
        labels = (rng.random(500) < rng.beta(2.1, 0.9, 50)[document]).astype(float)
        g, f = scores(labels, 0.92, False, rng), scores(labels, 0.8, False, rng)
        order = rng.permutation(500)
        found = multilevel_mean(
            labels[order[:60]], g[order[:250]], f[order], clusters=document[order].tolist(), rng=rng
        ).interval
        covered += found.low <= 0.7 <= found.high
    assert covered / REPS >= LEAST


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": [0.0, 2.0]}, "found labels outside"),
        ({"expert": [0.0]}, "found 2 labels, 1 scores of the expert and 3 of the judge"),
        ({"judged": [0.0, 1.0]}, "3 scores of the expert and 2 of the judge"),
        ({"expert": [0.0, 1.0, math.nan]}, "expert"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    fields: dict[str, Any] = {"labels": [0.0, 1.0], "expert": [0, 1, 1], "judged": [1, 1, 0]}
    with pytest.raises(ValueError, match=told):
        multilevel_mean(**{**fields, **changes})
