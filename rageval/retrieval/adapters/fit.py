"""Training of an adapter: plain gradients in numpy, every draw from one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.models.base import Vectors
from rageval.retrieval.adapters.examples import Examples

_BATCH = 64
_DECAY = 0.9, 0.999  # Kingma and Ba 2015, arXiv 1412.6980
_TINY = 1e-8
_PATIENCE = 10
_HELD_OUT = 0.2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Epoch:
    """How good the adapter was after so many passes over the training questions: the mean reciprocal rank of the
    held-out questions' passages among all passages.
    """

    number: int
    held_out: float


def fit(
    examples: Examples,
    *,
    rank: int | None = None,
    temperature: float = 0.05,
    penalty: float = 1e-3,
    rate: float = 1e-4,
    epochs: int = 100,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[tuple[Vectors, ...], tuple[Epoch, ...]]:
    """The factors of a `QueryAdapter`, and how good they were after each epoch; epoch 0 is no adapter.

    The loss of a question is the cross-entropy between its targets and the softmax of cos / `temperature` over its
    candidates and those that other questions of the batch have as their targets: with one passage as the target it is
    InfoNCE (van den Oord et al. 2018, arXiv 1807.03748), with shares over several their KL divergence up to a constant
    (RA-DIT, Lin et al. 2023, arXiv 2310.01352). `penalty` times the sum of squares of F is added. A `rank` makes F a
    product of two matrices; `rate` is how far a step goes. A fifth of the questions is held out. Training ends where
    the mean reciprocal rank of their passages has not grown for 10 epochs, and the best epoch's factors are returned:
    zeros where none beats epoch 0.

    Raises DeclarationError for fewer than 10 questions and for settings out of range.
    """
    n, dim = examples.questions.shape
    if n < 10:
        raise DeclarationError(f"found {n} questions with relevant passages, expected at least 10 to train on")
    for name, value in (
        ("temperature", temperature),
        ("rate", rate),
        ("epochs", epochs),
        ("rank", 1 if rank is None else rank),
    ):
        if value <= 0:
            raise DeclarationError(f"{name}: found {value}, expected more than 0")
    draws = np.random.default_rng(seed)
    order = draws.permutation(n)
    held_out, trained = order[: max(1, round(_HELD_OUT * n))], order[max(1, round(_HELD_OUT * n)) :]
    factors = _start(dim, rank, draws)
    best, history = [np.zeros_like(one) for one in factors], [Epoch(0, _reciprocal_rank(examples, held_out, ()))]
    adam = _Adam(factors, rate)
    since = 0
    for number in range(1, epochs + 1):
        for some in _batches(draws.permutation(trained)):
            adam.step(_gradients(examples, some, factors, temperature, penalty))
        history.append(Epoch(number, _reciprocal_rank(examples, held_out, factors)))
        if on_epoch is not None:
            on_epoch(history[-1])
        since += 1
        if history[-1].held_out > max(epoch.held_out for epoch in history[:-1]):
            best, since = [one.copy() for one in factors], 0
        if since == _PATIENCE:
            break
    return tuple(one.astype(np.float32) for one in best), tuple(history)


def _start(dim: int, rank: int | None, draws: np.random.Generator) -> list[Floats]:
    """Factors whose product is 0."""
    if rank is None:
        return [np.zeros((dim, dim))]
    return [draws.normal(scale=dim**-0.5, size=(dim, rank)), np.zeros((rank, dim))]


def _batches(order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]


def _moved(questions: Floats, factors: Sequence[Floats]) -> tuple[Floats, Floats]:
    """The questions with their change, and of unit length."""
    change = questions
    for factor in factors:
        change = change @ factor
    raw = questions + change if factors else questions
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    return raw / lengths, lengths


def _gradients(
    examples: Examples, some: NDArray[np.int64], factors: Sequence[Floats], temperature: float, penalty: float
) -> list[Floats]:
    """Of the mean loss of these questions, for each factor."""
    asked = examples.questions[some].astype(np.float64)
    moved, lengths = _moved(asked, factors)
    columns, targets = examples.columns(some)
    vectors = examples.passages[columns].astype(np.float64)
    logits = np.where(np.isnan(targets), -np.inf, moved @ vectors.T / temperature)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    back = (shares - np.nan_to_num(targets)) @ vectors / (temperature * len(some))
    back = (back - (back * moved).sum(axis=1, keepdims=True) * moved) / lengths
    if len(factors) == 1:
        return [asked.T @ back + 2.0 * penalty * factors[0]]
    left, right = factors
    whole = left @ right
    return [
        asked.T @ (back @ right.T) + 2.0 * penalty * whole @ right.T,
        (asked @ left).T @ back + 2.0 * penalty * left.T @ whole,
    ]


def loss(
    examples: Examples, some: NDArray[np.int64], factors: Sequence[Floats], temperature: float, penalty: float
) -> float:
    """The mean loss of these questions, as `fit` lowers it."""
    moved, _ = _moved(examples.questions[some].astype(np.float64), factors)
    columns, targets = examples.columns(some)
    logits = np.where(np.isnan(targets), -np.inf, moved @ examples.passages[columns].T.astype(np.float64) / temperature)
    top = logits.max(axis=1, keepdims=True)
    log_shares = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    wanted = np.nan_to_num(targets)
    crossed = -(wanted * np.where(wanted > 0.0, log_shares, 0.0)).sum(axis=1).mean()
    whole = factors[0] if len(factors) == 1 else factors[0] @ factors[1]
    return float(crossed + penalty * (whole * whole).sum())


def _reciprocal_rank(examples: Examples, some: NDArray[np.int64], factors: Sequence[Floats]) -> float:
    """The mean over questions of 1 / the rank of the best passage among their targets."""
    moved, _ = _moved(examples.questions[some].astype(np.float64), factors)
    cosines = moved @ examples.passages.T.astype(np.float64)
    found = 0.0
    for row, question in zip(cosines, some, strict=True):
        best = row[[*examples.relevant[question]]].max()
        found += 1.0 / (1 + int((row > best).sum()))
    return found / len(some)


class _Adam:
    """Steps against the gradient, each number by its own rate (Kingma and Ba 2015); the factors change in place."""

    def __init__(self, factors: Sequence[Floats], rate: float) -> None:
        self._factors = factors
        self._rate = rate
        self._mean = [np.zeros_like(one) for one in factors]
        self._square = [np.zeros_like(one) for one in factors]
        self._steps = 0

    def step(self, gradients: Sequence[Floats]) -> None:
        self._steps += 1
        first, second = _DECAY
        for number, gradient in enumerate(gradients):
            self._mean[number] = first * self._mean[number] + (1.0 - first) * gradient
            self._square[number] = second * self._square[number] + (1.0 - second) * gradient**2
            mean = self._mean[number] / (1.0 - first**self._steps)
            square = self._square[number] / (1.0 - second**self._steps)
            self._factors[number][...] -= self._rate * mean / (np.sqrt(square) + _TINY)
