"""The intervals of evidence metrics cover: means over questions, and paired differences between two sizes of passages.

docs/statistics_evidence.md has all settings with many repetitions; here each is repeated less often.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tests.statistics.evidence_draws import (
    DIFFERENCE_SIZES,
    MEAN_SIZES,
    METRICS,
    PAGE,
    SETTINGS,
    Setting,
    coverage,
    population,
)

REPETITIONS = 250
LEAST = 0.93


def least() -> float:
    """Three standard errors of the simulation below."""
    return LEAST - 3 * math.sqrt(LEAST * (1 - LEAST) / REPETITIONS)


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


@pytest.mark.parametrize("n", MEAN_SIZES)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_interval_of_a_mean_covers(setting: Setting, n: int) -> None:
    for metric, share in coverage(setting, n, REPETITIONS).items():
        assert share >= least(), str(metric)


@pytest.mark.parametrize("n", DIFFERENCE_SIZES)
def test_the_interval_of_a_difference_between_sizes_covers(n: int) -> None:
    for metric, share in coverage(None, n, REPETITIONS).items():
        assert share >= least(), str(metric)


def test_all_that_is_committed_covers() -> None:
    """Of the many repetitions."""
    page = PAGE.read_text(encoding="utf-8")
    assert int(re.search(r"evidence_draws (\d+)`", page)[1]) >= 4000  # type: ignore[index]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\| .* \| \d+ \|", line)]
    assert len(rows) == len(SETTINGS) * len(MEAN_SIZES) + len(DIFFERENCE_SIZES)
    assert all(float(cell) >= LEAST for row in rows for cell in row[2:])
