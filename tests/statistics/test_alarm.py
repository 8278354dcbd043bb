"""The alarm: its arithmetic by hand, how often it is false over 100 days of 30 answers, and how soon a fall is seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rageval.stats.alarm import fall_alarm
from rageval.stats.sequential import FRACTIONS
from rageval.traffic.days import running_intervals, watch

DAYS, ANSWERS, ALPHA = 100, 30, 0.05
REPEATS = {"binary": 200, "graded": 20}


def draw(rng: np.random.Generator, mean: float, kind: str) -> np.ndarray:
    if kind == "binary":
        return (rng.random(ANSWERS) < mean).astype(float)
    return rng.binomial(4, mean, ANSWERS) / 4


def test_one_day_by_hand() -> None:
    """Half of the capital bets on the first day: on a 0 with the bound 0.8, a stake of f becomes 1 + 4 f."""
    found = fall_alarm([[0.0]], 0.8)
    expected = 0.5 * float(np.mean(1.0 + 4.0 * FRACTIONS)) + 0.5
    assert found.evidence[0] == pytest.approx(math.log(expected))
    assert fall_alarm([[1.0]], 0.8).evidence[0] == pytest.approx(math.log(0.5 * float(np.mean(1 - FRACTIONS)) + 0.5))
    assert fall_alarm([[]], 0.8).evidence[0] == pytest.approx(0.0)
    assert fall_alarm([[1.0], [0.99]], 1.0).day == 1


def test_refusals() -> None:
    for days, bound in (([[2.0]], 0.5), ([[0.5]], 0.0), ([[0.5]], 1.5), ([[math.nan]], 0.5)):
        with pytest.raises(ValueError, match="fall_alarm"):
            fall_alarm(days, bound)


@pytest.mark.parametrize("kind", ["binary", "graded"])
@pytest.mark.parametrize("mean", [0.5, 0.9, 0.97])
def test_false_alarms_over_a_hundred_days(mean: float, kind: str) -> None:
    """Promised: 5% at most, where the bound is taken from the first week, which errs too."""
    rng = np.random.default_rng(5)
    false = sum(
        watch([draw(rng, mean, kind) for _ in range(DAYS)], baseline=7, alpha=ALPHA).alarm.day is not None
        for _ in range(REPEATS[kind])
    )
    assert false / REPEATS[kind] <= ALPHA


@pytest.mark.parametrize(("before", "after", "within"), [(0.9, 0.7, 10), (0.9, 0.5, 3), (0.97, 0.85, 12)])
def test_a_fall_is_seen(before: float, after: float, within: int) -> None:
    """On day 50, by the median."""
    rng = np.random.default_rng(6)
    delays = []
    for _ in range(60):
        days = [draw(rng, before if day < 50 else after, "binary") for day in range(DAYS)]
        found = watch(days, baseline=7, alpha=ALPHA)
        delays.append(DAYS if found.alarm.day is None else found.alarm.day + 7 - 50)
    assert 0 <= float(np.median(delays)) <= within


def test_the_running_interval_covers_on_all_days_at_once() -> None:
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(20):
        days = [draw(rng, 0.9, "binary") for _ in range(20)]
        missed += any(one is None or not one[0] <= 0.9 <= one[1] for one in running_intervals(days))
    assert missed / 20 <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / 20) ** 0.5
