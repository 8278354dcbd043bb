"""Labels where the judge is in doubt: which items to draw, and the mean from labels that were drawn so.

Active inference (Zrnic and Candès 2024, arXiv 2403.03208): people look at an item with a probability in proportion to
the error that the judge is expected to make on it, and its label weighs one over that probability. The mean is right
however wrong the judge and its doubts are. Items are drawn independently, with replacement, so any first part of the
draws is a sample of the same kind; an item drawn twice is labelled once and counts twice.

Half of the probability is uniform, so no draw stands for more than two items. The interval is the chain rule's
(`rageval.stats.chain`) with these weights: the plain estimate, mean(f) + (y - f) / (N p), is wider, most of all near
the ends of the range (docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rageval.stats.chain import Chain
from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Clustering, Labels, make_clustering
from rageval.stats.intervals import JEFFREYS, OWN_END, Interval
from rageval.stats.labelled import FEWEST_LABELS, UNSEEN, LabelledDifference, difference_of_chain

UNIFORM = 0.5
SURE = 0.02
"""Even a judge that is sure errs on one item in fifty."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ActiveMean:
    """A mean by labels drawn where the judge is in doubt. `labels_only` is the interval of the weighted labels without
    the judge; `n_labelled` counts draws, an item as often as it was drawn.
    """

    interval: Interval
    labels_only: Interval
    n_labelled: int


def doubts(judged: Sequence[float] | Floats) -> Floats:
    """The error that is expected of a judge's scores in [0, 1]: sqrt(s (1 - s)), where s is at least one in fifty away
    from 0 and 1. Raises ValueError for scores outside [0, 1].
    """
    f = check_values(judged, "doubts")
    if f.min() < 0.0 or f.max() > 1.0:
        raise ValueError(f"doubts: found scores from {f.min():g} to {f.max():g}, expected them in [0, 1]")
    s = SURE + (1.0 - 2.0 * SURE) * f
    return np.sqrt(s * (1.0 - s))


def draw_probabilities(expected_errors: Sequence[float] | Floats) -> Floats:
    """The probability of each item in one draw: half uniform, half in proportion to the expected errors.

    Uniform where all of these are 0. Raises ValueError for no items and negative errors.
    """
    errors = check_values(expected_errors, "draw_probabilities")
    if errors.min() < 0.0:
        raise ValueError(f"draw_probabilities: found an expected error of {errors.min():g}, expected 0 or more")
    total = errors.sum()
    uniform = np.full(errors.size, 1.0 / errors.size)
    return UNIFORM * uniform + (1.0 - UNIFORM) * (errors / total if total > 0.0 else uniform)


def active_mean(
    labels: Sequence[float] | Floats,
    drawn: Sequence[int] | Codes,
    judged: Sequence[float] | Floats,
    probabilities: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
) -> ActiveMean:
    """The mean of a label in [0, 1] over items like these N, of which n were drawn and labelled.

    `drawn` are the positions of the n draws among the N items, with repeats, and `labels` their labels. `judged` are
    the judge's scores of all N items, and `probabilities` those of the items in each draw; they are scaled to sum to 1.
    `clusters` are of the N items. With fewer than 10 draws, labels that are all equal or a constant judge the judge is
    not used. Raises ValueError for arrays that do not fit, labels outside [0, 1], and a drawn item without probability.
    """
    y, f = check_values(labels, "active_mean: labels"), check_values(judged, "active_mean: judged")
    check_level(level, "active_mean")
    if y.min() < 0.0 or y.max() > 1.0:
        raise ValueError(f"active_mean: found labels from {y.min():g} to {y.max():g}, expected them in [0, 1]")
    places, stands_for = _design(y, drawn, f, probabilities, "active_mean")
    told = None if clusters is None else _clusterings(clusters, places, f.size)
    rng = rng or np.random.default_rng(0)
    binary, tag = is_binary(y), "" if told is None else ", clustered"
    end = OWN_END if binary else JEFFREYS[0]
    blind = Chain.drawn(y, places, np.zeros_like(f), stands_for, told, level, binary=False, unseen=end)
    labels_only = Interval(*blind.interval(level, rng, 1.0), level, "dirichlet, drawn by doubt" + tag, y.size)
    why = ""
    if y.size < FEWEST_LABELS:
        why = f"fewer than {FEWEST_LABELS} labels"
    elif y.min() == y.max():
        why = "all labels are equal"
    elif f.min() == f.max():
        why = "the judge's scores are all equal"
    if why:
        alone = Interval(
            labels_only.point, labels_only.low, labels_only.high, level, f"active, labels only ({why}){tag}", f.size
        )
        return ActiveMean(alone, labels_only, y.size)
    chain = Chain.drawn(y, places, f, stands_for, told, level)
    name = "active beta chain" if binary else "active dirichlet chain"
    ends = chain.interval(level, rng, labels_only.width)
    return ActiveMean(Interval(*ends, level, name + tag, f.size), labels_only, y.size)


def active_difference(
    labels: Sequence[float] | Floats,
    drawn: Sequence[int] | Codes,
    judged: Sequence[float] | Floats,
    probabilities: Sequence[float] | Floats,
    *,
    same: int = 0,
    clusters: Labels | None = None,
    unseen: float = UNSEEN,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> LabelledDifference:
    """The mean difference of two systems, as `labelled_difference`, from questions drawn as in `active_mean`.

    `labels` of n draws and the judge's differences `judged` on all N questions are in [-1, 1]. Raises ValueError as
    `active_mean`.
    """
    y, f = check_values(labels, "active_difference: labels"), check_values(judged, "active_difference: judged")
    for name, values in (("labels", y), ("judged", f)):
        if not np.all(np.abs(values) <= 1.0):
            raise ValueError(f"active_difference: found {name} outside [-1, 1]")
    places, stands_for = _design(y, drawn, f, probabilities, "active_difference")
    told = None if clusters is None else _clusterings(clusters, places, f.size)
    rng = rng or np.random.default_rng(0)
    seen = np.zeros_like(f) if y.size < FEWEST_LABELS else (f + 1.0) / 2.0
    chain = Chain.drawn((y + 1.0) / 2.0, places, seen, stands_for, told, level, binary=False, unseen=unseen)
    blind = Chain.drawn((y + 1.0) / 2.0, places, np.zeros_like(f), stands_for, told, level, binary=False, unseen=UNSEEN)
    return difference_of_chain(chain, blind, f, same, level, rng)


@dataclass(frozen=True, slots=True)
class LabelSpread:
    """What n more labels would leave of the error of a mean: its variance is `draws` / n + `frame` / N.

    `draws` is the variance of a draw about the judge's part of the estimate, `frame` that of the N items which the
    draws do not see: all of it for draws with replacement, that of the judge's part for a simple random sample.
    """

    draws: float
    frame: float


def label_spread(
    labels: Sequence[float] | Floats,
    drawn: Sequence[int] | Codes,
    judged: Sequence[float] | Floats,
    probabilities: Sequence[float] | Floats,
    planned: Sequence[float] | Floats | None = None,
) -> LabelSpread:
    """From labels of differences in [-1, 1], drawn with `probabilities`, what labels drawn with `planned` ones would
    leave; None plans a simple random sample without replacement. Half an unseen loss of everything and half an unseen
    gain are counted in. Raises ValueError as `active_difference`.
    """
    y, f = check_values(labels, "label_spread: labels"), check_values(judged, "label_spread: judged")
    places, stands_for = _design(y, drawn, f, probabilities, "label_spread")
    chain = Chain.drawn((y + 1.0) / 2.0, places, (f + 1.0) / 2.0, stands_for, None, 0.95, binary=False)
    residual, fitted = (2.0 * one for one in chain.errors())
    weights = chain.weights
    unseen = 1.0 / (y.size + 1.0)
    within = (float(np.sum(weights * residual**2)) / float(weights.sum()) + unseen) / (1.0 + unseen)
    between = float(np.var(fitted))
    if planned is None:
        return LabelSpread(within, between)
    later = _design(y, drawn, f, planned, "label_spread: planned")[1][places]
    reweighted = float(np.sum(weights * later * residual**2)) / float(weights.sum())
    return LabelSpread((reweighted + unseen) / (1.0 + unseen), within + between)


def _design(
    y: Floats,
    drawn: Sequence[int] | Codes,
    judged: Floats,
    probabilities: Sequence[float] | Floats,
    name: str,
) -> tuple[Codes, Floats]:
    """The places of the draws, and how many items a draw of each item stands for."""
    places = np.asarray(drawn, dtype=np.int64)
    p = check_values(probabilities, f"{name}: probabilities")
    if places.size != y.size or p.size != judged.size:
        raise ValueError(
            f"{name}: found {y.size} labels of {places.size} draws, {judged.size} judged and {p.size} probabilities, "
            "expected as many labels as draws, and as many scores as probabilities"
        )
    if places.min() < 0 or places.max() >= p.size:
        raise ValueError(f"{name}: found draws of items {places.min()} to {places.max()}, expected 0 to {p.size - 1}")
    if p.min() <= 0.0:
        raise ValueError(f"{name}: found a probability of {p.min():g}, expected more than 0 for every item")
    return places, p.sum() / (p * p.size)


def _clusterings(clusters: Labels, places: Codes, n: int) -> tuple[Clustering, Clustering]:
    labels = list(cast("Sequence[object]", clusters))
    everything = make_clustering(clusters, n, "clusters")
    different = np.unique(places).tolist()
    return make_clustering([labels[place] for place in different], len(different), "clusters of the draws"), everything
