"""People on few, an expert model on some, a cheap judge on all: how often it covers, and what each level buys.

`python -m tests.statistics.multilevel_draws 300` prints the table of docs/active_labels.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.multilevel import multilevel_mean

ITEMS = 1000
EXPERTS = {"good": 0.95, "fair": 0.85, "useless": 0.5}
CHEAP = {"good": 0.85, "fair": 0.75, "useless": 0.5}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """Coverage of all three, and of people and judge; mean widths of people alone, with the judge, of all three, and
    of the expert without people; how often the last covers people's mean.
    """

    covered: float
    covered_two: float
    people: float
    two: float
    three: float
    expert: float
    covered_expert: float


def scores(labels: Floats, right: float, graded: bool, rng: np.random.Generator) -> Floats:
    """Of a model that is right on that share; or, `graded`, that share of whose score is the label, the rest noise."""
    if graded:
        weight = 2.0 * right - 1.0
        return np.clip(weight * labels + (1.0 - weight) * rng.random(labels.size), 0.0, 1.0)
    return np.where(rng.random(labels.size) < right, labels, 1.0 - labels)


def draws(
    rate: float,
    n: int,
    m: int,
    expert: float,
    judge: float,
    reps: int,
    rng: np.random.Generator,
    *,
    graded: bool = False,
) -> Levels:
    """`n` labels, `m` scores of an expert that is right on that share, and 1,000 of a judge."""
    found = np.zeros((reps, 7))
    for row in found:
        labels = (
            rng.binomial(4, rng.beta(3.0 * rate, 3.0 * (1.0 - rate), ITEMS)) / 4.0
            if graded
            else (rng.random(ITEMS) < rate).astype(np.float64)
        )
        g, f = (scores(labels, right, graded, rng) for right in (expert, judge))
        result = multilevel_mean(labels[:n], g[:m], f, rng=rng)
        assert result.people is not None
        assert result.people_and_judge is not None
        three, two, only = result.interval, result.people_and_judge, result.expert_and_judge
        row[:] = (
            three.low <= rate <= three.high,
            two.low <= rate <= two.high,
            result.people.width,
            two.width,
            three.width,
            only.width,
            only.low <= rate <= only.high,
        )
    return Levels(*found.mean(axis=0).tolist())


if __name__ == "__main__":
    reps = int(sys.argv[1])
    rng = np.random.default_rng(0)
    print("| labels | rate | expert, judge | n, m | covered | people | with judge | all three | expert, no people |")
    print("|---" * 9 + "|")
    for graded in (False, True):
        for rate in (0.7, 0.9, 0.97):
            for expert, judge in (("good", "fair"), ("fair", "fair"), ("good", "useless"), ("useless", "good")):
                for n, m in ((20, 100), (50, 200), (50, 500), (100, 300)):
                    if (n, m) != (50, 200) and (expert, judge) not in (("good", "fair"), ("useless", "good")):
                        continue
                    one = draws(rate, n, m, EXPERTS[expert], CHEAP[judge], reps, rng, graded=graded)
                    print(
                        f"| {'graded' if graded else '0 or 1'} | {rate:g} | {expert}, {judge} | {n}, {m} "
                        f"| {one.covered:.3f} | {one.people:.3f} | {one.two:.3f} | {one.three:.3f} "
                        f"| {one.expert:.3f} ({one.covered_expert:.2f}) |",
                        flush=True,
                    )
