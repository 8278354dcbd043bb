"""How far a ranking metric may be off because documents have no label: its bounds over all labels that they could get.

A document without a label counts as not relevant, but nobody has said so. Here each unjudged document among the first
k may have any grade from 0 to the benchmark's highest, and the ideal ranking has it too. The bounds are the lowest and
the highest score over all these grades. Documents that were not retrieved among the first k stay without a label.

For hit_rate, precision, recall and mrr, that is all of them irrelevant, and all of them relevant. ndcg divides by the
ideal ranking, which also grows with each relevant document, so its extremes may lie between: one relevant document at
rank 1 and an unjudged one at rank 10 give 1 if that one is irrelevant, and 0.79 if it is relevant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from rageval.metrics.names import Metric

Bounds: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class JudgedRanking:
    """One question's ranking: the grade of each document in order, None for one without a label.

    `grades` are those of all labelled documents of the question, retrieved or not. Grades from `least_grade` on are
    relevant. `top` is the highest grade that a label may have, at least `least_grade`.
    """

    ranked: Sequence[int | None]
    grades: Sequence[int]
    top: int = 1
    least_grade: int = 1

    def labelled(self, position: int, grade: int) -> JudgedRanking:
        """The same ranking if the document at that position had that grade."""
        ranked = [*self.ranked]
        ranked[position] = grade
        return JudgedRanking(ranked, [*self.grades, grade], self.top, self.least_grade)


def has_bounds(metric: Metric) -> bool:
    """Whether bounds are defined: for hit_rate, mrr, ndcg, precision and recall.

    They are not for map and r_precision, where a label changes the weight of every other document, nor for bpref and
    judged, which do not take unjudged documents for irrelevant ones.
    """
    return metric.name in _BOUNDS


def bounds(metric: Metric, ranking: JudgedRanking) -> Bounds:
    """The lowest and the highest score, over all grades of the unjudged documents among the first k.

    Without a cutoff all documents of the ranking count. KeyError where `has_bounds` is false.
    """
    return _BOUNDS[metric.name](ranking, metric.cutoff)


def _counts(ranking: JudgedRanking, cutoff: int | None) -> tuple[int, int]:
    """Of the first k: how many are relevant, and how many have no label."""
    first = ranking.ranked[:cutoff]
    return sum(grade is not None and grade >= ranking.least_grade for grade in first), sum(g is None for g in first)


def _hit_rate(ranking: JudgedRanking, cutoff: int | None) -> Bounds:
    found, unjudged = _counts(ranking, cutoff)
    return float(found > 0), float(found + unjudged > 0)


def _precision(ranking: JudgedRanking, cutoff: int | None) -> Bounds:
    found, unjudged = _counts(ranking, cutoff)
    assert cutoff is not None
    return found / cutoff, (found + unjudged) / cutoff


def _recall(ranking: JudgedRanking, cutoff: int | None) -> Bounds:
    found, unjudged = _counts(ranking, cutoff)
    relevant = sum(grade >= ranking.least_grade for grade in ranking.grades)
    return _share(found, relevant), _share(found + unjudged, relevant + unjudged)


def _mrr(ranking: JudgedRanking, cutoff: int | None) -> Bounds:
    first = ranking.ranked[:cutoff]
    is_relevant = [grade is not None and grade >= ranking.least_grade for grade in first]
    may_be = [relevant or grade is None for relevant, grade in zip(is_relevant, first, strict=True)]
    return _reciprocal_rank(is_relevant), _reciprocal_rank(may_be)


def _reciprocal_rank(relevant: Sequence[bool]) -> float:
    return 1 / (relevant.index(True) + 1) if True in relevant else 0.0


def _ndcg(ranking: JudgedRanking, cutoff: int | None) -> Bounds:
    """Extremes of (gains + open gains) / ideal.

    A grade counts once for each level from 1 up to it. With `above[v]` labels of grade v or more, and m[v] unjudged
    documents that get one, the ideal is the sum over levels v of the discounts of the first above[v] + m[v] ranks.
    The lowest quotient of a linear and a convex function lies at a corner: the last m unjudged documents have the
    highest grade, all others 0. The highest is found by Dinkelbach's method: at a quotient t, each level has the m[v]
    with the largest gain - t * ideal, and the quotient there is the next t, until it grows no more. (As a level has
    more labels, its m[v] grows, so that the grades of all levels fit together.)
    """
    depth = len(ranking.ranked) if cutoff is None else min(cutoff, len(ranking.ranked))
    weights = [1 / math.log2(rank + 1) for rank in range(1, depth + 1)]
    unjudged = [weights[i] for i in range(depth) if ranking.ranked[i] is None]
    gained = sum(weights[i] * max(ranking.ranked[i] or 0, 0) for i in range(depth))
    levels = range(1, max([ranking.top, *ranking.grades]) + 1)
    above = [sum(grade >= level for grade in ranking.grades) for level in levels]
    n_open = [len(unjudged) if level <= ranking.top else 0 for level in levels]
    most = max(above, default=0) + len(unjudged)
    ideal = [0.0, *accumulate(1 / math.log2(rank + 1) for rank in range(1, most + 1))]
    if cutoff is not None:
        ideal = [ideal[min(i, cutoff)] for i in range(most + 1)]
    from_first, from_last = [0.0, *accumulate(unjudged)], [0.0, *accumulate(reversed(unjudged))]

    def quotient(gains: Sequence[float], given: Sequence[int]) -> float:
        whole = sum(ideal[labels + m] for labels, m in zip(above, given, strict=True))
        return (gained + sum(gains[m] for m in given)) / whole if whole > 0 else 0.0

    corners = ([min(m, n) for n in n_open] for m in range(len(unjudged) + 1))
    lowest = min(quotient(from_last, given) for given in corners)
    highest, following = -1.0, quotient(from_first, n_open)
    while following > highest:
        highest = following
        best = [
            max(range(n + 1), key=lambda m, labels=labels: from_first[m] - highest * ideal[labels + m])
            for labels, n in zip(above, n_open, strict=True)
        ]
        following = quotient(from_first, best)
    return lowest, highest


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


_BOUNDS: Mapping[str, Callable[[JudgedRanking, int | None], Bounds]] = {
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "ndcg": _ndcg,
    "precision": _precision,
    "recall": _recall,
}
