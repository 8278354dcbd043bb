"""Where two runs' judge is in doubt about the difference between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import MetricScores, RunScores
from rageval.stats.active import doubts, draw_probabilities


def difference_probabilities(baseline: RunScores, candidate: RunScores, pairs: Pairs) -> dict[str, float]:
    """The probability in one draw of every question whose answers differ, from what both judgements may be wrong by;
    where the pipeline failed, the score is certain. Empty where no answers differ.
    """
    differ = [q for q in pairs.ids if q not in baseline.answers or baseline.answers[q] != candidate.answers.get(q)]
    if not differ:
        return {}
    of_a, of_b = (_doubts(run.metrics[pairs.metric], differ) for run in (baseline, candidate))
    return dict(zip(differ, draw_probabilities(np.hypot(of_a, of_b)).tolist(), strict=True))


def _doubts(of_run: MetricScores, questions: Sequence[str]) -> NDArray[np.float64]:
    expected = doubts([of_run.scores[question] for question in questions])
    expected[[question in of_run.failed for question in questions]] = 0.0
    return expected
