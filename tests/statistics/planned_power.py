"""How often a comparison comes to its verdict with the questions that were planned for a power of 80%.

    python -m tests.statistics.planned_power [DRAWS]     # prints the table of docs/planning.md

400 draws take about two minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rageval.stats import paired_difference, required_questions
from rageval.stats.quantiles import normal_quantile

Floats = NDArray[np.float64]
RARE = {"lose on 5%": -0.05, "lose on 2%": -0.02, "gain on 5%": 0.05}
NORMAL = np.array([normal_quantile((i + 0.5) / 61) for i in range(61)])
NORMAL /= NORMAL.std()


@dataclass(frozen=True)
class World:
    """Differences of one shape with this mean and standard deviation, compared on `tests` metrics at 95%."""

    shape: str
    difference: float
    sd: float
    tests: int = 1

    @cached_property
    def values(self) -> tuple[Floats, Floats]:
        """What differences there are, and how probable each is."""
        d, square = self.difference, self.sd**2 + self.difference**2
        if self.shape == "binary":
            return np.array([1.0, 0.0, -1.0]), np.array([(square + d) / 2, 1 - square, (square - d) / 2])
        if self.shape in RARE:
            share = abs(RARE[self.shape])
            reach = np.sign(RARE[self.shape]) * self.sd / np.sqrt(share * (1 - share))
            return np.array([d - share * reach, d + (1 - share) * reach]), np.array([1 - share, share])
        share = 0.2 if self.shape == "80% unchanged" else 1.0
        changed = d / share + np.sqrt(square / share - (d / share) ** 2) * NORMAL
        weights = np.full(NORMAL.size, share / NORMAL.size)
        return np.append(changed, 0.0), np.append(weights, 1.0 - share)

    @property
    def skewness(self) -> float:
        values, weights = self.values
        return float(weights @ (values - self.difference) ** 3) / self.sd**3

    @property
    def planned(self) -> int:
        return required_questions(
            self.difference, self.sd, tests=self.tests, skewness=self.skewness, binary=self.shape == "binary"
        )

    def shown(self, n: int, draws: int, seed: int = 0) -> float:
        """In which share of draws of n questions the candidate is found better."""
        rng = np.random.default_rng(seed)
        values, weights = self.values
        assert np.isclose(weights @ values, self.difference)
        assert np.isclose(weights @ (values - self.difference) ** 2, self.sd**2)
        found = 0
        for _ in range(draws):
            d = np.clip(rng.choice(values, n, p=weights), -1.0, 1.0)
            result = paired_difference(np.maximum(-d, 0.0), np.maximum(d, 0.0), rng=rng)
            found += result.p_value <= 0.05 / self.tests and result.difference.low > 0.0
        return found / draws


WORLDS = [
    World("normal", 0.01, 0.05),
    World("normal", 0.1, 0.05),
    World("normal", 0.03, 0.15),
    World("normal", 0.03, 0.15, 5),
    World("normal", 0.1, 0.3),
    World("normal", 0.1, 0.3, 5),
    World("80% unchanged", 0.03, 0.15),
    World("80% unchanged", 0.03, 0.15, 5),
    World("binary", 0.1, 0.4),
    World("binary", 0.1, 0.4, 5),
    World("lose on 5%", 0.01, 0.05),
    World("lose on 5%", 0.03, 0.15),
    World("lose on 5%", 0.03, 0.15, 5),
    World("lose on 2%", 0.01, 0.05),
    World("lose on 2%", 0.03, 0.05),
    World("gain on 5%", 0.03, 0.15),
]


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("| differences | difference | sd | metrics | questions by z | shown | planned | shown |\n" + "|---" * 8 + "|")
    for world in WORLDS:
        z = normal_quantile(1 - 0.025 / world.tests) + normal_quantile(0.8)
        before = max(2, int(np.ceil((z * world.sd / world.difference) ** 2)))
        print(
            f"| {world.shape} | {world.difference:g} | {world.sd:g} | {world.tests} | {before} "
            f"| {world.shown(before, draws):.2f} | {world.planned} | {world.shown(world.planned, draws):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
