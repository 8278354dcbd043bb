"""Maps from a judge's probabilities to calibrated ones, fitted on human labels.

A map never decreases. A judge's probability for an item is the minimum over its parts. Scaling every part and taking
the minimum therefore equals scaling the item, and a scaling fitted on items may be applied to single claims or
passages. Fitting a map needs scikit-learn; applying one does not.
"""

from __future__ import annotations

import importlib.util
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from rageval.errors import MissingExtraError

Method: TypeAlias = Literal["platt", "isotonic"]

FOLDS = 5
FEWEST_OF_EACH = 10
_CLIP = 1e-6
_NO_PENALTY = 1e6  # not infinite: labels that a threshold separates have no best slope without a trace of penalty


@dataclass(frozen=True, slots=True)
class Platt:
    """P -> logistic(slope · logit(P) + intercept), P held within [1e-6, 1 - 1e-6]; slope >= 0 (Platt 1999)."""

    slope: float
    intercept: float
    method: Literal["platt"] = "platt"

    def apply(self, probability: float) -> float:
        return 0.5 * (1.0 + math.tanh((self.slope * _logit(probability) + self.intercept) / 2.0))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Straight lines between the points (x, y), flat beyond the first and last; x and y never decrease."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    method: Literal["isotonic"] = "isotonic"

    def apply(self, probability: float) -> float:
        right = bisect_right(self.x, probability)
        if right in (0, len(self.x)):
            return self.y[min(right, len(self.y) - 1)]
        left = right - 1
        # By the share of the way, not by the slope: that of points that are very near to each other is infinite.
        share = (probability - self.x[left]) / (self.x[right] - self.x[left])
        return min(self.y[left] + share * (self.y[right] - self.y[left]), self.y[right])


Scaling: TypeAlias = Platt | Isotonic


def have_scikit_learn() -> bool:
    """Whether scalings can be fitted here; nothing is imported."""
    return importlib.util.find_spec("sklearn") is not None


def too_few(labels: Sequence[int]) -> str | None:
    """What keeps these labels from a scaling: each of the two must occur ten times. None where nothing does."""
    yes = sum(labels)
    no = len(labels) - yes
    if min(yes, no) >= FEWEST_OF_EACH:
        return None
    return f"found {yes} items labelled 1 and {no} labelled 0, expected at least {FEWEST_OF_EACH} of each"


def fit(method: Method, labels: Sequence[int], probabilities: Sequence[float]) -> Scaling:
    """The map from probabilities to P(label is 1), fitted by scikit-learn. Both labels must occur.

    Platt is a logistic regression on the logits without penalty. If the best slope is negative (the judge ranks items
    worse than chance), the slope is 0, the best that does not decrease: every P becomes the share of 1. Raises
    MissingExtraError without scikit-learn.
    """
    if not have_scikit_learn():
        raise MissingExtraError("scikit-learn", "calibrate", f"scaling {method}")
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression  # pyright: ignore[reportMissingTypeStubs]

        steps: Any = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        steps.fit(probabilities, labels)
        return Isotonic(tuple(map(float, steps.X_thresholds_)), tuple(map(float, steps.y_thresholds_)))
    from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingTypeStubs]

    line: Any = LogisticRegression(C=_NO_PENALTY, tol=1e-8, max_iter=1000)
    line.fit([[_logit(p)] for p in probabilities], labels)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Platt(slope, intercept) if slope > 0.0 else Platt(0.0, _logit(sum(labels) / len(labels)))


def cross_validated(
    labels: Sequence[int],
    probabilities: Sequence[float],
    seed: int,
    fit_map: Callable[[Sequence[int], Sequence[float]], Scaling],
) -> list[float]:
    """Each probability scaled by a map that `fit_map` made from the other folds' items alone, in the order given.

    The items of each label are dealt in random order to five folds; each label must occur twice at least. Scaled
    probabilities of different folds come from different maps, which blurs their order a little.
    """
    scaled = [0.0] * len(labels)
    folds = deal(labels, seed)
    for fold in range(FOLDS):
        seen = [i for i, other in enumerate(folds) if other != fold]
        scaling = fit_map([labels[i] for i in seen], [probabilities[i] for i in seen])
        for i, own in enumerate(folds):
            if own == fold:
                scaled[i] = scaling.apply(probabilities[i])
    return scaled


def deal(labels: Sequence[int], seed: int) -> list[int]:
    """The fold of each item. Fold sizes differ by at most one, for each label and overall."""
    rng = np.random.default_rng(seed)
    y = np.asarray(labels)
    order = np.concatenate([rng.permutation(np.nonzero(y == label)[0]) for label in (0, 1)])
    folds = np.empty(y.size, dtype=np.int64)
    folds[order] = np.arange(y.size) % FOLDS
    return folds.tolist()


def _logit(probability: float) -> float:
    clipped = min(max(probability, _CLIP), 1.0 - _CLIP)
    return math.log(clipped / (1.0 - clipped))
