"""Logistic regression with signs that are fixed and weights that are pulled towards given ones. numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_SWEEPS = 500
_STEP = 1e-8
_MOST = 30.0


@dataclass(frozen=True, slots=True)
class Logistic:
    """log odds = bias + sum of weights · (feature - mean) / sd."""

    weights: Floats
    bias: float

    def probabilities(self, x: Floats) -> Floats:
        """P(yes) of each row of standardized features."""
        return sigmoid(x @ self.weights + self.bias)


def fit(
    x: Floats,
    labels: Sequence[int],
    signs: Sequence[int],
    strength: float,
    *,
    counts: Floats | None = None,
    towards: Logistic | None = None,
) -> Logistic:
    """The weights and bias of least penalized loss: the mean log loss + strength / 2 · |weights - towards|².

    `x` has a row of standardized features for each label, 0 or 1. No weight has another sign than its entry of `signs`,
    1 or -1; the weights of `towards` (0 without it) must have these signs too. `counts` is how much each row counts (1
    without it). The bias is not penalized. Coordinate descent with Newton steps: the loss is convex, and each step is
    clipped at 0. Raises ValueError where a label is missing.
    """
    y = np.asarray(labels, dtype=np.float64)
    if y.size != x.shape[0] or not 0.0 < y.mean() < 1.0:
        raise ValueError(f"fit: found {y.size} labels with {int(y.sum())} of 1, expected both labels, one for each row")
    share = np.full(y.size, 1.0 / y.size) if counts is None else counts / counts.sum()
    origin = np.zeros(x.shape[1]) if towards is None else towards.weights
    weights = origin.copy()
    bias = 0.0 if towards is None else towards.bias
    score = x @ weights + bias
    for _ in range(_SWEEPS):
        moved = 0.0
        for j in range(-1, x.shape[1]):
            p = sigmoid(score)
            column = 1.0 if j < 0 else x[:, j]
            slope = float(np.sum(share * (p - y) * column))
            bend = float(np.sum(share * p * (1.0 - p) * column * column)) + _STEP
            if j < 0:
                step = _bounded(-slope / bend)
                bias += step
            else:
                new = weights[j] - _bounded((slope + strength * (weights[j] - origin[j])) / (bend + strength))
                new = max(new, 0.0) if signs[j] > 0 else min(new, 0.0)
                step, weights[j] = new - weights[j], new
            score = score + step * column
            moved = max(moved, abs(step))
        if moved < _STEP:
            break
    return Logistic(weights, bias)


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), finite for any z."""
    return 0.5 * (1.0 + np.tanh(np.clip(z, -_MOST, _MOST) / 2.0))


def _bounded(step: float) -> float:
    """A Newton step far from the minimum may be much too long."""
    return max(-1.0, min(1.0, step))
