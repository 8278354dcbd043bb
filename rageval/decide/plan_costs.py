"""What more questions cost: calls and tokens of an experiment, by the bounds of `rageval check` and by earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rageval.experiment.estimate import CostEstimate
from rageval.experiment.spec import LocalModel, OpenAIModel, PluginModel, Spec
from rageval.io.records import usage_from_json
from rageval.io.run_folder import RunFolder
from rageval.models.budget import Price
from rageval.pipeline.sizes import total
from rageval.scores.totals import ANSWERING, INDEXING
from rageval.types import Json, Usage

FREE = Price(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Prices:
    """What the model that answers and the models that judge cost per million tokens; None where it is not known. Of
    several judges the mean counts, since each is asked the same.
    """

    chat: Price | None = None
    judge: Price | None = None


NO_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of asking `questions`, each answered `repeats` times by every pipeline, if nothing is cached.

    Of the experiment's bounds: at least `low` and at most `high` chat calls, with at most `prompt_tokens` in their
    prompts, and `money` for prompts alone, at most. None is not known.
    """

    questions: int
    repeats: int
    low: int
    high: int | None
    prompt_tokens: int | None
    money: float | None

    def to_json(self) -> dict[str, Json]:
        return {
            "questions": self.questions,
            "repeats": self.repeats,
            "calls": [self.low, self.high],
            "prompt_tokens": self.prompt_tokens,
            "money_for_prompts": self.money,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """What an earlier run took, all its calls counted, over `questions`: for indexes, for answers, for judging."""

    run: str
    questions: int
    indexing: Usage
    answering: Usage
    judging: Usage

    def calls(self, n: int) -> float:
        """The calls that `n` answered questions of this kind would take."""
        return self.indexing.calls + (self.answering.calls + self.judging.calls) * n / self.questions

    def tokens(self, n: int) -> float:
        """The tokens likewise, of prompts and replies together."""
        return _tokens(self.indexing) + (_tokens(self.answering) + _tokens(self.judging)) * n / self.questions

    def money(self, n: int, prices: Prices) -> float | None:
        """The cost likewise; None if a price is not known of a model that was asked."""
        share = n / self.questions
        parts = (
            _money(self.indexing, prices.chat, 1.0),
            _money(self.answering, prices.chat, share),
            _money(self.judging, prices.judge, share),
        )
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def to_json(self, n: int, prices: Prices) -> dict[str, Json]:
        return {
            "run": self.run,
            "questions": n,
            "calls": round(self.calls(n)),
            "tokens": round(self.tokens(n)),
            "money": self.money(n, prices),
        }


def prices_of(spec: Spec) -> Prices:
    """The prices beside the models of an experiment. Local models cost nothing."""
    judges = [_price(one) for one in spec.models.raters]
    known = [price for price in judges if price is not None]
    judge = None
    if known and len(known) == len(judges):
        judge = Price(
            sum(price.prompt for price in known) / len(known), sum(price.completion for price in known) / len(known)
        )
    return Prices(_price(spec.models.chat), judge)


def cost_of(estimates: Sequence[CostEstimate], questions: int, asked: int, prices: Prices, repeats: int = 1) -> Cost:
    """The cost of that many questions, scaled from `estimates` of the `asked` ones of the experiment."""
    scaled = [one.of_questions(questions * repeats, asked) for one in estimates]
    money: list[float | None] = []
    for one in scaled:
        answering = total(one.indexing.prompt_tokens, one.answering.prompt_tokens)
        money += [_prompts(answering, prices.chat), _prompts(one.judging.prompt_tokens, prices.judge)]
    known = [part for part in money if part is not None]
    return Cost(
        questions,
        repeats,
        sum(one.low for one in scaled),
        total(*(one.high for one in scaled)),
        total(*(one.prompt_tokens for one in scaled)),
        sum(known) if len(known) == len(money) else None,
    )


def measure(run: str) -> Measured | None:
    """What the run in that folder took; None for a baseline, which does not know."""
    path = Path(run).expanduser()
    if not path.is_dir():
        return None
    manifest = RunFolder(path).finished_manifest()
    parts = {name: usage_from_json(part) for name, part in cast("dict[str, Any]", manifest["usage"]).items()}
    indexing, answering = parts.pop(INDEXING, Usage()), parts.pop(ANSWERING, Usage())
    return Measured(run, len(manifest["questions"]), indexing, answering, sum(parts.values(), Usage()))


def _price(model: object) -> Price | None:
    if isinstance(model, LocalModel | OpenAIModel | PluginModel) and model.price is not None:
        return model.price.price
    return FREE if isinstance(model, LocalModel) else None


def _prompts(tokens: int | None, price: Price | None) -> float | None:
    if tokens == 0:
        return 0.0
    return None if tokens is None or price is None else price.cost(Usage(prompt_tokens=tokens))


def _money(usage: Usage, price: Price | None, share: float) -> float | None:
    if not _tokens(usage):
        return 0.0
    if price is None:
        return None
    asked = Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
    return price.cost(asked) * share


def _tokens(usage: Usage) -> int:
    return usage.prompt_tokens + usage.completion_tokens
