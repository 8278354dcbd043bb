"""What runs cost and how long they take: a run's mean cost and latencies with intervals, and two runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rageval.io.records import usage_from_json
from rageval.io.run_folder import RunFolder
from rageval.models.budget import Price
from rageval.scores.estimates import interval_to_json
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, Documents, find_sharing
from rageval.scores.spending import (
    Costed,
    UnknownCostError,
    cost_of,
    folder_spending,
    price_from_json,
    read_prices,
    read_spending,
)
from rageval.scores.spent import Spending
from rageval.stats import Interval, mean_interval, paired_difference
from rageval.stats.order_statistics import Quantile, QuantileInterval, QuantileMargin, make_quantile
from rageval.stats.ratios import mean_ratio
from rageval.types import Json, Usage

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p95": 0.95}
LEVEL = 0.95
_ROOM = 2.0  # no question is taken to cost more than twice the dearest one


@dataclass(frozen=True, slots=True)
class PartCost:
    """The cost of a stage, an index or a judge: alone, and what was paid. None where `unknown` says why it is not."""

    alone: float | None
    paid: float | None
    unknown: str = ""

    def to_json(self) -> dict[str, Json]:
        return {"alone": self.alone, "paid": self.paid, "unknown": self.unknown or None}


@dataclass(frozen=True, slots=True)
class RunCosts:
    """What a run cost and how long its answers took, on the questions compared.

    `mean` is the cost of answering a question, alone; None where it is not known (`spending.unknown`) or nothing was
    answered. `parts` are of the whole run: `stage answer`, `index MultiVector`, `judge answer_relevance`; a request
    that several make counts in the first. `quantiles` are of latencies by name (`p50`, `p95`); empty where none is
    left.
    """

    spending: Spending
    mean: Interval | None
    parts: Mapping[str, PartCost]
    quantiles: Mapping[str, QuantileInterval]

    def total(self, kind: str) -> float | None:
        """The cost alone of all parts of that kind: stage, index or judge; None where one is not known."""
        found = [part.alone for name, part in self.parts.items() if name.startswith(f"{kind} ")]
        known = [cost for cost in found if cost is not None]
        return sum(known) if len(known) == len(found) else None

    def to_json(self) -> dict[str, Json]:
        return {
            "per_question": None if self.mean is None else {**interval_to_json(self.mean), "n": self.mean.n},
            "unknown": self.spending.unknown or None,
            "without_embedder": self.spending.embedder or None,
            "failed": len(self.spending.failed),
            "parts": {name: part.to_json() for name, part in self.parts.items()},
            "latency": latency_to_json(self.spending, self.quantiles),
        }


def latency_to_json(spending: Spending, quantiles: Mapping[str, QuantileInterval]) -> dict[str, Json]:
    """The quantiles, and how many answers have a latency or none."""
    return {
        **{name: _quantile_to_json(found) for name, found in quantiles.items()},
        "answers": len(spending.latencies),
        "from_cache": len(spending.cached),
        "failed": len(spending.failed),
        "unknown": spending.untimed or None,
        "machine": spending.machine or None,
    }


def run_costs(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    questions: Collection[str],
    documents: Documents,
    cluster_by: ClusterBy | None = None,
) -> RunCosts:
    """What the finished run of that folder cost, on these questions."""
    spending = folder_spending(folder, manifest).only(questions)
    return RunCosts(
        spending,
        mean_cost(spending, documents, cluster_by),
        _parts(manifest),
        {
            name: found.interval(LEVEL)
            for name, p in QUANTILES.items()
            if (found := latency_quantile(spending, p, documents, cluster_by)) is not None
        },
    )


def mean_cost(spending: Spending, documents: Documents, cluster_by: ClusterBy | None = None) -> Interval | None:
    """The mean cost of a question with its interval, which takes no question to cost more than twice the dearest one
    here; None without costs.
    """
    ids = sorted(spending.costs)
    most = _ROOM * max(spending.costs.values(), default=0.0)
    if not ids:
        return None
    if not most:
        return Interval(0.0, 0.0, 0.0, LEVEL, "no cost", len(ids))
    clusters = find_sharing(documents, ids, cluster_by).clusters
    found = mean_interval([spending.costs[question] / most for question in ids], level=LEVEL, clusters=clusters)
    return scaled(found, most)


def latency_quantile(
    spending: Spending, p: float, documents: Documents, cluster_by: ClusterBy | None = None
) -> Quantile | None:
    """The quantile of the latencies that count; None where none is left. Failed questions are lost to it."""
    ids = sorted(spending.latencies)
    if not ids:
        return None
    clusters = find_sharing(documents, ids, cluster_by).clusters
    values = [spending.latencies[question] for question in ids]
    return make_quantile(values, p, lost=len(spending.failed), level=LEVEL, clusters=clusters)


def scaled(interval: Interval, by: float) -> Interval:
    """The interval of values that are `by` times as large."""
    return Interval(
        interval.point * by, interval.low * by, interval.high * by, interval.level, interval.method, interval.n
    )


@dataclass(frozen=True, slots=True)
class CostPairs:
    """The costs of two runs on the questions that both answered: `ids`, sorted, and the costs in that order."""

    ids: tuple[str, ...]
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    clusters: tuple[frozenset[int], ...] | None
    sharing: str

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def most(self) -> float:
        """The cost of the dearest answer of either run."""
        return max((*self.baseline, *self.candidate))

    @property
    def means(self) -> tuple[float, float]:
        return sum(self.baseline) / self.n, sum(self.candidate) / self.n


@dataclass(frozen=True, slots=True)
class CostComparison:
    """Costs and latencies of two runs. `difference` and `ratio` are of the mean cost per question, candidate against
    baseline, on the questions that both answered; None where a cost is not known (`unknown` says whose and why).
    `latencies` has (baseline, candidate, difference) by name, where the difference is (point, low, high).
    """

    baseline: Spending
    candidate: Spending
    pairs: CostPairs | None
    difference: Interval | None
    ratio: Interval | None
    p_value: float | None
    unknown: str
    latencies: Mapping[str, tuple[QuantileInterval, QuantileInterval, tuple[float, float, float]]]

    def to_json(self) -> dict[str, Json]:
        means = (None, None) if self.pairs is None else self.pairs.means
        return {
            "baseline": means[0],
            "candidate": means[1],
            "n": None if self.pairs is None else self.pairs.n,
            "difference": None if self.difference is None else interval_to_json(self.difference),
            "ratio": None if self.ratio is None else interval_to_json(self.ratio),
            "p_value": self.p_value,
            "unknown": self.unknown or None,
            "latency": {
                "baseline": latency_to_json(self.baseline, {name: one[0] for name, one in self.latencies.items()}),
                "candidate": latency_to_json(self.candidate, {name: one[1] for name, one in self.latencies.items()}),
                "differences": {
                    name: dict(zip(("point", "low", "high"), map(finite, difference), strict=True))
                    for name, (_, _, difference) in self.latencies.items()
                },
            },
        }


def compare_costs(baseline: RunScores, candidate: RunScores, cluster_by: ClusterBy | None = None) -> CostComparison:
    """Costs and latencies of two runs on the same questions."""
    a, b = read_spending(baseline), read_spending(candidate)
    pairs, unknown = pair_costs(a, b, baseline.documents, cluster_by)
    difference = ratio = p_value = None
    if pairs is not None and pairs.most:
        shares = [[cost / pairs.most for cost in costs] for costs in (pairs.baseline, pairs.candidate)]
        tested = paired_difference(*shares, level=LEVEL, clusters=pairs.clusters)
        difference, p_value = scaled(tested.difference, pairs.most), tested.p_value
        if max(pairs.baseline):
            ratio = mean_ratio(pairs.baseline, pairs.candidate, level=LEVEL, clusters=pairs.clusters)
    latencies: dict[str, tuple[QuantileInterval, QuantileInterval, tuple[float, float, float]]] = {}
    for name, p in QUANTILES.items():
        before, after = (latency_quantile(one, p, baseline.documents, cluster_by) for one in (a, b))
        if before is not None and after is not None:
            ends = QuantileMargin(before, after).difference((1.0 - LEVEL) / 2.0)
            point = after.point - before.point
            latencies[name] = (
                before.interval(LEVEL),
                after.interval(LEVEL),
                (point, min(point, ends[0]), max(point, ends[1])),
            )
    return CostComparison(a, b, pairs, difference, ratio, p_value, unknown, latencies)


def pair_costs(
    baseline: Spending, candidate: Spending, documents: Documents, cluster_by: ClusterBy | None
) -> tuple[CostPairs | None, str]:
    """The costs of the questions that both answered; None with the reason where a cost is not known."""
    told = {"baseline": baseline.unknown, "candidate": candidate.unknown}
    unknown = "; ".join(f"{name}: {why}" for name, why in told.items() if why)
    ids = tuple(sorted(baseline.costs.keys() & candidate.costs.keys()))
    if unknown or not ids:
        return None, unknown or "no question was answered by both"
    sharing = find_sharing(documents, ids, cluster_by)
    before, after = (tuple(one.costs[question] for question in ids) for one in (baseline, candidate))
    return CostPairs(ids, before, after, sharing.clusters, sharing.note), ""


def finite(number: float) -> float | None:
    """None for an end that is not known."""
    return number if abs(number) < float("inf") else None


def _parts(manifest: Mapping[str, Any]) -> dict[str, PartCost]:
    """By stage, index and judge; one that asked for nothing is left out, and so is a judge under a second name."""
    parts: dict[str, PartCost] = {}
    for kind, by_name in (("stage", "usage_by_stage"), ("index", "usage_by_index")):
        for name, data in manifest.get(by_name, {}).items():
            step = name if kind == "stage" else ""
            usage = usage_from_json(data)
            parts[f"{kind} {name}"] = _part(partial(_step_cost, manifest, usage, step))
    seen: set[str] = set()
    for name, entry in manifest["judges"].items():
        data = manifest.get("usage", {}).get(entry["key"])
        if data is None or entry["key"] in seen or (usage := usage_from_json(data)) == Usage():
            continue
        seen.add(entry["key"])
        given = {model: price_from_json(price) for model, price in entry.get("prices", {}).items()}
        asked = given or {str(entry["model"]): None}
        parts[f"judge {name}"] = _part(partial(cost_of, usage, asked))
    return parts


def _step_cost(manifest: Mapping[str, Any], usage: Usage, step: str, of: Costed) -> float:
    return read_prices(manifest).cost(usage, step, of)


def _part(cost: Callable[[Costed], float]) -> PartCost:
    try:
        return PartCost(cost(Price.alone), cost(Price.cost))
    except UnknownCostError as error:
        return PartCost(None, None, str(error))


def _quantile_to_json(found: QuantileInterval) -> dict[str, Json]:
    return {"point": found.point, "low": found.low, "high": found.high, "level": found.level, "n": found.n}


def costs_of_questions(spending: Spending, questions: Sequence[str]) -> tuple[float, int]:
    """The sum of what these questions cost, and of how many it is known."""
    known = [spending.costs[question] for question in questions if question in spending.costs]
    return sum(known), len(known)
