"""What answering cost and how long it took, question by question, as far as it is known.

A cost is what the answer would cost alone, with nothing in any cache beforehand, at the prices that the experiment gave
(`rageval.experiment.prices`), in their currency. A latency is wall time as measured. Neither is ever guessed: what is
not known is left out, and why is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rageval.io.run_folder import RunFolder
from rageval.models.budget import Price
from rageval.scores.repeats import REPEATS
from rageval.scores.run_scores import RunScores
from rageval.scores.spent import Spending
from rageval.types import Failure, Response, Usage

AGAIN = "run its experiment again, which asks nothing anew"
NO_PRICES = f"the run was made before prices were kept: {AGAIN}"
NOT_PINNED = "costs and latencies were not pinned with this baseline: pin it again with `rageval baseline set`"
ANY_STEP = ""


class UnknownCostError(Exception):
    """A cost that is not known; the message says why."""


class Costed(Protocol):
    """`Price.alone` or `Price.cost`."""

    def __call__(self, price: Price, usage: Usage, /) -> float: ...


@dataclass(frozen=True, slots=True)
class Prices:
    """What the models of a pipeline cost: the manifest's `prices`."""

    models: Mapping[str, Price | None]
    steps: Mapping[str, Sequence[str]]
    outside: bool = False

    def cost(self, usage: Usage, step: str = ANY_STEP, of: Costed = Price.alone) -> float:
        """The cost of a step's usage: alone, or with `of=Price.cost` what was paid. Raises UnknownCostError."""
        return cost_of(usage, {name: self.models[name] for name in self.steps.get(step, self.steps[ANY_STEP])}, of)

    def answer_cost(self, response: Response) -> float:
        """What an answer costs alone. Raises UnknownCostError."""
        if self.outside:
            raise UnknownCostError("the pipeline asks models by itself, whose prices and tokens are not known")
        left, cost = response.usage, 0.0
        for step in response.steps:
            if step.name in self.steps and step.name != ANY_STEP:
                cost += self.cost(step.usage, step.name)
                left = _less(left, step.usage)
        return cost + self.cost(left)


def read_prices(manifest: Mapping[str, Any]) -> Prices:
    """The prices in a manifest. Raises UnknownCostError where it has none, and for recorded answers."""
    kept = manifest.get("prices")
    if kept is None:
        raise UnknownCostError(NO_PRICES)
    if kept["recorded"]:
        raise UnknownCostError("the answers were recorded elsewhere")
    return Prices({name: price_from_json(one) for name, one in kept["models"].items()}, kept["steps"], kept["outside"])


def price_from_json(data: Mapping[str, Any] | None) -> Price | None:
    """The inverse of `Price.to_json`; None where none was given."""
    return None if data is None else Price(data["prompt"], data["completion"], data["cached"])


def cost_of(usage: Usage, asked: Mapping[str, Price | None], of: Costed = Price.alone) -> float:
    """The cost of calls that went to these models, by their prices. No calls cost nothing.

    Raises UnknownCostError for a model without a price, for models of different prices (nobody wrote down which one was
    asked), and where calls have no tokens, because the endpoint reported none.
    """
    if not usage.calls and not usage.prompt_tokens and not usage.completion_tokens:
        return 0.0
    unknown = [name for name, price in asked.items() if price is None]
    if unknown or not asked:
        names = ", ".join(unknown) or "the model"
        raise UnknownCostError(f"no price of {names} is given: put `price` beside it, then {AGAIN}")
    price, *others = (price for price in asked.values() if price is not None)
    if any(other != price for other in others):
        raise UnknownCostError(f"{', '.join(asked)} have different prices, and which of them was asked is not kept")
    if price == Price(0.0, 0.0, price.cached):
        return 0.0
    if not usage.prompt_tokens and not usage.completion_tokens:
        raise UnknownCostError(f"{', '.join(asked)} reported no tokens")
    return of(price, usage)


def read_spending(run: RunScores) -> Spending:
    """What answering cost in a run: that of its baseline, or as its folder has it, on the run's questions."""
    return stored_spending(run) or Spending(unknown=NOT_PINNED, untimed=NOT_PINNED)


def stored_spending(run: RunScores) -> Spending | None:
    """The same; None for a baseline that was pinned without it, and for scores that have no folder."""
    if run.spending is not None:
        return run.spending
    folder = RunFolder(run.source)
    if not folder.has_manifest():
        return None
    return folder_spending(folder, folder.manifest()).only(run.digests)


def folder_spending(folder: RunFolder, manifest: Mapping[str, Any]) -> Spending:
    """What answering cost in the finished run of a folder.

    Where questions were asked several times, a cost is the mean over the answers, and a latency that of the first.
    """
    first, *others = folder.answers(manifest.get(REPEATS, 1))
    outcomes = dict(first.outcomes_as_written())
    answered = {question: one for question, one in outcomes.items() if isinstance(one, Response)}
    kept: Mapping[str, Any] = manifest.get("prices") or {}
    recorded = bool(kept.get("recorded"))
    cached = tuple(sorted(name for name, one in answered.items() if one.usage.cached_calls))
    timed = {} if recorded else {q: one.latency_s for q, one in answered.items() if not one.usage.cached_calls}
    found = Spending(
        latencies={question: timed[question] for question in sorted(timed)},
        cached=() if recorded else cached,
        failed=tuple(sorted(name for name, one in outcomes.items() if isinstance(one, Failure))),
        machine=str(manifest.get("machine") or ""),
        embedder=str(kept.get("embedder") or ""),
        untimed="the answers were recorded elsewhere" if recorded else "",
    )
    try:
        prices = read_prices(manifest)
        costs: dict[str, list[float]] = {name: [prices.answer_cost(one)] for name, one in answered.items()}
        for other in others:
            for name, one in dict(other.outcomes_as_written()).items():
                if isinstance(one, Response):
                    costs.setdefault(name, []).append(prices.answer_cost(one))
    except UnknownCostError as error:
        return replace(found, unknown=str(error))
    return replace(found, costs={name: sum(costs[name]) / len(costs[name]) for name in sorted(costs)})


def _less(usage: Usage, part: Usage) -> Usage:
    return Usage(
        calls=max(0, usage.calls - part.calls),
        prompt_tokens=max(0, usage.prompt_tokens - part.prompt_tokens),
        completion_tokens=max(0, usage.completion_tokens - part.completion_tokens),
    )
