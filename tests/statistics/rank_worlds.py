"""Worlds in which systems have equal means, and how often some pair of them is told apart all the same.

    python -m tests.statistics.rank_worlds [REPETITIONS]     # prints the table of docs/statistics.md

1,000 repetitions take about half an hour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from rageval.stats.many import PairedTests, mean_tests, paired_permutation

Test = Callable[..., PairedTests]
World = Callable[[np.random.Generator, int], np.ndarray]
SIZES = (10, 20, 50, 100, 200, 400)


def rare_losses(gain: float, loss: float, share: float, systems: int, of_them: int) -> World:
    """Equal means: some systems gain a little but on a small share of the questions, where they lose much."""
    if not np.isclose(gain * (1 - share), loss * share, rtol=0.05):
        raise ValueError(f"found gain {gain}, loss {loss}, share {share}, expected a mean of 0")

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        scores = np.tile((1.0 - gain) - (1.0 - gain - loss) * rng.random(n) ** 3, (systems, 1))
        scores[:of_them] += np.where(rng.random((of_them, n)) < share, -loss, gain)
        return scores.clip(0.0, 1.0)

    return draw


def alike(rng: np.random.Generator, n: int) -> np.ndarray:
    """Eight systems, questions easy and hard for all, noise."""
    return (0.5 + 0.15 * rng.normal(size=n) + 0.1 * rng.normal(size=(8, n))).clip(0.0, 1.0)


def coins(rng: np.random.Generator, n: int) -> np.ndarray:
    """Eight systems that are right on 98% of the questions."""
    return (rng.random((8, n)) < 0.98).astype(float)


WORLDS: dict[str, World] = {
    "4 of 8 gain .02, lose .38 on 5%": rare_losses(0.02, 0.38, 0.05, 8, 4),
    "4 of 8 gain .11, lose 1 on 10%": rare_losses(0.11, 0.89, 0.11, 8, 4),
    "12 of 24 gain .03, lose .6 on 5%": rare_losses(0.03, 0.6, 0.048, 24, 12),
    "1 of 2 gains .01, loses .5 on 2%": rare_losses(0.01, 0.5, 0.02, 2, 1),
    "8 alike": alike,
    "8 right on 98%": coins,
}


def told_apart(world: World, n: int, repetitions: int, test: Test = mean_tests) -> float:
    """How often some pair is told apart at 5%."""
    rng = np.random.default_rng(19)
    claims = [test(world(rng, n), rng=rng).p_adjusted.min() <= 0.05 for _ in range(repetitions)]
    return float(np.mean(claims))


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"| equal means, {repetitions} draws | {' | '.join(f'n = {n}' for n in SIZES)} |")
    print(f"|---|{'---|' * len(SIZES)}")
    for name, world in WORLDS.items():
        cells = [
            f"{told_apart(world, n, repetitions):.3f} ({told_apart(world, n, repetitions, paired_permutation):.2f})"
            for n in SIZES
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
