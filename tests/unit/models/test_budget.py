"""What calls may take together, by worked arithmetic."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.errors import BudgetError, DeclarationError, ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.budget import Amount, Budget, BudgetedChat, Most, Price
from rageval.types import Usage


class Model:
    """Takes what it is told to take, and remembers how many calls it got."""

    identity = "fake"
    concurrency = 8

    def __init__(self, usage: Usage, fails: bool = False) -> None:
        self.usage, self.fails, self.calls, self.closed = usage, fails, 0, False

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.calls += 1
        await asyncio.sleep(0.001)
        if self.fails:
            raise ExecutionError("told to fail")
        return ChatReply("ok", usage=self.usage)

    async def close(self) -> None:
        self.closed = True


def request(text: str = "x" * 84, max_tokens: int = 10) -> ChatRequest:
    """84 bytes and 16 around them: a prompt of at most 100 tokens."""
    return ChatRequest((Message("user", text),), "test@1", max_tokens)


def ask(model: Model, budget: Budget, times: int, price: Price | None = None, *, together: bool = True) -> int:
    """How many of the calls were refused."""

    async def run() -> int:
        chat = BudgetedChat(model, budget, price)
        if together:
            told = await asyncio.gather(*(chat.complete(request()) for _ in range(times)), return_exceptions=True)
        else:
            told = [await _caught(chat) for _ in range(times)]
        return sum(isinstance(one, BudgetError) for one in told)

    return asyncio.run(run())


async def _caught(chat: BudgetedChat) -> object:
    try:
        return await chat.complete(request())
    except (BudgetError, ExecutionError) as error:
        return error


@pytest.mark.parametrize(
    ("usage", "price", "cost"),
    [
        (Usage(1, prompt_tokens=1_000_000, completion_tokens=500_000), Price(2.0, 8.0), 6.0),
        (Usage(1, prompt_tokens=1_000_000, cached_tokens=400_000), Price(2.0, 8.0), 2.0),
        (Usage(1, prompt_tokens=1_000_000, cached_tokens=400_000), Price(2.0, 8.0, 0.5), 1.4),
        (Usage(), Price(2.0, 8.0), 0.0),
    ],
)
def test_price(usage: Usage, price: Price, cost: float) -> None:
    assert price.cost(usage) == pytest.approx(cost)


def test_calls_are_counted_exactly_however_many_are_under_way() -> None:
    model, budget = Model(Usage(1, prompt_tokens=50, completion_tokens=5)), Budget(Most(calls=7))
    assert ask(model, budget, 20) == 13
    assert (model.calls, budget.taken) == (7, Amount(7.0, 7 * 55.0, 0.0))


def test_who_waits_is_not_woken_by_every_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls go in batches thousands wait: 400 look once when they come and once or twice later, not 20 times."""
    looks = 0
    look = Most.broken_by

    def counted(most: Most, amount: Amount) -> str | None:
        nonlocal looks
        looks += 1
        return look(most, amount)

    monkeypatch.setattr(Most, "broken_by", counted)
    model, budget = Model(Usage(1, prompt_tokens=50, completion_tokens=5)), Budget(Most(calls=20))
    assert ask(model, budget, 400) == 380
    assert model.calls == 20
    assert looks <= 3 * 400


def test_tokens_are_set_aside_at_their_most_and_given_back() -> None:
    """Each call sets 110 aside and takes 55. Of 300 tokens two calls begin at once; the third when the first is back
    (55 + 110 + 110 = 275), the fourth when the third is (165 + 110 = 275), and no fifth: 220 + 110 = 330.
    """
    model, budget = Model(Usage(1, prompt_tokens=50, completion_tokens=5)), Budget(Most(tokens=300))
    assert ask(model, budget, 10) == 6
    assert budget.taken.tokens == 4 * 55.0


def test_cost_is_bounded() -> None:
    """A call may cost (100 x 1 + 10 x 10) / 1e6 = 2e-4 and costs (50 x 1 + 5 x 10) / 1e6 = 1e-4: nine fit in 1e-3."""
    model, budget = Model(Usage(1, prompt_tokens=50, completion_tokens=5)), Budget(Most(cost=1.0001e-3))
    assert ask(model, budget, 20, Price(1.0, 10.0), together=False) == 11
    assert budget.taken.cost == pytest.approx(9e-4)


def test_without_counted_tokens_the_most_is_taken() -> None:
    budget = Budget(Most(tokens=250))
    assert ask(Model(Usage(1)), budget, 5) == 3
    assert budget.taken.tokens == 220.0


def test_a_failed_call_is_a_call() -> None:
    model, budget = Model(Usage(1), fails=True), Budget(Most(calls=3))
    assert ask(model, budget, 5) == 2
    assert budget.taken == Amount(calls=3.0)


def test_a_schema_is_part_of_the_prompt() -> None:
    async def run() -> None:
        chat = BudgetedChat(Model(Usage(1)), Budget(Most(tokens=120)), None)
        await chat.complete(ChatRequest((Message("user", "x" * 60),), "test@1", 10, schema={"type": "string"}))

    asyncio.run(run())  # 60 + 16, {"type": "string"} of 18 bytes + 16, and 10: 120
    with pytest.raises(BudgetError, match="max_tokens 119"):
        asyncio.run(
            BudgetedChat(Model(Usage(1)), Budget(Most(tokens=119)), None).complete(
                ChatRequest((Message("user", "x" * 60),), "test@1", 10, schema={"type": "string"})
            )
        )


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 12),
    st.integers(100, 2000),
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 10)), min_size=1, max_size=30),
)
def test_no_budget_is_ever_exceeded(calls: int, tokens: int, usages: list[tuple[int, int]]) -> None:
    """Whatever the calls take within what they may take."""
    queue = iter(usages)

    class Varying(Model):
        async def complete(self, request: ChatRequest) -> ChatReply:
            prompt, completion = next(queue)
            await asyncio.sleep(0)
            return ChatReply("ok", usage=Usage(1, prompt_tokens=prompt, completion_tokens=completion))

    budget = Budget(Most(calls=calls, tokens=tokens))
    ask(Varying(Usage()), budget, len(usages))
    assert budget.taken.calls <= calls
    assert budget.taken.tokens <= tokens


def test_a_bound_on_cost_needs_a_price() -> None:
    with pytest.raises(DeclarationError, match=r"budget\.max_cost: found no price of fake"):
        BudgetedChat(Model(Usage()), Budget(Most(cost=1.0)), None)


def test_closing_it_closes_the_model() -> None:
    model = Model(Usage())
    asyncio.run(BudgetedChat(model, Budget(Most()), None).close())
    assert model.closed
