"""Worlds of repeated answers with a known share of chance, and how often the shares' intervals cover it.

`python -m tests.statistics.repeat_worlds 400` prints the table of docs/repeats.md.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from rageval.stats.components import variance_components

Floats = NDArray[np.float64]


def binary_world(rng: np.random.Generator, n: int, m: int, share: float, mean: float) -> Floats:
    """Right or wrong answers; the chance of a right one varies over questions so that `share` of the variance is chance
    in the answer. (Beta with a + b = k has E[p(1 - p)] = mean (1 - mean) k / (k + 1).)
    """
    k = share / (1.0 - share)
    rates = rng.beta(mean * k, (1.0 - mean) * k, n) if k else (rng.random(n) < mean).astype(np.float64)
    return (rng.random((n, m)) < rates[:, None]).astype(np.float64)


def graded_world(rng: np.random.Generator, n: int, m: int, share: float, mean: float) -> Floats:
    """Grades in fifths: each answer has the question's own grade, or with probability `fresh` a new draw from the same
    distribution, so that 1 - (1 - fresh)^2 of the variance is chance in the answer.
    """
    fresh = 1.0 - np.sqrt(1.0 - share)
    own = rng.binomial(5, mean, (n, 1)) / 5.0
    return np.where(rng.random((n, m)) < fresh, rng.binomial(5, mean, (n, m)) / 5.0, own)


WORLDS = {"binary": binary_world, "graded": graded_world}
SHARES = (0.0, 0.05, 0.2, 0.4, 0.6)
MEANS = (0.5, 0.85)


def covers(rng: np.random.Generator, kind: str, n: int, m: int, share: float, mean: float) -> tuple[bool, float]:
    """Whether the interval of the share of generation covers it, in one draw, and how wide it is."""
    found = variance_components(WORLDS[kind](rng, n, m, share, mean), rng=rng).generation_share
    if found is None:  # no two scores differ: nothing is claimed
        return True, 1.0
    return found.low - 1e-9 <= share <= found.high + 1e-9, found.width


def main(draws: int) -> None:
    rng = np.random.default_rng(0)
    print("| scores | n | m | coverage, mean | coverage, least | width at a share of 0.2 |\n|---|---|---|---|---|---|")
    for kind in WORLDS:
        for n, m in ((20, 2), (20, 5), (60, 3), (300, 2), (300, 5)):
            cells = {
                (share, mean): [covers(rng, kind, n, m, share, mean) for _ in range(draws)]
                for share in SHARES
                for mean in MEANS
            }
            rates = [float(np.mean([hit for hit, _ in cell])) for cell in cells.values()]
            width = float(np.mean([width for mean in MEANS for _, width in cells[0.2, mean]]))
            print(f"| {kind} | {n} | {m} | {np.mean(rates):.3f} | {min(rates):.3f} | {width:.2f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
