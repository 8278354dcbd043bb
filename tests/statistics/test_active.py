"""Labels drawn where the judge is in doubt: the weighted mean by hand, and how often its interval covers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rageval.stats import ppi_mean
from rageval.stats.active import active_difference, active_mean, doubts, draw_probabilities, label_spread
from tests.statistics.active_draws import JUDGES, VERDICTS, difference_draws, make_items, mean_draws
from tests.statistics.label_need_draws import decided

DRAWS = 40


def test_probabilities_are_half_uniform_and_sum_to_one() -> None:
    p = draw_probabilities([0.0, 1.0, 3.0])
    np.testing.assert_allclose(p, [1 / 6, 1 / 6 + 1 / 8, 1 / 6 + 3 / 8])
    np.testing.assert_allclose(draw_probabilities(np.zeros(4)), 0.25)
    assert (1.0 / (1000 * draw_probabilities(np.random.default_rng(0).random(1000) ** 8)) <= 2.0 + 1e-9).all()


def test_doubts_are_largest_at_one_half_and_never_nothing() -> None:
    found = doubts([0.0, 0.25, 0.5, 0.75, 1.0])
    assert found[2] == 0.5
    np.testing.assert_allclose(found, found[::-1])
    np.testing.assert_allclose(found[[0, -1]], math.sqrt(0.02 * 0.98))


def test_the_point_is_the_weighted_mean_of_each_verdict() -> None:
    """By hand: 4 items of verdict 0 and 6 of verdict 1; the labels' weights are one over the probabilities."""
    judged = np.array([0.0] * 4 + [1.0] * 6)
    p = np.array([1, 2, 2, 1, 1, 1, 4, 2, 1, 1]) / 16
    drawn = [0, 1, 1, 2, 4, 5, 6, 6, 7, 8, 9, 9]
    labels = np.array([1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0])
    weights = 1.0 / p[drawn]
    no, yes = (np.average(labels[part], weights=weights[part]) for part in (slice(0, 4), slice(4, 12)))
    found = active_mean(labels, drawn, judged, p)
    assert found.interval.point == pytest.approx(0.4 * no + 0.6 * yes)
    assert found.labels_only.point == pytest.approx(np.average(labels, weights=weights))
    assert (found.n_labelled, found.interval.n, found.interval.method) == (12, 10, "active beta chain")


def test_it_finds_the_mean_of_the_items_however_wrong_judge_and_doubts_are() -> None:
    rng = np.random.default_rng(1)
    labels, judged = make_items(VERDICTS, 0.7, 300, rng)
    p = draw_probabilities(rng.random(300) ** 3)
    points = []
    for _ in range(196):
        drawn = rng.choice(300, 60, p=p)
        points.append(active_mean(labels[drawn], drawn, 1.0 - judged, p, rng=rng).interval.point)
    assert np.mean(points) == pytest.approx(labels.mean(), abs=4 * float(np.std(points)) / 14)


def test_equal_probabilities_give_nearly_what_labels_at_random_give() -> None:
    rng = np.random.default_rng(2)
    labels, judged = make_items(VERDICTS, 0.7, 20_000, rng)
    drawn = rng.choice(20_000, 60, replace=False)
    others = np.setdiff1d(np.arange(20_000), drawn)
    active = active_mean(labels[drawn], drawn, judged, np.ones(20_000)).interval
    uniform = ppi_mean(labels[drawn], judged[drawn], judged[others])
    assert active.point == pytest.approx(uniform.point)
    assert (active.low, active.high) == pytest.approx((uniform.low, uniform.high), abs=0.006)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(("rate", "n"), [(0.7, 20), (0.98, 50)])
def test_coverage_of_means(judge: str, rate: float, n: int) -> None:
    found = mean_draws(judge, rate, n, DRAWS, np.random.default_rng(3))
    assert found.covered >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / DRAWS)
    assert 0.8 < found.width / found.width_random < 1.2


@pytest.mark.parametrize("judge", JUDGES)
def test_coverage_of_differences(judge: str) -> None:
    found = difference_draws(judge, 0.8, 0.1, 50, DRAWS, np.random.default_rng(4))
    assert found.covered >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / DRAWS)


def test_coverage_where_questions_share_documents() -> None:
    """40 documents of 10 questions each, whose rates vary; half of the draws, so that clusters matter."""
    rng, covered, alone = np.random.default_rng(5), 0, 0
    document = np.repeat(np.arange(40), 10)
    for _ in range(DRAWS):
        labels = (rng.random(400) < rng.beta(1.4, 0.6, 40)[document]).astype(float)
        judged = np.where(rng.random(400) < 0.25, 1.0 - labels, labels)
        p = draw_probabilities(rng.random(400))
        drawn = rng.choice(400, 200, p=p)
        for clusters in (document.tolist(), None):
            found = active_mean(labels[drawn], drawn, judged, p, clusters=clusters, rng=rng).interval
            covered += clusters is not None and found.low <= 0.7 <= found.high
            alone += clusters is None and found.low <= 0.7 <= found.high
    assert covered / DRAWS >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / DRAWS)
    assert alone < covered


@pytest.mark.parametrize("way", ["active", "random"])
def test_the_labels_asked_for_decide_a_gate_with_probability_four_fifths(way: str) -> None:
    rng = np.random.default_rng(6)
    found = [decided(VERDICTS, 0.0, 0.1, way, rng) for _ in range(40)]
    assert 0.6 < np.mean([one[0] for one in found if one is not None]) < 0.95


def test_the_spread_left_by_more_labels_is_that_of_the_weighted_residuals() -> None:
    """A constant judge: the variance of the draws is that of the labels, and of the unseen ends."""
    labels = np.array([1.0, -1.0, 0.0, 0.0] * 25)
    judged, ones = np.zeros(400), np.ones(400)
    found = label_spread(labels, np.arange(100), judged, ones)
    assert found.draws == pytest.approx((0.5 * 101 + 1) / 102)
    assert found.frame == 0.0
    planned = label_spread(labels, np.arange(100), judged, ones, ones)
    assert (planned.draws, planned.frame) == pytest.approx((found.draws, found.draws))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": [0.0, 2.0]}, "found labels from 0 to 2"),
        ({"drawn": [0]}, "found 2 labels of 1 draws"),
        ({"drawn": [0, 9]}, "found draws of items 0 to 9, expected 0 to 2"),
        ({"probabilities": [0.5, 0.5, 0.0]}, "found a probability of 0"),
        ({"probabilities": [0.5, 0.5]}, "3 judged and 2 probabilities"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    fields: dict[str, Any] = {"labels": [0.0, 1.0], "drawn": [0, 2], "judged": [0, 1, 1], "probabilities": [1, 1, 1]}
    with pytest.raises(ValueError, match=told):
        active_mean(**{**fields, **changes})
    with pytest.raises(ValueError, match="found labels outside" if "labels" in changes else told):
        active_difference(**{**fields, **changes})


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match="found scores from 0 to 2"):
        doubts([0.0, 2.0])
    with pytest.raises(ValueError, match="found an expected error of -1"):
        draw_probabilities([-1.0, 0.0])
