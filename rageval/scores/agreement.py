"""How well probabilities agree with people's labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rageval.stats import Interval, calibration, cohen_kappa


@dataclass(frozen=True, slots=True)
class Figures:
    """Agreement with people on independent items, each figure with its 95% interval; P(yes) of 0.5 or more counts as
    yes.

    `balanced_accuracy` and `auc` are None if people said only yes or only no. `kappa` (Cohen's) is None if people and
    judge all gave the same one label throughout. `ece` is the expected calibration error. See
    `rageval.stats.calibration`.
    """

    accuracy: Interval
    balanced_accuracy: Interval | None
    auc: Interval | None
    kappa: Interval | None
    ece: Interval


def measure(labels: Sequence[int], probabilities: Sequence[float], seed: int = 0) -> Figures:
    """The figures of probabilities in [0, 1] against labels 0 and 1. Raises ValueError for anything else, or none."""
    measured = calibration(labels, probabilities, rng=np.random.default_rng(seed))
    verdicts = [int(probability >= 0.5) for probability in probabilities]
    differ = len({*labels, *verdicts}) > 1
    kappa = cohen_kappa(labels, verdicts, rng=np.random.default_rng(seed)).interval if differ else None
    return Figures(measured.accuracy, measured.balanced_accuracy, measured.auc, kappa, measured.ece)
