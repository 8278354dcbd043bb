"""Evidence metrics made from simulated evidence and rankings, and how often their intervals cover.

    python -m tests.statistics.evidence_draws [REPETITIONS]     # writes docs/statistics_evidence.md

4,000 repetitions take about half an hour on two cores.

Scores are made by the metrics, not drawn from a distribution: many 0 and 1 and what lies in between for recall, small
and skewed numbers for precision and IoU. The truth is the mean of a population of 20,000 questions.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rageval.metrics import ALL_METRICS, Metric
from rageval.metrics.evidence import EvidenceArrays, PassageArrays, score_evidence_arrays
from rageval.stats import mean_interval

POPULATION, DOCUMENT, K = 20_000, 15_000, 5
METRICS = [Metric(one.name, K) for one in ALL_METRICS if one.kind == "evidence"]
PAGE = Path(__file__).parents[2] / "docs" / "statistics_evidence.md"


@dataclass(frozen=True)
class Setting:
    """Passages of `size` characters; each question's best passage is at a random one of the first `among` ranks."""

    name: str
    size: int
    among: int
    spans: int


SETTINGS = [
    Setting("small passages, seldom found", 150, 60, 2),
    Setting("small passages", 150, 8, 2),
    Setting("large passages", 1500, 9, 1),
    Setting("nearly always found", 1500, 5, 1),
]
PAIR = Setting("small passages, one span", 150, 8, 1), SETTINGS[2]
DIFFERENCE = "large less small passages"
MEAN_SIZES, DIFFERENCE_SIZES = (15, 40, 120), (40, 120)


@cache
def population(setting: Setting) -> Mapping[Metric, np.ndarray]:
    """Scores of all questions. Settings with as many spans have the same evidence, question by question."""
    rng = np.random.default_rng(20181)
    question = np.repeat(np.arange(POPULATION), setting.spans)
    length = np.minimum(rng.lognormal(4.6, 0.7, question.size).astype(int) + 5, 900)
    begin = rng.integers(0, DOCUMENT - length)
    hardness = rng.random(POPULATION)
    passages = DOCUMENT // setting.size
    order = np.argsort(rng.random((POPULATION, passages)), axis=1)
    best = begin[:: setting.spans] // setting.size
    rank = np.minimum((hardness**2 * setting.among).astype(int), passages - 1)
    rows = np.arange(POPULATION)
    place = np.argmax(order == best[:, None], axis=1)
    order[rows, place], order[rows, rank] = order[rows, rank], best
    start = order[:, :K].ravel() * setting.size
    of_passage = np.repeat(rows, K)
    nothing = np.zeros(of_passage.size, np.int64)
    return score_evidence_arrays(
        METRICS,
        PassageArrays(of_passage, nothing, start, start + setting.size),
        EvidenceArrays(question, nothing[: question.size], begin, begin + length, np.arange(question.size)),
        POPULATION,
    )


def coverage(setting: Setting | None, n: int, repetitions: int) -> dict[Metric, float]:
    """How often the interval from `n` questions covers the population's mean; without a setting, that of the paired
    difference between two sizes of passages.
    """
    if setting is None:
        small, large = map(population, PAIR)
        scores = {metric: large[metric] - small[metric] for metric in METRICS}
        bounds = (-1.0, 1.0)
    else:
        scores, bounds = population(setting), (0.0, 1.0)
    rng = np.random.default_rng(n)
    covered = dict.fromkeys(METRICS, 0)
    for _ in range(repetitions):
        drawn = rng.integers(0, POPULATION, n)
        for metric in METRICS:
            interval = mean_interval(scores[metric][drawn], bounds=bounds)
            covered[metric] += interval.low <= scores[metric].mean() <= interval.high
    return {metric: count / repetitions for metric, count in covered.items()}


def row(name: str, n: int, found: Mapping[Metric, float]) -> str:
    return f"| {name} | {n} | {' | '.join(f'{found[metric]:.3f}' for metric in METRICS)} |"


def _job(work: tuple[Setting | None, int, int]) -> dict[Metric, float]:
    return coverage(*work)


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    cells: list[tuple[Setting | None, int]] = [(setting, n) for setting in SETTINGS for n in MEAN_SIZES]
    cells += [(None, n) for n in DIFFERENCE_SIZES]
    with multiprocessing.Pool() as pool:
        results = list(pool.imap(_job, [(setting, n, repetitions) for setting, n in cells], chunksize=1))
    rows = [
        row(setting.name if setting else DIFFERENCE, n, found)
        for (setting, n), found in zip(cells, results, strict=True)
    ]
    every = [value for found in results for value in found.values()]
    PAGE.write_text(
        "# Coverage of nominal 95% intervals of evidence metrics\n\n"
        f"Written by `python -m tests.statistics.evidence_draws {repetitions}`: {repetitions:,} draws of n questions "
        f"from {POPULATION:,}, whose scores the metrics made from simulated evidence and rankings. On average "
        f"{np.mean(every):.3f}, at least {min(every):.3f}.\n\n"
        f"| passages | n | {' | '.join(map(str, METRICS))} |\n|---|---|{'---|' * len(METRICS)}\n"
        + "\n".join(rows)
        + "\n",
        encoding="utf-8",
    )
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
