"""Three levels of judgement: a cheap judge on all items, an expert model on some of these, people on a few of those.

Each level corrects the one below it, as control variates of several levels do (Giles 2008, Operations Research 56). The
chain rule (`rageval.stats.chain`) splits items by the expert's verdict and asks people how each part fares. How large
the parts are among all items, the expert's own sample says together with the cheap judge: again by the chain rule, with
the expert's verdicts as labels. Both models may be as wrong as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.chain import Chain
from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Labels, cluster_both
from rageval.stats.intervals import Interval, mean_interval
from rageval.stats.labelled import FEWEST_LABELS
from rageval.stats.ppi import ppi_mean
from rageval.stats.quantiles import normal_cdf, normal_quantile

WIDER = 1.0
"""As for a chain of two levels that labels alone do not bound: the normal quantile is widened by 1 + WIDER / n."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MultilevelMean:
    """A mean over N items. `people` is the interval of the n labels alone, None without labels; `people_and_judge` that
    of labels and cheap judge (`ppi_mean`), and `expert_and_judge` the one that takes the expert for people.
    """

    interval: Interval
    people: Interval | None
    people_and_judge: Interval | None
    expert_and_judge: Interval


def multilevel_mean(
    labels: Sequence[float] | Floats,
    expert: Sequence[float] | Floats,
    judged: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
) -> MultilevelMean:
    """The mean of people's label over N items, from `labels` of n, scores of an `expert` model on m and `judged`: those
    of a cheap judge on all N; all in [0, 1], n <= m <= N.

    The order is one for all three: the expert scored the first m items, and people labelled the first n of these. The n
    are a random sample of the m, and the m of the N. `clusters` are of the N items. Without labels the result is the
    mean of the expert's score. With fewer than 10 labels, labels that are all equal or a constant expert, it is that
    of the labels alone.

    Raises ValueError for numbers out of range, and for more labels than scores of the expert or more of these than N.
    """
    y = np.asarray(labels, dtype=np.float64)
    g, f = check_values(expert, "multilevel_mean: expert"), check_values(judged, "multilevel_mean: judged")
    check_level(level, "multilevel_mean")
    if not y.size <= g.size <= f.size:
        raise ValueError(
            f"multilevel_mean: found {y.size} labels, {g.size} scores of the expert and {f.size} of the judge, "
            "expected no more labels than scores of the expert, and no more of these than of the judge"
        )
    for name, values in (("labels", y), ("expert", g), ("judged", f)):
        if values.size and not (values.min() >= 0.0 and values.max() <= 1.0):
            raise ValueError(f"multilevel_mean: found {name} outside [0, 1] or NaN")
    rng = rng or np.random.default_rng(0)
    told = None if clusters is None else list(clusters)
    by_expert = _two_levels(g, f, level, told, rng)
    if not y.size:
        return MultilevelMean(by_expert, None, None, by_expert)
    people = mean_interval(y, level=level, clusters=None if told is None else told[: y.size], rng=rng)
    by_judge = _two_levels(y, f, level, told, rng)
    why = ""
    if y.size < FEWEST_LABELS:
        why = f"fewer than {FEWEST_LABELS} labels"
    elif y.min() == y.max():
        why = "all labels are equal"
    elif g.min() == g.max():
        why = "the expert's scores are all equal"
    if why:
        alone = Interval(people.point, people.low, people.high, level, f"labels only ({why})", f.size)
        return MultilevelMean(alone, people, by_judge, by_expert)
    return MultilevelMean(_three_levels(y, g, f, level, told, rng), people, by_judge, by_expert)


def _two_levels(
    known: Floats, judged: Floats, level: float, clusters: Sequence[object] | None, rng: np.random.Generator
) -> Interval:
    n = known.size
    if n == judged.size:
        return mean_interval(known, level=level, clusters=clusters, rng=rng)
    both = None if clusters is None else (clusters[:n], clusters[n:])
    found = ppi_mean(known, judged[:n], judged[n:], level=level, clusters=both, rng=rng)
    return Interval(found.point, found.low, found.high, level, found.method, judged.size)


def _three_levels(
    y: Floats, g: Floats, f: Floats, level: float, clusters: Sequence[object] | None, rng: np.random.Generator
) -> Interval:
    top = _chain(y, g, level, clusters, None)
    lower, upper = top.cell_draws(rng)
    if lower.shape[1] == 1:
        point, low, high = float(top.cell_points()[0]), lower[:, 0], upper[:, 0]
    else:
        parts = (top.all_items == 1).astype(np.float64)
        below = _chain(parts, f, level, clusters, True)
        point = float(top.cell_points() @ [1.0 - below.point(), below.point()])
        shares = below.draws(rng)
        low = np.minimum(*((1.0 - share) * lower[:, 0] + share * lower[:, 1] for share in shares))
        high = np.maximum(*((1.0 - share) * upper[:, 0] + share * upper[:, 1] for share in shares))
    point = min(max(point, 0.0), 1.0)
    tail = normal_cdf(-normal_quantile((1.0 + level) / 2.0) * (1.0 + WIDER / y.size))
    ends = max(float(np.quantile(low, tail)), 0.0), min(float(np.quantile(high, 1.0 - tail)), 1.0)
    name = "three-level beta chain" if is_binary(y) else "three-level dirichlet chain"
    tag = "" if clusters is None else ", clustered"
    return Interval(point, min(ends[0], point), max(ends[1], point), level, name + tag, f.size)


def _chain(
    known: Floats, scores: Floats, level: float, clusters: Sequence[object] | None, binary: bool | None
) -> Chain:
    """That of the first items, whose label is known, over all that have a score."""
    n, items = known.size, scores.size
    told = None if clusters is None else cluster_both(clusters[:n], clusters[n:items])
    one = np.zeros(items, dtype=np.int64)
    return Chain.over(known, scores[:n], scores[n:], one[:n], one[n:], told, level, binary=binary)
