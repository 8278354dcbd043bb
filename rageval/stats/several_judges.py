"""Several judges of the same items, made into one score for prediction-powered inference.

The first judge is the one that counts. A further one is used only where the labels clearly say more with it: where its
slope in a regression of the labels on all judges is not 0 by a t test, given the judges before it. Otherwise the score
is the first judge's as it stands, so few labels and a useless judge change nothing.

Weights that come from the labels which they then predict make residuals too small. So they are cross-fitted: labelled
items are in folds, and a fold's items are scored with the weights of the other folds. All other items get the mean of
the folds' predictions, which makes the estimate unbiased whatever the judges are worth (cross-prediction, Zrnic and
Candès 2024, arXiv 2309.16598). Only slopes are fitted by folds: the mean of a fold's labels is high where that of the
others is low, and would enter with a wrong sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.chain import cut_at
from rageval.stats.checks import check_values
from rageval.stats.quantiles import t_quantile

FOLDS = 5
# A further judge is used where a two-sided t test at 5% shows its slope.
CLEAR = 0.975
# … and its joint score, by folds, must leave less than this share of the variance that the first judge leaves.
LESS = 0.95
_NOTHING = 1e-9

Floats = NDArray[np.float64]
Scores: TypeAlias = "Sequence[float] | Sequence[Sequence[float]] | Floats"
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class JointScore:
    """One score an item: `judged` of the labelled items, `unlabelled` of the others.

    `weights` are the slopes of the label on each judge, fitted to all labels; 0 for a judge that is not used. Where no
    further judge is used they are 1 for the first, whose scores stand as they are.
    """

    judged: Floats
    unlabelled: Floats
    weights: tuple[float, ...]

    @property
    def used(self) -> int:
        """How many judges have a weight."""
        return sum(weight != 0.0 for weight in self.weights)

    @property
    def by_others(self) -> bool:
        """Whether any judge but the first has one."""
        return any(weight != 0.0 for weight in self.weights[1:])


def check_judges(judged: Scores, name: str) -> Floats:
    """The scores of one judge (n,) or of several (n, k) as an array; n may be 0 for several.

    Raises ValueError for scores that are not finite, but for NaN of a judge other than the first.
    """
    scores = np.asarray(judged, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] == 0:
        return check_values(scores, name)
    if not np.all(np.isfinite(scores[:, 0])) or np.any(np.isinf(scores)):
        raise ValueError(f"{name}: found scores that are not finite, expected NaN only for a further judge")
    return scores


def joint_score(
    labels: Floats, judged: Floats, unlabelled: Floats, strata: Codes, groups: Codes | None, *, binary: bool
) -> JointScore:
    """Join the judges of n labelled and N other items: `judged` (n, k) and `unlabelled` (N, k), a column a judge, or
    (n,) and (N,) for a single one, whose scores stay as they are.

    A further judge's score may be NaN: it then says what the first judge lets expect. `strata` are of the labelled
    items, and `groups` too: items of a group are in one fold. `binary` labels get a score of 0 or 1, with as many
    ones as the first judge makes by the cut of `rageval.stats.chain`: the best cut of a new score would have to be
    found on the labels.

    Raises ValueError where labelled and other items have different numbers of judges.
    """
    if judged.ndim == 1 and unlabelled.ndim == 1:
        return JointScore(judged, unlabelled, (1.0,))
    if judged.shape[1:] != unlabelled.shape[1:]:
        raise ValueError(
            f"joint_score: found {judged.shape[1:]} judges of labelled and {unlabelled.shape[1:]} of other items, "
            "expected as many"
        )
    n = labels.size
    scores = _filled(np.concatenate([judged, unlabelled]))
    centred = scores - scores.mean(axis=0)
    used = _used(labels, centred[:n], groups)
    alone = tuple(float(column == 0) for column in range(scores.shape[1]))
    if used in ([], [0]):
        return JointScore(scores[:n, 0], scores[n:, 0], alone)
    folds = _folds(strata, groups)
    joined = np.zeros(scores.shape[0])
    x, others = centred[:n][:, used], centred[n:][:, used]
    for fold in range(FOLDS):
        mine = folds == fold
        slopes = _slopes(labels[~mine], x[~mine])
        joined[:n][mine] = x[mine] @ slopes
        joined[n:] += float(mine.mean()) * (others @ slopes)
    joined += labels.mean()
    before = scores[:, 0]
    if binary:
        before, joined = _cut(before), _cut_like(joined, scores[:, used[0]])
    if _unexplained(labels, joined[:n]) > LESS * _unexplained(labels, before[:n]):
        return JointScore(scores[:n, 0], scores[n:, 0], alone)
    weights = np.zeros(scores.shape[1])
    weights[used] = _slopes(labels, x)
    return JointScore(joined[:n], joined[n:], tuple(weights.tolist()))


def first_of(judged: Floats) -> Floats:
    """The first judge's scores."""
    return judged if judged.ndim == 1 else judged[:, 0]


def _unexplained(labels: Floats, scores: Floats) -> float:
    """The share of the labels' variance that a line over the scores leaves; 1 where it falls."""
    y, x = labels - labels.mean(), scores - scores.mean()
    squares = float(x @ x) * float(y @ y)
    return 1.0 - max(float(x @ y), 0.0) ** 2 / squares if squares > _NOTHING else 1.0


def _cut(scores: Floats) -> Floats:
    return (scores >= cut_at(scores, binary_labels=True)).astype(np.float64)


def _cut_like(joined: Floats, first: Floats) -> Floats:
    """Two parts of the items by the joint score, as large as those that the first judge makes."""
    above = float(np.mean(_cut(first)))
    return (joined >= np.quantile(joined, 1.0 - above)).astype(np.float64)


def _filled(scores: Floats) -> Floats:
    """With each missing score of a further judge on its line over the first judge's."""
    first, filled = scores[:, 0], scores.copy()
    for column in range(1, scores.shape[1]):
        known = ~np.isnan(scores[:, column])
        x = first - first[known].mean() if known.any() else np.zeros_like(first)
        squares = float(np.sum(x[known] ** 2))
        mean = float(scores[known, column].mean()) if known.any() else 0.0
        slope = float(x[known] @ scores[known, column]) / squares if squares > _NOTHING else 0.0
        filled[~known, column] = (mean + slope * x)[~known]
    return filled


def _used(labels: Floats, scores: Floats, groups: Codes | None) -> list[int]:
    """The judges that say something: the first where it varies, each other where its slope is clear beside these."""
    kept = [0] if np.ptp(scores[:, 0]) > _NOTHING else []
    free = labels.size if groups is None else np.unique(groups).size
    if free < 2 * FOLDS or np.ptp(labels) == 0.0:
        return kept
    for column in range(1, scores.shape[1]):
        if _is_clear(labels, scores[:, kept], scores[:, column], groups):
            kept.append(column)
    return kept


def _is_clear(labels: Floats, kept: Floats, other: Floats, groups: Codes | None) -> bool:
    before = np.column_stack([np.ones(labels.size), kept])
    own, residual = (one - before @ np.linalg.lstsq(before, one, rcond=None)[0] for one in (other, labels))
    squares = float(own @ own)
    if squares <= _NOTHING * labels.size:
        return False
    slope = float(own @ residual) / squares
    freedom = labels.size - before.shape[1] - 1
    error = residual - slope * own
    variance = float(error @ error) / freedom / squares if freedom > 0 else 0.0
    if groups is not None:
        sums = np.bincount(groups, weights=own * error)
        variance = max(variance, float(sums @ sums) * labels.size / max(freedom, 1) / squares**2)
        freedom = np.unique(groups).size - before.shape[1] - 1
    return freedom >= 3 and slope**2 > t_quantile(CLEAR, freedom) ** 2 * variance


def _folds(strata: Codes, groups: Codes | None) -> Codes:
    """A fold for each labelled item: groups whole, strata spread evenly over the folds."""
    rng = np.random.default_rng(0)
    units = np.arange(strata.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(units.max()) + 1
    stratum = np.zeros(count, dtype=np.int64)
    stratum[units] = strata
    shuffled = rng.permutation(count)
    order = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    fold = np.zeros(count, dtype=np.int64)
    fold[order] = np.arange(count) % FOLDS
    return fold[units]


def _slopes(labels: Floats, scores: Floats) -> Floats:
    """By least squares about the labels' mean."""
    design = scores - scores.mean(axis=0)
    return np.asarray(np.linalg.lstsq(design, labels - labels.mean(), rcond=1e-6)[0], dtype=np.float64)
