"""How often gates of cost and latency err, and how often they pass an equally good candidate: a table for more draws.

    python tests/statistics/cost_draws.py [DRAWS]

`wrong pass` and `wrong fail` are for a candidate exactly at the margin (10% of the mean cost, 20% of the 95th
percentile): each should be at most 0.05. `rarely` is a candidate that costs three times as much on one question in
twenty. `equal` is how often a candidate with the baseline's distribution passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from rageval.stats import against_margin
from rageval.stats.order_statistics import QuantileMargin, make_quantile

Draw = Callable[[np.random.Generator, int], np.ndarray]

WORLDS: dict[str, Draw] = {
    "lognormal 0.3": lambda rng, n: rng.lognormal(0.0, 0.3, n),
    "lognormal 1.0": lambda rng, n: rng.lognormal(0.0, 1.0, n),
    "one in ten x 10": lambda rng, n: np.where(rng.random(n) < 0.1, 10.0, 1.0) * rng.lognormal(0.0, 0.2, n),
    "one in fifty x 50": lambda rng, n: np.where(rng.random(n) < 0.02, 50.0, 1.0) * rng.lognormal(0.0, 0.2, n),
    "pareto 1.5": lambda rng, n: 1.0 + rng.pareto(1.5, n),
}


def _cost(a: np.ndarray, b: np.ndarray) -> tuple[bool, bool]:
    scale = 1.1 * max(a.max(), b.max())
    found = against_margin(1.0 - 1.1 * a / scale, 1.0 - b / scale, 0.0)
    return found.p_pass <= 0.05, found.p_fail <= 0.05


def _latency(a: np.ndarray, b: np.ndarray) -> tuple[bool, bool]:
    found = QuantileMargin(make_quantile(a, 0.95), make_quantile(b, 0.95), factor=1.2)
    return found.low(0.05) > 0.0, found.high(0.05) < 0.0


def _row(draw: Draw, n: int, draws: int, rng: np.random.Generator) -> list[float]:
    counts = np.zeros(8)
    for _ in range(draws):
        a = draw(rng, n)
        noise = rng.lognormal(-0.045, 0.3, n)
        dearer, rarely = 1.1 * a * noise, a * np.where(rng.random(n) < 0.05, 3.0, 1.0)
        costs = [*_cost(a, dearer), *_cost(a, rarely), _cost(a, a * noise)[0]]
        latencies = [*_latency(a, 1.2 * draw(rng, n)), _latency(a, draw(rng, n))[0]]
        counts += [*costs, *latencies]
    return (counts / draws).tolist()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    names = ["wrong pass", "wrong fail", "rarely: wrong pass", "wrong fail", "equal"]
    print("| world | n |", " | ".join(f"cost: {name}" for name in names), end=" | ")
    print("p95: wrong pass | p95: wrong fail | p95: equal |")
    for world, draw in WORLDS.items():
        for n in (20, 50, 100, 200, 500):
            rng = np.random.default_rng([n, len(world)])
            print(f"| {world} | {n} |", " | ".join(f"{x:.3f}" for x in _row(draw, n, draws, rng)), "|", flush=True)
