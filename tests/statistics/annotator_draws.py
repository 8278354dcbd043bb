"""How often an interval stretched for annotators covers: `python -m tests.statistics.annotator_draws 1000`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from rageval.scores.human_labels import HumanLabel, MetricLabels
from rageval.scores.run_labels import annotator_variance
from rageval.stats import mean_interval
from rageval.stats.annotators import stretch_for_annotators

QUESTIONS = 50
SPREADS = (0.0, 0.05, 0.1, 0.2)


def labels_of(table: np.ndarray) -> MetricLabels:
    """A row an annotator, a column a question; NaN where somebody did not label it."""
    given = [
        HumanLabel(f"q{question}", float(label), f"annotator {row}")
        for row, labels in enumerate(table)
        for question, label in enumerate(labels)
        if not np.isnan(label)
    ]
    return MetricLabels("faithfulness", tuple(given), None, "", {})


def draw(rng: np.random.Generator, sd: float, k: int, *, binary: bool, shared: bool) -> np.ndarray:
    """Labels by k annotators whose levels differ by that: of all questions, or of as many questions each."""
    quality = np.full(QUESTIONS, 0.65) if binary else rng.beta(8, 5, QUESTIONS)
    table = np.clip(quality + rng.normal(0, sd, (k, 1)), 0, 1)
    table = (rng.random(table.shape) < table).astype(float) if binary else table
    if not shared:
        table[np.arange(QUESTIONS) % k != np.arange(k)[:, None]] = np.nan
    return table


def true_mean(rng: np.random.Generator, sd: float, *, binary: bool) -> float:
    quality = 0.65 if binary else rng.beta(8, 5, 200_000)
    return float(np.clip(quality + rng.normal(0, sd, 200_000), 0, 1).mean())


def covered(sd: float, k: int, draws: int, *, binary: bool, shared: bool) -> tuple[float, float, float, float]:
    """Of the stretched interval and of the plain one: the share that covers, and the mean width."""
    rng = np.random.default_rng([k, round(100 * sd), binary, shared])
    truth = true_mean(rng, sd, binary=binary)
    found = np.zeros(4)
    for _ in range(draws):
        table = draw(rng, sd, k, binary=binary, shared=shared)
        plain = mean_interval(np.nanmean(table, axis=0))
        low, high = stretch_for_annotators(
            plain.point, plain.low, plain.high, annotator_variance(labels_of(table)), k, 0.95
        )
        low, high = max(low, 0.0), min(high, 1.0)
        found += [low <= truth <= high, high - low, plain.low <= truth <= plain.high, plain.width]
    stretched, width, alone, plain_width = (found / draws).tolist()
    return stretched, width, alone, plain_width


def rows(draws: int) -> Iterator[str]:
    """Markdown: coverage and width, in brackets those of the interval as it was."""
    yield "| labels | who labels | annotators | " + " | ".join(f"sd {sd:g}" for sd in SPREADS) + " |"
    yield "|---|---|---|" + "---|" * len(SPREADS)
    for binary in (True, False):
        for shared in (True, False):
            for k in (2, 3, 5):
                cells = [covered(sd, k, draws, binary=binary, shared=shared) for sd in SPREADS]
                texts = " | ".join(f"{a:.3f}, {b:.2f} ({c:.2f}, {d:.2f})" for a, b, c, d in cells)
                who = "all label all" if shared else "a part each"
                yield f"| {'0 or 1' if binary else 'graded'} | {who} | {k} | {texts} |"


if __name__ == "__main__":
    for row in rows(int(sys.argv[1])):
        print(row, flush=True)
