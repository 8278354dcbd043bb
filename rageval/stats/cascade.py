"""A light judge that decides the clear noes before a chat judge is asked: what agreement with people may it lose?

An item is a clear no where the light judge's P(yes) lies below a threshold. Agreement is lost on it where the chat
judge would have said yes and people say yes too. The share of such items grows with the threshold, so thresholds are
tested in a fixed order, from the smallest up to the first that fails, each at the full level (fixed-sequence testing,
Bauer 1991; Learn then Test, Angelopoulos et al. 2021, arXiv 2110.01052). The bound then holds for the threshold that is
chosen, although the same labels chose it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Clusters, make_clustering
from rageval.stats.quantiles import beta_quantile

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
MOST_LOST = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClearNoes:
    """Of `n` labelled items the light judge decides `decided` as a no; on `lost` of these people and chat judge say
    yes, on `gained` the chat judge alone does. `upper` is the bound of the share lost, one-sided, at `level`
    (Clopper–Pearson), for a threshold that these labels have not chosen. `saved` (low, high) is the two-sided interval
    of the share of items that the chat judge is not asked about.
    """

    threshold: float
    n: int
    decided: int
    lost: int
    gained: int
    upper: float
    saved: tuple[float, float]
    level: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """The largest threshold that loses at most `most_lost` of the items, with probability `level`, and what it does on
    the labels. `found` is None, and `needed` says how many labels without a loss would be enough for any threshold,
    where these labels confirm none.
    """

    found: ClearNoes | None
    most_lost: float
    level: float
    needed: int


def clear_noes(
    labels: Sequence[float] | Floats,
    probabilities: Sequence[float] | Floats,
    verdicts: Sequence[float] | Floats,
    threshold: float,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> ClearNoes:
    """What a fixed threshold does on items that people labelled: a random sample of those to be judged.

    `labels` and the chat judge's `verdicts` are 0 or 1, `probabilities` the light judge's P(yes). With `clusters`
    (such as the document or answer that items belong to) counts are divided by the design effect, which is the size of
    a cluster where nothing has been lost. Raises ValueError for arrays that do not fit and values out of range.
    """
    y, p, v = (
        check_values(values, f"clear_noes: {name}")
        for name, values in (("labels", labels), ("probabilities", probabilities), ("verdicts", verdicts))
    )
    check_level(level, "clear_noes")
    if not y.size == p.size == v.size:
        raise ValueError(
            f"clear_noes: found {y.size} labels, {p.size} probabilities, {v.size} verdicts, expected as many"
        )
    if not (is_binary(y) and is_binary(v) and p.min() >= 0.0 and p.max() <= 1.0):
        raise ValueError("clear_noes: expected labels and verdicts of 0 or 1, and probabilities in [0, 1]")
    decided = p < threshold
    lost = decided & (y == 1.0) & (v == 1.0)
    saved = tuple(_bound(decided, clusters, (1.0 + level) / 2.0, upper=upper) for upper in (False, True))
    return ClearNoes(
        threshold,
        y.size,
        int(decided.sum()),
        int(lost.sum()),
        int(np.sum(decided & (y == 0.0) & (v == 1.0))),
        _bound(lost, clusters, level, upper=True),
        (saved[0], saved[1]),
        level,
    )


def largest_threshold(
    labels: Sequence[float] | Floats,
    probabilities: Sequence[float] | Floats,
    verdicts: Sequence[float] | Floats,
    *,
    most_lost: float = MOST_LOST,
    thresholds: Sequence[float] = THRESHOLDS,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Threshold:
    """The largest of the `thresholds`, fixed beforehand and increasing, for which the share lost is at most
    `most_lost`. With probability `level` the one that is chosen does not lose more. Thresholds that decide no labelled
    item say nothing, and are none that can be chosen. Arguments and errors as for `clear_noes`; ValueError too for
    thresholds that do not increase and a `most_lost` outside (0, 1).
    """
    if not 0.0 < most_lost < 1.0 or any(b <= a for a, b in pairwise(thresholds)):
        raise ValueError(
            f"largest_threshold: found most_lost {most_lost} and thresholds {[*thresholds]}, expected it between 0 and "
            "1, and thresholds that increase"
        )
    chosen: ClearNoes | None = None
    for threshold in thresholds:
        found = clear_noes(labels, probabilities, verdicts, threshold, clusters=clusters, level=level)
        if found.upper > most_lost:
            break
        chosen = found if found.decided else None
    needed = math.ceil(math.log(1.0 - level) / math.log1p(-most_lost))
    return Threshold(chosen, most_lost, level, needed)


def _bound(events: NDArray[np.bool_], clusters: Clusters | None, level: float, *, upper: bool) -> float:
    """Clopper and Pearson's one-sided bound of the share of events."""
    n, count, effect = events.size, int(events.sum()), 1.0
    if clusters is not None:
        clustering = make_clustering(clusters, n, "clear_noes")
        values = events.astype(np.float64)
        effect = clustering.design_effect(values - values.mean()) * clustering.few(level)
    yes, no = count / effect, (n - count) / effect
    if upper:
        return 1.0 if no <= 0.0 else beta_quantile(level, yes + 1.0, no)
    return 0.0 if yes <= 0.0 else beta_quantile(1.0 - level, yes, no + 1.0)
