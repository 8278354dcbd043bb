"""Models that reason before they reply, at a loopback server: what they are given, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rageval.errors import ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.budget import Budget, BudgetedChat, Most
from rageval.models.cache import CachedChat
from rageval.models.openai_compatible import OpenAIChat
from rageval.prompts import yes_no_request
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault


def request(text: str = "hello", max_tokens: int = 16) -> ChatRequest:
    return ChatRequest((Message("user", text),), "test@1", max_tokens)


def ask(model: OpenAIChat | CachedChat | BudgetedChat, *requests: ChatRequest) -> list[ChatReply]:
    async def run() -> list[ChatReply]:
        try:
            return [await model.complete(one) for one in requests]
        finally:
            await model.close()

    return asyncio.run(run())


def reasoning_until(tokens: int) -> Callable[[Received], Canned]:
    """A model that reasons for so many tokens."""

    def respond(received: Received) -> Canned:
        room = received.payload["max_tokens"]
        usage = {"prompt_tokens": 5, "completion_tokens": min(room, tokens + 2)}
        if room <= tokens:
            return completion("", "length", usage=usage, reasoning_content="Hm")
        return completion("Yes, since it is so.", usage=usage, reasoning_content="Hm")

    return respond


def sent(server: FakeServer) -> list[int]:
    return [received.payload["max_tokens"] for received in server.received]


def test_room_is_found_out_from_the_first_reply_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with FakeServer(reasoning_until(100)) as server:
        first, second = ask(OpenAIChat(server.base_url, "fake"), request("a"), request("b"))
        assert sent(server) == [16, 16 + 4096, 16 + 4096]
    assert (first.text, first.reasoning) == ("Yes, since it is so.", "Hm")
    # Both attempts are paid for: 16 and 102 tokens.
    assert (first.usage.calls, first.usage.prompt_tokens, first.usage.completion_tokens) == (2, 10, 118)
    assert second.usage.calls == 1
    assert [record.getMessage().partition(" reasons")[2][:20] for record in caplog.records] == [" before it replies: "]


def test_room_is_what_is_set_and_four_times_that_once() -> None:
    with FakeServer(reasoning_until(300)) as server:
        ask(OpenAIChat(server.base_url, "fake", reasoning={"max_tokens": 100}), request())
        assert sent(server) == [116, 416]


def test_reasoning_without_an_end_is_a_failure_that_says_so() -> None:
    with FakeServer(reasoning_until(10**9)) as server:
        with pytest.raises(ExecutionError, match=r"cut off in the model's reasoning .* with 400 tokens .*max_tokens"):
            ask(OpenAIChat(server.base_url, "fake", reasoning={"max_tokens": 100}), request())
        assert server.calls == 2


def test_an_answer_that_reasoning_cut_off_is_asked_for_again() -> None:
    """The first reply shows that the model reasons, and that this took the room of the answer."""
    with FakeServer() as server:
        server.queue(completion("Par", "length", reasoning="Hm"), completion("Paris", reasoning="Hm"))
        assert ask(OpenAIChat(server.base_url, "fake"), request())[0].text == "Paris"
        assert sent(server) == [16, 16 + 4096]


def test_a_tiny_limit_that_is_refused_is_no_room() -> None:
    told = "Could not finish the message because max_tokens or model output limit was reached. Please try again."
    with FakeServer() as server:
        server.queue(fault(400, told, type="invalid_request_error", param=None))
        assert ask(OpenAIChat(server.base_url, "fake"), request(max_tokens=1))[0].text == "ok"
        assert sent(server) == [1, 1 + 4096]


def test_an_empty_reply_without_reasoning_does_not_make_a_model_reason() -> None:
    with FakeServer() as server:
        server.queue(completion("", "length"))
        ask(OpenAIChat(server.base_url, "fake"), request("a"), request("b"))
        assert sent(server) == [16, 16 + 4096, 16]


def test_of_one_word_only_the_first_counts() -> None:
    with FakeServer(reasoning_until(50)) as server:
        wanted = yes_no_request("answer_relevance", "en", {"question": "q", "answer": "a"})
        assert ask(OpenAIChat(server.base_url, "fake"), wanted)[0].text == "Yes"


def test_effort_is_sent_and_none_means_no_room() -> None:
    with FakeServer() as server:
        ask(OpenAIChat(server.base_url, "fake", reasoning={"effort": "none"}), request())
        ask(OpenAIChat(server.base_url, "fake", reasoning={"effort": "low"}), request())
        first, second = (received.payload for received in server.received)
    assert (first["reasoning_effort"], first["max_tokens"]) == ("none", 16)
    assert (second["reasoning_effort"], second["max_tokens"]) == ("low", 16 + 4096)


@pytest.mark.parametrize(
    ("settings", "message", "named"),
    [
        ({"reasoning": {"effort": "none"}}, "Invalid value for 'reasoning_effort': 'none'", "reasoning.effort"),
        ({"extra_body": {"enable_thinking": False}}, "enable_thinking is not supported", "extra_body.enable_thinking"),
        ({"extra_body": {"thinking": {"type": "disabled"}}}, "unknown field 'thinking'", "extra_body.thinking"),
    ],
)
def test_what_the_user_set_is_not_left_out_without_a_word(
    settings: dict[str, object], message: str, named: str
) -> None:
    with FakeServer(lambda _: fault(400, message)) as server:
        with pytest.raises(ModelError, match=f"refuses `{named}`"):
            ask(OpenAIChat(server.base_url, "fake", **settings), request())  # type: ignore[arg-type]
        assert server.calls == 1


def test_room_that_does_not_fit_the_context_is_made_smaller() -> None:
    def respond(received: Received) -> Canned:
        if received.payload["max_tokens"] > 1500:
            return fault(400, "Requested token count exceeds the model's maximum context length of 2048 tokens.")
        return completion("ok", reasoning_content="Hm")

    with FakeServer(respond) as server:
        ask(OpenAIChat(server.base_url, "fake", reasoning={}), request("a"), request("b"))
        assert sent(server) == [16 + 4096, 16 + 1024, 16 + 1024]


def test_a_prompt_that_is_too_long_leaves_the_room_as_it_is() -> None:
    def respond(received: Received) -> Canned:
        if received.payload["messages"][0]["content"] == "long":
            return fault(400, "This model's maximum context length is 2048 tokens.")
        return completion("ok", reasoning_content="Hm")

    async def work(model: OpenAIChat) -> None:
        with pytest.raises(ExecutionError, match="maximum context length"):
            await model.complete(request("long"))
        await model.complete(request("short"))
        await model.close()

    with FakeServer(respond) as server:
        asyncio.run(work(OpenAIChat(server.base_url, "fake", reasoning={})))
        assert sent(server) == [16 + 4096, 16 + 1024, 16 + 256, 16 + 4096]


def test_reasoning_is_kept_beside_a_cached_reply_and_costs_nothing_again(tmp_path: Path) -> None:
    with FakeServer(reasoning_until(3)) as server:
        for calls in (1, 1):
            (reply,) = ask(CachedChat(OpenAIChat(server.base_url, "fake"), tmp_path / "chat.sqlite"), request())
            assert (reply.reasoning, server.calls) == ("Hm", calls)
    assert reply.usage.reasoning_tokens == 0


def test_a_budget_sets_room_aside() -> None:
    """A model that is known to reason takes up to 5 prompt bytes and more, twice, and 116 + 416 tokens."""
    with FakeServer(reasoning_until(300)) as server:
        model = OpenAIChat(server.base_url, "fake", reasoning={"max_tokens": 100})
        (reply,) = ask(BudgetedChat(model, Budget(Most(calls=2, tokens=600)), None), request())
        assert reply.usage.calls == server.calls == 2
