"""A common limit on what chat calls may use: no call starts that could exceed it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from rageval.errors import BudgetError, DeclarationError
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.wrapped import WrappedChat
from rageval.text.images import IMAGE_TOKENS
from rageval.types import Json, Usage

_PER = 1_000_000
_TOKENS_AROUND_A_MESSAGE = 16


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs per million tokens, in a currency of the user's choice.

    `cached` is for prompt tokens that the endpoint had in its cache; by default they cost what all others cost.
    """

    prompt: float
    completion: float
    cached: float | None = None

    def cost(self, usage: Usage) -> float:
        """Return the cost of the paid part of that usage."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = usage.paid_prompt_tokens - usage.cached_tokens
        said = usage.paid_completion_tokens
        return (fresh * self.prompt + usage.cached_tokens * cached + said * self.completion) / _PER

    def alone(self, usage: Usage) -> float:
        """Return what that usage would cost with nothing in any cache, rageval's or the endpoint's."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / _PER

    def to_json(self) -> dict[str, Json]:
        return {"prompt": self.prompt, "completion": self.completion, "cached": self.cached}


@dataclass(frozen=True, slots=True)
class Amount:
    """Calls, tokens (of prompts and of replies), and cost."""

    calls: float = 0.0
    tokens: float = 0.0
    cost: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.cost - other.cost)


@dataclass(frozen=True, slots=True)
class Most:
    """The bounds; None is no bound."""

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def broken_by(self, amount: Amount) -> str | None:
        """Describe the limit that the amount exceeds; None if it exceeds none."""
        for name, bound, value in (
            ("max_calls", self.calls, amount.calls),
            ("max_tokens", self.tokens, amount.tokens),
            ("max_cost", self.cost, amount.cost),
        ):
            if bound is not None and value > bound:
                return f"{name} {bound:g}"
        return None


class Budget:
    """A budget that several models share.

    Each call reserves the most it could take before it starts. If too little is left, the call waits until other calls
    have their replies and give back what they did not use; if no other call is running, it raises `BudgetError`. Use it
    inside one event loop.
    """

    def __init__(self, most: Most) -> None:
        self._most = most
        self._taken = Amount()
        self._aside = Amount()
        self._changed = asyncio.Condition()

    @property
    def bounds_cost(self) -> bool:
        return self._most.cost is not None

    @property
    def taken(self) -> Amount:
        """What calls have taken so far."""
        return self._taken

    async def set_aside(self, amount: Amount) -> None:
        async with self._changed:
            while broken := self._most.broken_by(self._taken + self._aside + amount):
                if not self._aside.calls:
                    taken = self._taken
                    self._changed.notify()
                    raise BudgetError(
                        f"budget: the next call could go beyond {broken}, after {taken.calls:g} calls, "
                        f"{taken.tokens:g} tokens, cost {taken.cost:.4g}: everything done so far is kept; run again "
                        "with another budget to go on"
                    )
                await self._changed.wait()
            self._aside += amount
            self._changed.notify()  # wakes one call, never all: thousands may wait

    async def settle(self, aside: Amount, taken: Amount) -> None:
        """Record the end of a call: what it had reserved, and what it took."""
        async with self._changed:
            self._aside -= aside
            self._taken += taken
            self._changed.notify()


class BudgetedChat(WrappedChat):
    """A chat model whose calls are charged to a budget. Closing it closes the model.

    The most a call can take is assumed to be one token per byte of prompt and schema, the worst case of byte-level
    tokenizers, `IMAGE_TOKENS` for each image, plus the longest reply allowed; both twice, with room for reasoning,
    where a model is known to reason. A call is charged this amount if the endpoint does not report tokens. A failed
    call counts as a call. Raises DeclarationError if the budget limits the cost and there is no price.
    """

    def __init__(self, model: ChatModel, budget: Budget, price: Price | None) -> None:
        super().__init__(model)
        if price is None and budget.bounds_cost:
            raise DeclarationError(
                f"budget.max_cost: found no price of {model.identity}, expected `price: {{prompt: ..., completion: "
                "...}` beside the model, per million tokens"
            )
        self._budget = budget
        self._price = price or Price(0.0, 0.0)

    async def complete(self, request: ChatRequest) -> ChatReply:
        aside = self._amount(self._most_usage(request))
        await self._budget.set_aside(aside)
        taken = Amount(calls=1.0)
        try:
            reply = await super().complete(request)
            paid = self._amount(reply.usage)
            taken = paid if paid.tokens else aside
            return reply
        finally:
            await self._budget.settle(aside, taken)

    async def close(self) -> None:
        await self._model.close()

    def _most_usage(self, request: ChatRequest) -> Usage:
        """A model that reasons says what it may take for that, and may be asked a second time."""
        most = getattr(self._model, "most_reply_tokens", None)
        tokens = request.max_tokens if most is None else most(request)
        calls = 1 if tokens == request.max_tokens else 2
        return Usage(calls, prompt_tokens=calls * _most_prompt_tokens(request), completion_tokens=tokens)

    def _amount(self, usage: Usage) -> Amount:
        tokens = usage.paid_prompt_tokens + usage.paid_completion_tokens
        return Amount(float(usage.paid_calls), float(tokens), self._price.cost(usage))


def _most_prompt_tokens(request: ChatRequest) -> int:
    texts = [message.content for message in request.messages]
    if request.schema is not None:
        texts.append(json.dumps(dict(request.schema)))
    images = sum(len(message.images) for message in request.messages)
    return sum(len(text.encode(errors="replace")) + _TOKENS_AROUND_A_MESSAGE for text in texts) + IMAGE_TOKENS * images
