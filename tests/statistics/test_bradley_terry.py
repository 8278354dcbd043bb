"""Bradley and Terry's fit against scipy's optimiser and statsmodels; coverage over questions, error of rank ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special

from rageval.decide.leaderboard import rank_ranges
from rageval.stats.bradley_terry import PRIOR, bradley_terry


def world(rng: np.random.Generator, means: list[float], n: int, tie: float = 0.5) -> np.ndarray:
    """Each answer has a quality of its own; a lead of less than `tie` is a tie. All pairs share it."""
    quality = np.array(means)[:, None] + rng.standard_normal((len(means), n))
    lead = quality[:, None, :] - quality[None, :, :]
    outcomes = np.where(lead > tie, 1.0, np.where(lead < -tie, 0.0, 0.5))
    outcomes[np.arange(len(means)), np.arange(len(means))] = np.nan
    return outcomes


def wins_of(outcomes: np.ndarray) -> np.ndarray:
    return np.nan_to_num(outcomes).sum(axis=2)


def test_fit_maximises_the_penalised_likelihood() -> None:
    outcomes = world(np.random.default_rng(1), [0.0, 0.2, 0.5, 1.5], 40)
    wins = wins_of(outcomes)

    def loss(theta: np.ndarray) -> float:
        of_pairs = wins * special.log_expit(theta[:, None] - theta[None, :])
        prior = PRIOR * (special.log_expit(theta) + special.log_expit(-theta))
        return float(-of_pairs.sum() - prior.sum())

    best = optimize.minimize(loss, np.zeros(4), tol=1e-12).x
    fit = bradley_terry(outcomes, draws=2)
    assert fit.theta == pytest.approx(best - best.mean(), abs=1e-5)
    assert fit.win_probability[3, 0] == pytest.approx(special.expit(best[3] - best[0]), abs=1e-5)
    assert [i.point for i in fit.against_average] == pytest.approx(special.expit(best - best.mean()), abs=1e-5)


def test_fit_is_that_of_a_logistic_regression_in_large_samples() -> None:
    outcomes = world(np.random.default_rng(2), [0.0, 0.3, 0.8], 5000)
    wins = wins_of(outcomes)
    pairs = [(0, 1), (0, 2), (1, 2)]
    design = np.array([np.eye(3)[i] - np.eye(3)[j] for i, j in pairs])[:, 1:]
    share = np.array([[wins[i, j], wins[j, i]] for i, j in pairs])
    theta = np.append(0.0, sm.GLM(share, design, family=sm.families.Binomial()).fit().params)
    assert bradley_terry(outcomes, draws=2).theta == pytest.approx(theta - theta.mean(), abs=1e-3)


def test_two_systems_alike_and_one_that_wins_everything() -> None:
    equal = bradley_terry(world(np.random.default_rng(3), [0.0, 0.0], 30, tie=99.0))
    assert equal.theta == pytest.approx([0.0, 0.0], abs=1e-9)
    assert equal.against_average[0].low < 0.5 < equal.against_average[0].high
    won = np.zeros((2, 2, 10))
    won[0, 1] = 1.0
    fit = bradley_terry(won)
    best, worst = fit.against_average
    assert np.isfinite(fit.theta).all()
    assert 0.5 < best.low < 0.9 < best.point <= best.high < 1.0
    assert worst.high == pytest.approx(1 - best.low, abs=0.03)


def test_same_seed_same_result() -> None:
    outcomes = world(np.random.default_rng(4), [0.0, 1.0], 20)
    first, second = bradley_terry(outcomes), bradley_terry(outcomes, rng=np.random.default_rng(0))
    assert first.against_average == second.against_average


@pytest.mark.parametrize(
    ("means", "n"), [([0.0, 0.2, 0.5, 1.0], 10), ([0.0, 0.0, 3.0], 10), ([0.0, 0.2, 0.5, 1.0], 50)]
)
def test_coverage_over_questions(means: list[float], n: int) -> None:
    """The truth is the fit to an endless sample."""
    rng = np.random.default_rng(20261130)
    truth = [i.point for i in bradley_terry(world(rng, means, 50_000), draws=2).against_average]
    hits: list[list[bool]] = []
    for _ in range(150):
        fit = bradley_terry(world(rng, means, n), rng=rng, draws=200)
        hits.append([i.low <= t <= i.high for i, t in zip(fit.against_average, truth, strict=True)])
    assert np.mean(hits, axis=0).min() >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize("rare", [False, True])
def test_rank_ranges_of_equal_runs_err_in_at_most_a_twentieth(rare: bool) -> None:
    """Four runs; where `rare`, two of them lose to all others on 5% of the questions, and win a little more else."""
    rng = np.random.default_rng(20261201)
    told_apart = 0
    for _ in range(60):
        quality = rng.standard_normal((4, 20))
        if rare:
            quality[:2] += np.where(rng.random(20) < 0.05, -9.0, 0.095)
        lead = quality[:, None, :] - quality[None, :, :]
        outcomes = np.where(lead > 0.5, 1.0, np.where(lead < -0.5, 0.0, 0.5))
        shares = (outcomes.sum(axis=1) - 0.5) / 3
        places = rank_ranges([dict(zip(map(str, range(20)), row.tolist(), strict=True)) for row in shares])
        told_apart += any(place != (1, 4) for place in places)
    assert told_apart / 60 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        (np.zeros((2, 3, 4)), "shape"),
        (np.zeros((1, 1, 4)), "shape"),
        (np.zeros((2, 2, 0)), "shape"),
        (np.full((2, 2, 1), 2.0), "outside"),
        (np.full((2, 2, 1), np.nan), "outside"),
        (np.zeros((2, 2, 1)), "mirrored"),
    ],
)
def test_refuses(outcomes: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bradley_terry(outcomes)
