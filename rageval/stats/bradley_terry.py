"""Strengths of several systems from comparisons of pairs: Bradley and Terry 1952 (Biometrika 39), ties counted half.

P(i beats j) = logistic(θi - θj). Systems are compared on the same questions, so all pairs of a question are drawn
together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level
from rageval.stats.intervals import JEFFREYS, Interval

Floats = NDArray[np.float64]

DRAWS = 1000
PRIOR = 0.1
_MOST_STEPS = 100
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class BradleyTerry:
    """Strengths `theta`, of mean 0, shape (systems,), and for each system P(it beats the average one), with an interval
    over questions.

    The average system has the strength 0. `win_probability[i, j]` is P(i beats j) by the fit, of shape (systems,
    systems).
    """

    theta: Floats
    against_average: tuple[Interval, ...]
    win_probability: Floats


def bradley_terry(
    outcomes: Floats, *, level: float = 0.95, rng: np.random.Generator | None = None, draws: int = DRAWS
) -> BradleyTerry:
    """Fit strengths to `outcomes` of shape (systems, systems, questions): 1 where the first system beats the second on
    a question, 0 where it loses, 0.5 for a tie, and [j, i] = 1 - [i, j]. The diagonal is not read.

    Each system also has a tenth of a win and of a loss against an opponent of strength 0 (`PRIOR`), so that one which
    wins everything has a finite strength.

    Intervals are the quantiles of a Bayesian bootstrap over questions (`dirichlet`), with half a question more: for a
    low end the system loses to all others on it, for a high end it beats them all.

    Raises ValueError for another shape, fewer than two systems, no question, or outcomes outside [0, 1] or that are not
    mirrored.
    """
    x = np.asarray(outcomes, dtype=np.float64)
    check_level(level, "bradley_terry")
    if x.ndim != 3 or x.shape[0] != x.shape[1] or x.shape[0] < 2 or x.shape[2] < 1:
        raise ValueError(
            f"bradley_terry: found shape {x.shape}, expected systems x systems x questions, two systems up"
        )
    systems, _, questions = x.shape
    other = ~np.eye(systems, dtype=bool)
    if not np.all((x[other] >= 0.0) & (x[other] <= 1.0)):
        raise ValueError("bradley_terry: found outcomes outside [0, 1] or NaN, expected 1, 0, or 0.5 for a tie")
    if not np.allclose((x + x.transpose(1, 0, 2))[other], 1.0):
        raise ValueError("bradley_terry: found outcomes that are not mirrored, expected [j, i] = 1 - [i, j]")
    x = np.where(other[:, :, None], x, 0.0)
    theta = _fit(x.sum(axis=2)[None], np.full((1, systems, systems), float(questions)), np.zeros((1, systems)))[0]
    rng = rng or np.random.default_rng(0)
    weights = rng.standard_exponential((draws, questions))
    unseen = rng.standard_gamma(JEFFREYS[0], draws)
    scale = questions / (weights.sum(axis=1) + unseen)
    weights, unseen = weights * scale[:, None], unseen * scale
    wins = np.einsum("dq,ijq->dij", weights, x)
    games = np.zeros_like(wins) + weights.sum(axis=1)[:, None, None]
    start = np.repeat(theta[None], draws, axis=0)
    against: list[Interval] = []
    for i in range(systems):
        ends: list[Floats] = []
        for best in (False, True):
            won, played = wins.copy(), games.copy()
            played[:, i, :] += unseen[:, None]
            played[:, :, i] += unseen[:, None]
            if best:
                won[:, i, :] += unseen[:, None]
            else:
                won[:, :, i] += unseen[:, None]
            ends.append(_logistic(_fit(won, played, start)[:, i]))
        low, high = np.quantile(ends[0], (1.0 - level) / 2.0), np.quantile(ends[1], (1.0 + level) / 2.0)
        point = float(_logistic(theta[i]))
        against.append(Interval(point, min(float(low), point), max(float(high), point), level, "dirichlet", questions))
    return BradleyTerry(theta, tuple(against), _logistic(theta[:, None] - theta[None, :]))


def _fit(wins: Floats, games: Floats, start: Floats) -> Floats:
    """The strengths of each of several tables, shape (tables, systems), by Newton's method on the penalised likelihood.

    `wins[t, i, j]` is how often i beat j in `games[t, i, j]`; diagonals are not read. The likelihood is strictly
    concave. Steps of more than 1 are cut, and so it converges from any start.
    """
    off = 1.0 - np.eye(wins.shape[1])
    won = (wins * off).sum(axis=2) + PRIOR
    games = games * off
    theta: Floats = start
    for _ in range(_MOST_STEPS):
        expected = _logistic(theta[:, :, None] - theta[:, None, :])
        alone = _logistic(theta)
        gradient: Floats = won - (games * expected).sum(axis=2) - 2.0 * PRIOR * alone
        curvature = games * expected * (1.0 - expected)
        diagonal = curvature.sum(axis=2) + 2.0 * PRIOR * alone * (1.0 - alone)
        hessian: Floats = diagonal[:, :, None] * np.eye(theta.shape[1]) - curvature
        step = np.asarray(np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0], dtype=np.float64)
        theta = theta + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < _CLOSE:
            break
    return theta - theta.mean(axis=1, keepdims=True)


def _logistic(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(x / 2.0))
