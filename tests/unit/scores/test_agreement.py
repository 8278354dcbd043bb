from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, cohen_kappa_score, roc_auc_score

from rageval.scores.agreement import measure


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(150) < 0.4).astype(int)
    probabilities = np.round(np.clip(0.25 + 0.4 * labels + rng.normal(0, 0.3, 150), 0, 1), 2)  # ties, 0 and 1 too
    verdicts = (probabilities >= 0.5).astype(int)
    figures = measure(labels.tolist(), probabilities.tolist())
    assert figures.accuracy.point == pytest.approx(accuracy_score(labels, verdicts))
    expected = {
        "balanced_accuracy": balanced_accuracy_score(labels, verdicts),
        "auc": roc_auc_score(labels, probabilities),
        "kappa": cohen_kappa_score(labels, verdicts),
    }
    for name, value in expected.items():
        interval = getattr(figures, name)
        assert interval.point == pytest.approx(value), name
        assert interval.low < value < interval.high, name
        assert (interval.level, interval.n) == (0.95, 150), name


def test_calibration_error_by_hand() -> None:
    # one bin for each of the two probabilities: |3/4 - 0.9| and |1/4 - 0.4|, four items each
    figures = measure([1, 1, 1, 0, 1, 0, 0, 0], [0.9] * 4 + [0.4] * 4)
    assert figures.ece.point == pytest.approx((4 * 0.15 + 4 * 0.15) / 8)


@pytest.mark.parametrize(
    ("labels", "probabilities", "missing"),
    [
        ([1, 1, 1], [0.9, 0.8, 0.7], {"balanced_accuracy", "auc", "kappa"}),
        ([1, 1, 1], [0.9, 0.8, 0.2], {"balanced_accuracy", "auc"}),
        ([0, 1, 0], [0.9, 0.8, 0.7], set[str]()),
        ([0], [0.1], {"balanced_accuracy", "auc", "kappa"}),
    ],
)
def test_what_is_not_defined_is_missing(labels: list[int], probabilities: list[float], missing: set[str]) -> None:
    figures = measure(labels, probabilities)
    names = ("accuracy", "balanced_accuracy", "auc", "kappa", "ece")
    assert {name for name in names if getattr(figures, name) is None} == missing
