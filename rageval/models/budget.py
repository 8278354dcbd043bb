"""A bound on what chat calls may take together: no call is begun that could go beyond it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from rageval.errors import BudgetError, DeclarationError
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.wrapped import WrappedChat
from rageval.types import Usage

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
        """What was paid for that usage."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = usage.paid_prompt_tokens - usage.cached_tokens
        said = usage.paid_completion_tokens
        return (fresh * self.prompt + usage.cached_tokens * cached + said * self.completion) / _PER


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
        """The bound that the amount goes beyond, in words; None where there is none."""
        for name, bound, value in (
            ("max_calls", self.calls, amount.calls),
            ("max_tokens", self.tokens, amount.tokens),
            ("max_cost", self.cost, amount.cost),
        ):
            if bound is not None and value > bound:
                return f"{name} {bound:g}"
        return None


class Budget:
    """What several models may take together.

    Each call sets aside beforehand what it may take at most. Where too little is left a call waits until others have
    their replies and give back what they did not take; if none is under way it raises `BudgetError`. To be used inside
    one event loop.
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
            self._changed.notify()  # the next one, where there is room for it: thousands may wait, so never all of them

    async def settle(self, aside: Amount, taken: Amount) -> None:
        """A call is over: what it had set aside, and what it took."""
        async with self._changed:
            self._aside -= aside
            self._taken += taken
            self._changed.notify()


class BudgetedChat(WrappedChat):
    """A chat model whose calls come out of a budget. Closing it closes the model.

    A call is thought to take at most a token for every byte of its prompt and its schema, which is what tokenizers of
    bytes do at worst, and the longest reply allowed. So it is counted where the endpoint does not tell its tokens. A
    call that fails counts as a call. Raises DeclarationError where the budget bounds the cost and there is no price.
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
        aside = self._amount(Usage(1, prompt_tokens=_most_prompt_tokens(request), completion_tokens=request.max_tokens))
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

    def _amount(self, usage: Usage) -> Amount:
        tokens = usage.paid_prompt_tokens + usage.paid_completion_tokens
        return Amount(float(usage.paid_calls), float(tokens), self._price.cost(usage))


def _most_prompt_tokens(request: ChatRequest) -> int:
    texts = [message.content for message in request.messages]
    if request.schema is not None:
        texts.append(json.dumps(dict(request.schema)))
    return sum(len(text.encode(errors="replace")) + _TOKENS_AROUND_A_MESSAGE for text in texts)
