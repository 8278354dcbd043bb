"""What the factors of a sweep do: alone, two together, and how much of the differences between cells is theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, cast

import numpy as np

from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval
from rageval.stats.clusters import Clusters
from rageval.stats.many import simultaneous_intervals
from rageval.stats.variance_shares import variance_shares
from rageval.types import Json

Factors = Mapping[str, Json]
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of changing one factor on a metric, with all other factors equal: the mean over the `contexts`
    (settings of the other factors) in which both levels were run. More than 0 is better.

    `difference` and `p_adjusted` are for all effects on the metric together: the interval excludes 0 exactly if
    `p_adjusted` is at most 0.05 (`simultaneous_intervals`). `p_value` is for this effect alone. All are of the scores;
    people's labels are not used.
    """

    metric: str
    factor: str
    before: str
    after: str
    contexts: int
    difference: Interval
    p_value: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Interaction:
    """How much more the change of one factor does where another one is changed too: a difference of differences, the
    mean over the `contexts` in which all four combinations were run. 0 where each does the same whatever the other is.

    `change` and `other_change` are the levels before and after. Intervals and p are as those of `Effect`, for all
    interactions on the metric together.
    """

    metric: str
    factor: str
    change: tuple[str, str]
    other: str
    other_change: tuple[str, str]
    contexts: int
    difference: Interval
    p_value: float
    p_adjusted: float

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "factors": [self.factor, self.other],
            "from": [self.change[0], self.other_change[0]],
            "to": [self.change[1], self.other_change[1]],
            "contexts": self.contexts,
            "difference": interval_to_json(self.difference),
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
        }


@dataclass(frozen=True, slots=True)
class FactorShare:
    """The share of one factor, or of two beyond what each does alone, of the variance between the cells' means on a
    metric (`rageval.stats.variance_shares`).
    """

    metric: str
    factors: tuple[str, ...]
    share: Interval

    def to_json(self) -> dict[str, Json]:
        return {"metric": self.metric, "factors": [*self.factors], "share": interval_to_json(self.share)}


def main_effects(
    metric: str, factors: Sequence[Factors], scores: np.ndarray, clusters: Clusters | None = None
) -> list[Effect]:
    """The effects of all factors with two or more levels: each level against each earlier one.

    `scores` has one row per cell and one column per question, and more is better. Each question's scores are averaged
    over the contexts in which both levels were run. The two averages are paired question by question. `clusters` are
    what questions share (`rageval.stats.clusters`).
    """
    found: list[tuple[str, Json, Json, int]] = []
    differences: list[np.ndarray] = []
    for factor in dict.fromkeys(name for settings in factors for name in settings):
        levels = list(dict.fromkeys(_frozen(settings[factor]) for settings in factors if factor in settings))
        rows = {
            (level, context): row
            for row, settings in enumerate(factors)
            if factor in settings
            for level, context in [(_frozen(settings[factor]), _context(settings, factor))]
        }
        for before, after in combinations(levels, 2):
            contexts = [c for level, c in rows if level == before and (after, c) in rows]
            if contexts:
                a, b = (scores[[rows[level, c] for c in contexts]].mean(axis=0) for level in (before, after))
                found.append((factor, before, after, len(contexts)))
                differences.append((b - a).clip(-1.0, 1.0))
    if not found:
        return []
    together = simultaneous_intervals(differences, level=LEVEL, clusters=clusters, rng=np.random.default_rng(0))
    questions = scores.shape[1]
    return [
        Effect(
            metric,
            factor,
            str(before),
            str(after),
            contexts,
            Interval(float(mean), float(low), float(high), LEVEL, "max-T with dirichlet", questions),
            float(p),
            float(p_adjusted),
        )
        for (factor, before, after, contexts), mean, low, high, p, p_adjusted in zip(
            found, together.mean, together.low, together.high, together.p, together.p_adjusted, strict=True
        )
    ]


def interactions(
    metric: str, factors: Sequence[Factors], scores: np.ndarray, clusters: Clusters | None = None
) -> list[Interaction]:
    """The interactions of all pairs of factors: each change of a level with each change of the other factor's.

    `scores` and `clusters` are as those of `main_effects`.
    """
    found: list[tuple[str, tuple[Any, Any], str, tuple[Any, Any], int]] = []
    differences: list[np.ndarray] = []
    for one, other in combinations(_varied(factors), 2):
        rows = {
            (_frozen(settings[one]), _frozen(settings[other]), _context(settings, one, other)): row
            for row, settings in enumerate(factors)
            if one in settings and other in settings
        }
        changes = [combinations(dict.fromkeys(key[n] for key in rows), 2) for n in (0, 1)]
        contexts = dict.fromkeys(key[2] for key in rows)
        for (a, b), (c, d) in product(*changes):
            corners = ((b, d), (b, c), (a, d), (a, c))
            shared = [where for where in contexts if all((*corner, where) in rows for corner in corners)]
            if shared:
                means = [scores[[rows[(*corner, where)] for where in shared]].mean(axis=0) for corner in corners]
                found.append((one, (a, b), other, (c, d), len(shared)))
                differences.append((means[0] - means[1] - means[2] + means[3]).clip(-2.0, 2.0) / 2.0)
    if not found:
        return []
    together = simultaneous_intervals(differences, level=LEVEL, clusters=clusters, rng=np.random.default_rng(0))
    questions = scores.shape[1]
    return [
        Interaction(
            metric,
            one,
            (str(change[0]), str(change[1])),
            other,
            (str(other_change[0]), str(other_change[1])),
            contexts,
            Interval(2.0 * float(mean), 2.0 * float(low), 2.0 * float(high), LEVEL, "max-T with dirichlet", questions),
            float(p),
            float(p_adjusted),
        )
        for (one, change, other, other_change, contexts), mean, low, high, p, p_adjusted in zip(
            found, together.mean, together.low, together.high, together.p, together.p_adjusted, strict=True
        )
    ]


def factor_shares(
    metric: str, factors: Sequence[Factors], scores: np.ndarray, clusters: Clusters | None = None
) -> list[FactorShare]:
    """The shares of all factors and pairs of factors, over the cells that have all of the factors.

    `scores` and `clusters` are as those of `main_effects`. Empty where there are fewer than two factors or questions,
    or the cells differ by no more than chance.
    """
    varied = _varied(factors)
    rows = [row for row, settings in enumerate(factors) if all(factor in settings for factor in varied)]
    if len(varied) < 2 or len(rows) < 2 or scores.shape[1] < 2:
        return []
    levels = [[_frozen(factors[row][factor]) for factor in varied] for row in rows]
    numbers = [{level: n for n, level in enumerate(dict.fromkeys(column))} for column in zip(*levels, strict=True)]
    coded = [[number[level] for number, level in zip(numbers, row, strict=True)] for row in levels]
    found = variance_shares(scores[rows], coded, level=LEVEL, clusters=clusters, rng=np.random.default_rng(0))
    return [FactorShare(metric, tuple(varied[n] for n in one.term), one.share) for one in found]


def _varied(factors: Sequence[Factors]) -> list[str]:
    """The factors with two levels or more."""
    names = dict.fromkeys(name for settings in factors for name in settings)
    levels = {name: {_frozen(settings[name]) for settings in factors if name in settings} for name in names}
    return [name for name, found in levels.items() if len(found) > 1]


def _context(settings: Factors, *without: str) -> frozenset[tuple[str, Any]]:
    return frozenset((name, _frozen(level)) for name, level in settings.items() if name not in without)


def _frozen(level: Any) -> Any:
    """A level that can be a key: lists as tuples, mappings as JSON."""
    if isinstance(level, Mapping):
        return json.dumps(level, ensure_ascii=False, sort_keys=True)
    return tuple(map(_frozen, cast("list[Any]", level))) if isinstance(level, list) else level
