"""Labels drawn where the judge is in doubt, beside as many at random: how often they cover, and how wide they are.

`python -m tests.statistics.active_draws 250` prints the table; ten minutes on one core. Each draw makes N items anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats import ppi_mean
from rageval.stats.active import active_difference, active_mean, doubts, draw_probabilities
from rageval.stats.labelled import labelled_difference

ITEMS = 1000
RATES = (0.5, 0.8, 0.95, 0.98)
LABELS = (20, 50, 100, 200)
CALIBRATED, OVERSURE, VERDICTS, NOISE = "calibrated", "too sure", "verdicts", "noise"
GRADED, GRADED_NOISE = "graded", "graded, noise"
JUDGES = (CALIBRATED, OVERSURE, VERDICTS, NOISE, GRADED, GRADED_NOISE)

Floats = NDArray[np.float64]


def make_items(judge: str, rate: float, items: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """People's labels, with mean `rate` in expectation, and the scores of that judge.

    A calibrated judge gives the true probability of a 1, mostly near 0 or 1. One that is too sure has it wrong way
    round on one item in eight, and cubes the odds. Verdicts are 0 or 1 and right on nine of ten. The graded judge sees
    the label, a quarter, with noise of 0.15.
    """
    if judge in (GRADED, GRADED_NOISE):
        labels = rng.binomial(4, rng.beta(3.0 * rate, 3.0 * (1.0 - rate), items)) / 4.0
        seen = np.clip(labels + rng.normal(0.0, 0.15, items), 0.0, 1.0)
        return labels, seen if judge == GRADED else rng.random(items)
    chance = rng.beta(0.25 * rate, 0.25 * (1.0 - rate), items)
    labels = (rng.random(items) < chance).astype(np.float64)
    if judge == CALIBRATED:
        return labels, chance
    if judge == VERDICTS:
        return labels, np.where(rng.random(items) < 0.1, 1.0 - labels, labels)
    if judge == NOISE:
        return labels, rng.beta(2.0, 2.0, items)
    said = np.where(rng.random(items) < 1.0 / 8.0, 1.0 - chance, chance).clip(1e-4, 1.0 - 1e-4)
    return labels, said**3 / (said**3 + (1.0 - said) ** 3)


@dataclass(frozen=True)
class Drawn:
    """Coverage of the interval from draws, of the one from as many labels at random, their mean widths, labels."""

    covered: float
    covered_random: float
    width: float
    width_random: float
    labels: float


def mean_draws(judge: str, rate: float, draws: int, reps: int, rng: np.random.Generator, items: int = ITEMS) -> Drawn:
    """Of a mean, by `draws` draws, and by as many labels as these have different items."""
    found = np.zeros((reps, 5))
    for row in found:
        labels, judged = make_items(judge, rate, items, rng)
        p = draw_probabilities(doubts(judged))
        drawn = rng.choice(items, draws, p=p)
        active = active_mean(labels[drawn], drawn, judged, p, rng=rng).interval
        n = np.unique(drawn).size
        order = rng.permutation(items)
        uniform = ppi_mean(labels[order[:n]], judged[order[:n]], judged[order[n:]], rng=rng)
        row[:] = (
            active.low <= rate <= active.high,
            uniform.low <= rate <= uniform.high,
            active.width,
            uniform.width,
            n,
        )
    return Drawn(*found.mean(axis=0).tolist())


def difference_draws(
    judge: str, rate: float, loss: float, draws: int, reps: int, rng: np.random.Generator, items: int = ITEMS
) -> Drawn:
    """Of the difference between two systems, the second `loss` below the first, likewise; levels of 95%."""
    found = np.zeros((reps, 5))
    for row in found:
        (y_a, f_a), (y_b, f_b) = (make_items(judge, r, items, rng) for r in (rate, rate - loss))
        y, f = y_b - y_a, f_b - f_a
        p = draw_probabilities(np.hypot(doubts(f_a), doubts(f_b)))
        drawn = rng.choice(items, draws, p=p)
        low, high = active_difference(y[drawn], drawn, f, p, rng=rng).interval(0.95)
        n = np.unique(drawn).size
        order = rng.permutation(items)
        other = labelled_difference(y[order[:n]], f[order[:n]], f[order[n:]], rng=rng).interval(0.95)
        row[:] = low <= -loss <= high, other[0] <= -loss <= other[1], high - low, other[1] - other[0], n
    return Drawn(*found.mean(axis=0).tolist())


def table(reps: int, items: int) -> Iterator[str]:
    """Markdown: a row for each judge and rate, a column for each number of draws."""
    yield "| judge | rate | " + " | ".join(f"n = {n}" for n in LABELS) + " |"
    yield "|---" * (len(LABELS) + 2) + "|"
    for judge in JUDGES:
        rng = np.random.default_rng(0)
        for rate in RATES:
            cells = [mean_draws(judge, rate, n, reps, rng, items) for n in LABELS]
            yield f"| {judge} | {rate:g} | " + " | ".join(_cell(one) for one in cells) + " |"
    for judge in JUDGES:
        rng = np.random.default_rng(0)
        cells = [difference_draws(judge, 0.8, 0.1, n, reps, rng, items) for n in LABELS]
        yield f"| difference, {judge} | 0.8, 0.7 | " + " | ".join(_cell(one) for one in cells) + " |"


def _cell(one: Drawn) -> str:
    return f"{one.covered:.3f} ({one.covered_random:.3f}), {one.width / one.width_random:.2f}"


if __name__ == "__main__":
    for line in table(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ITEMS):
        print(line, flush=True)
