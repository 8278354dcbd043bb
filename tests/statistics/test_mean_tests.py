"""Claims about means: they keep 5% where systems gain a little on most questions and lose much on few."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta

from rageval.decide.halving import surely_behind
from rageval.stats.many import mean_tests, paired_permutation
from rageval.stats.permutation import mcnemar_p_value
from tests.statistics.rank_worlds import WORLDS, alike, told_apart

REPETITIONS = 100
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / REPETITIONS)


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("world", [name for name in WORLDS if "24" not in name])
def test_equal_means_are_seldom_told_apart(world: str, n: int) -> None:
    """docs/statistics.md has more sizes, more repetitions, and a board of 24 systems."""
    assert told_apart(WORLDS[world], n, REPETITIONS) <= MOST


def test_the_permutation_test_alone_claims_them() -> None:
    """What it tests is symmetry: in most samples of 20 questions some system has not lost yet."""
    assert told_apart(WORLDS["4 of 8 gain .02, lose .38 on 5%"], 20, 40, paired_permutation) > 0.5


def test_halving_keeps_the_best_that_seldom_wins_much() -> None:
    """One of eight gains .58 on 5% of the questions and loses .02 on the others: better by .01."""
    rng = np.random.default_rng(20)
    dropped = 0
    for _ in range(REPETITIONS):
        scores = np.tile(0.3 + 0.1 * rng.random(100), (8, 1))
        scores[0] += np.where(rng.random(100) < 0.05, 0.58, -0.02)
        rows = [{str(q): float(value) for q, value in enumerate(row)} for row in scores]
        parts = [[{q: row[q] for q in [*row][:n]} for row in rows] for n in (13, 25, 50)]
        dropped += any(0 in surely_behind(part, 1, 1 - 0.05 / 3, lower_is_better=False) for part in parts)
    assert dropped / REPETITIONS <= MOST


def test_zeros_and_ones_of_two_systems_are_tested_by_a_beta_distribution() -> None:
    """The weight of the wins among that of wins and losses, with half a loss more, or half a win."""
    rng = np.random.default_rng(21)
    for wins, losses in ((9, 2), (20, 8), (3, 3)):
        scores = np.zeros((2, 60))
        scores[1, :wins], scores[0, wins : wins + losses] = 1.0, 1.0
        p = mean_tests(scores, rng=rng).p[0, 1]
        behind, ahead = beta(wins, losses + 0.5).cdf(0.5), beta(wins + 0.5, losses).sf(0.5)
        expected = min(1.0, max(2 * min(behind, ahead), mcnemar_p_value(wins, losses)))
        assert p == pytest.approx(expected, abs=5 * math.sqrt(expected / 10_000) + 0.001)


def test_a_plain_difference_is_claimed_as_often() -> None:
    """One of eight is better by .08, with a standard deviation of differences of .14, at 100 questions."""
    rng = np.random.default_rng(22)
    claims = np.zeros(2)
    for _ in range(REPETITIONS):
        scores = alike(rng, 100)
        scores[0] = (scores[0] + 0.08).clip(0.0, 1.0)
        for position, test in enumerate((mean_tests, paired_permutation)):
            claims[position] += (test(scores, rng=rng).p_adjusted[0, 1:] <= 0.05).mean()
    guarded, alone = claims / REPETITIONS
    assert alone > 0.7
    assert guarded > alone - 0.1


def test_p_values_are_at_least_those_of_the_permutation() -> None:
    scores = alike(np.random.default_rng(23), 40)
    alone = paired_permutation(scores, rng=np.random.default_rng(0))
    found = mean_tests(scores, rng=np.random.default_rng(0))
    assert (found.p >= alone.p).all()
    assert (found.p_adjusted >= alone.p_adjusted).all()
    assert (found.p == found.p.T).all()
    assert (np.diag(found.p_adjusted) == 1.0).all()


def test_scores_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scores from 0.5 to 1.5, expected them in \[0, 1\]"):
        mean_tests([[0.5, 1.5], [0.5, 1.0]], rng=np.random.default_rng(0))
