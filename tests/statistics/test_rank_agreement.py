"""Whether two sets of questions rank systems alike. docs/statistics_benchmarks.md has many settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from rageval.stats.rank_agreement import difference_slope, rank_agreement
from tests.statistics.benchmarks_alike_draws import Floats, Order, Setting, draws, scores, true_means

REPS = 15
LEAST = 0.93 - 3 * math.sqrt(0.93 * 0.07 / REPS)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def made(setting: Setting, seed: int = 0) -> tuple[Floats, Floats]:
    generator = rng(seed)
    a, b = true_means(setting, generator)
    return scores(a, setting, generator), scores(b, setting, generator)


def test_tau_is_scipys_where_nothing_is_tied() -> None:
    x, y = made(Setting("nearly", 7, 0.05, 150, graded=True))
    expected: Any = kendalltau(x.mean(axis=1), y.mean(axis=1))
    assert rank_agreement(x, y, rng=rng()).tau == pytest.approx(expected.statistic)


def test_the_interval_by_hand() -> None:
    """Three systems: the first far ahead on both, the others never told apart and in another order on the second."""
    x = np.array([[1.0] * 40, [0.0] * 20 + [1.0] + [0.0] * 19, [0.0] * 40])
    y = np.array([[1.0] * 40, [0.0] * 40, [0.0] * 20 + [1.0] + [0.0] * 19])
    found = rank_agreement(x, y, rng=rng())
    assert (found.pairs, found.same, found.opposite, found.untold) == (3, 2, 0, 1)
    assert (found.tau, found.low, found.high) == pytest.approx((1 / 3, 1 / 3, 1.0))
    assert (found.clear, found.clear_same, found.share_low, found.share_high) == (2, 2, 1.0, 1.0)


def test_systems_that_are_the_same_tell_nothing() -> None:
    x = np.tile(rng().random(50), (4, 1))
    found, line = rank_agreement(x, x, rng=rng()), difference_slope(x, x, rng=rng())
    assert (found.tau, found.low, found.high, found.clear) == (0.0, -1.0, 1.0, 0)
    assert not line.told


def test_the_slope_of_differences_without_chance_is_exact() -> None:
    """Systems that differ by the same on every question: nothing of it is chance."""
    x = 0.2 + 0.1 * np.arange(4)[:, None] + 0.2 * rng().random(60)
    found = difference_slope(x, 0.3 + 0.5 * (x - x.mean()), rng=rng())
    assert (found.point, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)


def test_a_turned_set_turns_the_numbers() -> None:
    x, y = made(Setting("half the differences", 5, 0.08, 200, graded=True))
    one, two = rank_agreement(x, y, rng=rng()), rank_agreement(x, 1.0 - y, rng=rng())
    assert (two.tau, two.same, two.opposite) == pytest.approx((-one.tau, one.opposite, one.same))
    assert difference_slope(x, 1.0 - y, rng=rng()).point == pytest.approx(-difference_slope(x, y, rng=rng()).point)


def test_documents_make_it_wider() -> None:
    x, y = made(Setting("the same", 5, 0.1, 200, documents=True))
    document = (np.arange(200) // 4).tolist()
    alone = difference_slope(x, y, rng=rng())
    told = difference_slope(x, y, clusters=(document, document), rng=rng())
    assert told.high - told.low > alone.high - alone.low


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="a row for each of the same systems"):
        rank_agreement(np.zeros((3, 5)), np.zeros((4, 5)), rng=rng())


@pytest.mark.parametrize("order", ["the same", "reversed"])
@pytest.mark.parametrize(("systems", "gap", "n"), [(4, 0.1, 60), (6, 0.02, 60)])
def test_coverage(order: Order, systems: int, gap: float, n: int) -> None:
    found = draws(Setting(order, systems, gap, n), REPS, rng(1), compare=False)
    assert found.covered >= LEAST
    assert found.slope_covered >= LEAST
