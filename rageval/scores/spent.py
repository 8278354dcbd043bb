"""What answering cost and how long it took, by question: the noun, and how baselines keep it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rageval.types import Json


@dataclass(frozen=True, slots=True)
class Spending:
    """By question: what its answer costs alone, in the currency of the prices, and its latency in seconds.

    Where costs are not known, `unknown` says why and `costs` is empty; likewise `untimed` for `latencies`. Answers that
    came wholly or partly from the cache (`cached`) have no latency. Questions that `failed` have neither: what was
    spent on them is not kept. `machine` is where latencies were measured; it is empty if unknown. `embedder` is the
    model whose calls are in no cost; empty if there is none.
    """

    costs: Mapping[str, float] = field(default_factory=dict[str, float])
    latencies: Mapping[str, float] = field(default_factory=dict[str, float])
    cached: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    unknown: str = ""
    untimed: str = ""
    machine: str = ""
    embedder: str = ""

    def only(self, questions: Collection[str]) -> Spending:
        """The same for these questions alone."""
        return replace(
            self,
            costs={question: cost for question, cost in self.costs.items() if question in questions},
            latencies={question: seconds for question, seconds in self.latencies.items() if question in questions},
            cached=tuple(question for question in self.cached if question in questions),
            failed=tuple(question for question in self.failed if question in questions),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "costs": {**self.costs},
            "latencies": {**self.latencies},
            "cached": [*self.cached],
            "failed": [*self.failed],
            "unknown": self.unknown,
            "untimed": self.untimed,
            "machine": self.machine,
            "embedder": self.embedder,
        }


def spending_from_json(data: Mapping[str, Any]) -> Spending:
    """The inverse of `Spending.to_json`. Raises KeyError, TypeError or ValueError for what is none."""
    costs, latencies = ({str(name): float(x) for name, x in data[key].items()} for key in ("costs", "latencies"))
    if any(not 0.0 <= number < float("inf") for number in (*costs.values(), *latencies.values())):
        raise ValueError("a cost or a latency is not a number from 0")
    texts = {name: str(data[name]) for name in ("unknown", "untimed", "machine", "embedder")}
    return Spending(costs, latencies, tuple(data["cached"]), tuple(data["failed"]), **texts)
