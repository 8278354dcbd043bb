"""The intervals of evidence metrics cover: means over questions, and paired differences between two sizes of passages.

Scores are not drawn from a distribution but made by the metrics, from simulated evidence and rankings: many 0 and 1 and
what lies in between for recall, small and skewed numbers for precision and IoU. The truth is the mean of a population
of 20,000 questions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from rageval.metrics import ALL_METRICS, Metric
from rageval.metrics.evidence import EvidenceArrays, PassageArrays, score_evidence_arrays
from rageval.stats import mean_interval

POPULATION, DOCUMENT, K = 20_000, 15_000, 5
REPETITIONS = 250
METRICS = [Metric(one.name, K) for one in ALL_METRICS if one.kind == "evidence"]


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


def least(coverage: float) -> float:
    """Three standard errors of the simulation below."""
    return coverage - 3 * math.sqrt(coverage * (1 - coverage) / REPETITIONS)


def test_the_populations_are_of_the_kind_that_is_hard() -> None:
    """Recall: many 0 and 1, and others in between. Precision: a small mean, skewed to the right."""
    recall, precision = METRICS[0], METRICS[3]
    assert (recall.name, precision.name) == ("evidence_recall", "evidence_precision")
    for setting in SETTINGS:
        scores = population(setting)
        ends = np.isin(scores[recall], (0.0, 1.0)).mean()
        assert 0.1 < ends < 1.0, setting.name
        assert scores[precision].mean() < 0.25
        assert np.median(scores[precision]) < scores[precision].mean()
    assert population(SETTINGS[0])[recall].mean() < 0.2
    assert population(SETTINGS[-1])[recall].mean() > 0.85


@pytest.mark.parametrize("n", [15, 40, 120])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_interval_of_a_mean_covers(setting: Setting, n: int) -> None:
    rng = np.random.default_rng(n)
    covered = dict.fromkeys(METRICS, 0)
    for _ in range(REPETITIONS):
        drawn = rng.integers(0, POPULATION, n)
        for metric in METRICS:
            scores = population(setting)[metric]
            interval = mean_interval(scores[drawn])
            covered[metric] += interval.low <= scores.mean() <= interval.high
    for metric in METRICS:
        assert covered[metric] / REPETITIONS >= least(0.93), str(metric)


@pytest.mark.parametrize("n", [40, 120])
def test_the_interval_of_a_difference_between_sizes_covers(n: int) -> None:
    rng = np.random.default_rng(n)
    small, large = map(population, PAIR)
    covered = dict.fromkeys(METRICS, 0)
    for _ in range(REPETITIONS):
        drawn = rng.integers(0, POPULATION, n)
        for metric in METRICS:
            change = large[metric] - small[metric]
            interval = mean_interval(change[drawn], bounds=(-1.0, 1.0))
            covered[metric] += interval.low <= change.mean() <= interval.high
    for metric in METRICS:
        assert covered[metric] / REPETITIONS >= least(0.93), str(metric)
