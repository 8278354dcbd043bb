"""Calls that are collected into batches: when they are submitted, how they are split, and who gets which reply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from rageval.errors import ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.batch import BatchChat, Pace
from rageval.models.batch_state import STATE, batches_under_way
from rageval.models.cache import CachedChat
from rageval.models.openai_compatible import OpenAIChat
from rageval.types import Usage
from tests.flow.batch_server import BatchServer, End
from tests.flow.fake_server import Canned, Received, completion, fault

T = TypeVar("T")
PACE = Pace(quiet_s=0.05, first_look_s=0.01, longest_look_s=0.02, patience_s=30.0)


def request(text: object, **more: object) -> ChatRequest:
    return ChatRequest((Message("user", str(text)),), "test@1", 16, **more)  # type: ignore[arg-type]


def echo(received: Received) -> Canned:
    return completion("says " + received.payload["messages"][-1]["content"])


def batches(server: BatchServer, cache: Path, pace: Pace = PACE, model: str = "fake") -> BatchChat:
    return BatchChat(OpenAIChat(server.base_url, model, max_retries=1), cache, pace)


def using(model: BatchChat | CachedChat, work: Callable[[BatchChat | CachedChat], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await work(model)
        finally:
            await model.close()

    return asyncio.run(run())


def ask(model: BatchChat | CachedChat, texts: list[str]) -> list[ChatReply]:
    async def work(model: BatchChat | CachedChat) -> list[ChatReply]:
        return list(await asyncio.gather(*(model.complete(request(text)) for text in texts)))

    return using(model, work)


def first_look(server: BatchServer) -> asyncio.Event:
    """Set when the endpoint is first asked how a batch stands."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()

    def on(step: str) -> None:
        if step == "look":
            loop.call_soon_threadsafe(seen.set)

    server.on = on
    return seen


TEN = [f"question {i}" for i in range(10)]
ANSWERS = ["says " + text for text in TEN]


def test_calls_at_the_same_time_are_one_batch_and_each_gets_its_own_reply(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        replies = ask(batches(server, tmp_path), TEN)
        assert replies == [
            ChatReply(text, usage=Usage(calls=1, prompt_tokens=7, completion_tokens=3)) for text in ANSWERS
        ]
        assert (len(server.made), server.received) == (1, [])
        sent = server.sent(0)
        assert [line["body"]["messages"][0]["content"] for line in sent] == TEN
        assert all(line["body"].keys() == {"model", "messages", "max_tokens", "temperature"} for line in sent)
        assert batches_under_way(tmp_path / STATE) == 0


def test_equal_requests_are_one(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        assert [reply.text for reply in ask(batches(server, tmp_path), ["a", "a", "b"])] == [
            "says a",
            "says a",
            "says b",
        ]
        assert len(server.sent(0)) == 2


def test_earlier_replies_can_be_left_out_of_account(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        ask(batches(server, tmp_path), ["a"])
        ask(batches(server, tmp_path), ["a"])
        assert len(server.made) == 1
        model = BatchChat(OpenAIChat(server.base_url, "fake"), tmp_path, PACE, only=set())
        assert [reply.text for reply in ask(model, ["a", "b"])] == ["says a", "says b"]
        assert len(server.sent(1)) == 2


def test_what_comes_later_is_another_batch(tmp_path: Path) -> None:
    async def work(model: BatchChat | CachedChat) -> list[str]:
        first = await model.complete(request("one"))
        second = await model.complete(request(first.text))
        return [first.text, second.text]

    with BatchServer(echo) as server:
        assert using(batches(server, tmp_path), work) == ["says one", "says says one"]
        assert len(server.made) == 2


def test_as_many_as_a_batch_takes_are_submitted_without_waiting(tmp_path: Path) -> None:
    """A quiet time of days would be waited for otherwise."""

    async def in_fours(model: BatchChat | CachedChat) -> list[str]:
        fours = [await asyncio.gather(*(model.complete(request(t)) for t in TEN[i : i + 4])) for i in (0, 4)]
        return [reply.text for four in fours for reply in four]

    with BatchServer(echo) as server:
        model = batches(server, tmp_path, replace(PACE, quiet_s=1e6, most_requests=4))
        assert using(model, in_fours) == ANSWERS[:8]
        assert [len(server.sent(n)) for n in range(len(server.made))] == [4, 4]


@pytest.mark.parametrize(
    ("pace", "sizes"),
    [
        (replace(PACE, most_requests=4), [4, 4, 2]),
        (replace(PACE, most_bytes=1), [1] * 10),
        (replace(PACE, most_bytes=10**6), [10]),
    ],
)
def test_batches_are_as_large_as_the_endpoint_takes(tmp_path: Path, pace: Pace, sizes: list[int]) -> None:
    with BatchServer(echo) as server:
        assert [reply.text for reply in ask(batches(server, tmp_path, pace), TEN)] == ANSWERS
        assert [len(server.sent(n)) for n in range(len(server.made))] == sizes


def test_a_file_has_no_more_bytes_than_the_endpoint_takes(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        ask(batches(server, tmp_path / "one"), TEN)
        line = len(server.files["file-0"]) // 10  # all lines are of one length
        ask(batches(server, tmp_path / "two", replace(PACE, most_bytes=3 * line)), TEN)
        uploaded = [server.files[batch["input_file_id"]] for batch in server.made[1:]]
        assert [len(content) for content in uploaded] == [3 * line, 3 * line, 3 * line, line]


def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    """Beyond what aiohttp sends or reads in one piece."""
    text = "长" * 1_000_000
    with BatchServer(echo) as server:
        assert ask(batches(server, tmp_path), [text])[0].text == "says " + text


def test_who_asks_again_takes_the_replies_of_a_batch_that_was_left(tmp_path: Path) -> None:
    """What is not asked again is in the cache all the same; what is new is submitted."""

    async def leave(model: BatchChat | CachedChat) -> None:
        seen = first_look(server)
        calls = [asyncio.create_task(model.complete(request(text))) for text in TEN]
        await seen.wait()
        for call in calls:
            call.cancel()

    with BatchServer(echo) as server:
        server.held = True
        using(batches(server, tmp_path), leave)
        assert batches_under_way(tmp_path / STATE) == 1
        server.held, server.on = False, lambda _: None
        cached = CachedChat(batches(server, tmp_path), tmp_path / "chat.sqlite")
        assert [reply.text for reply in ask(cached, [TEN[3], "new"])] == ["says question 3", "says new"]
        assert batches_under_way(tmp_path / STATE) == 0
        assert sorted(len(server.sent(n)) for n in range(len(server.made))) == [1, 10]
        again = ask(CachedChat(batches(server, tmp_path), tmp_path / "chat.sqlite"), [*TEN, "new"])
        assert [reply.text for reply in again] == [*ANSWERS, "says new"]
        hit = Usage(1, 1, 7, 0, 3, free_calls=1, free_prompt_tokens=7, free_completion_tokens=3)
        assert {replace(reply.usage, requests={}) for reply in again} == {hit}
        assert len(server.made) == 2
        assert set(server.times_paid.values()) == {1}


def test_two_at_once_over_one_cache_pay_for_nothing_twice(tmp_path: Path) -> None:
    """As two processes do: the second finds the requests in the batch of the first, and waits for that."""

    async def both() -> list[list[ChatReply]]:
        models = [CachedChat(batches(server, tmp_path), tmp_path / "chat.sqlite") for _ in range(2)]
        try:
            return [
                list(replies)
                for replies in await asyncio.gather(
                    *(asyncio.gather(*(model.complete(request(text)) for text in TEN)) for model in models)
                )
            ]
        finally:
            for model in models:
                await model.close()

    with BatchServer(echo) as server:
        for replies in asyncio.run(both()):
            assert [reply.text for reply in replies] == ANSWERS
        assert set(server.times_paid.values()) == {1}
        assert len(server.made) == 1


def test_an_outage_while_a_batch_is_under_way_is_waited_for(tmp_path: Path) -> None:
    """Longer than one call is tried again; an upload is tried again as other calls are."""
    outage = [fault(503), Canned("", hang_up=True), fault(429), Canned("<html>"), Canned({"status": 7}), fault(500)]

    def on(step: str) -> Canned | None:
        return outage.pop() if step in ("look", "download") and outage else None

    with BatchServer(echo) as server:
        server.on = on
        assert [reply.text for reply in ask(batches(server, tmp_path), TEN)] == ANSWERS
        assert not outage
        faults = {"upload": [fault(503)], "download": [fault(503)] * 5}
        server.on = lambda step: faults[step].pop() if faults.get(step) else None
        assert ask(batches(server, tmp_path), ["x"])[0].text == "says x"
        assert faults == {"upload": [], "download": []}


def test_an_outage_without_end_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        server.on = lambda step: fault(503, "down") if step == "look" else None
        with pytest.raises(ModelError, match=r"503: down.*batch_0 goes on there: run the same command again") as caught:
            ask(batches(server, tmp_path, replace(PACE, patience_s=0.0)), TEN)
        assert "\n" not in str(caught.value)
        server.on = lambda _: None
        assert [reply.text for reply in ask(batches(server, tmp_path), TEN)] == ANSWERS
        assert set(server.times_paid.values()) == {1}


def test_an_endpoint_that_takes_no_batch_now_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    """Five hundreds to every attempt at making one: the file is there, and no batch."""
    with BatchServer(echo) as server:
        server.on = lambda step: fault(500, "down") if step == "refuse" else None
        with pytest.raises(ModelError, match=r"500: down.*no batch could be submitted: run the same command again"):
            ask(batches(server, tmp_path), TEN)
        assert server.steps["create"] == 2
        server.on = lambda _: None
        assert [reply.text for reply in ask(batches(server, tmp_path), TEN)] == ANSWERS
        assert (len(server.made), set(server.times_paid.values())) == (1, {1})


def test_a_file_that_is_gone_is_asked_directly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def lose(step: str) -> None:
        if step == "look":
            server.files.pop("out-batch_0", None)

    with BatchServer(echo) as server, caplog.at_level(logging.WARNING, "rageval"):
        server.on = lose
        assert [reply.text for reply in ask(batches(server, tmp_path), TEN)] == ANSWERS
        assert len(server.direct) == 10
    assert "batch_0 is completed without a reply to 10 requests, which are asked directly" in caplog.text


def test_a_request_that_is_wrong_fails_alone(tmp_path: Path) -> None:
    def too_long(received: Received) -> Canned:
        if received.payload["messages"][-1]["content"] == TEN[3]:
            return fault(400, "maximum context length is 10 tokens", code="context_length_exceeded")
        return echo(received)

    async def work(model: BatchChat | CachedChat) -> list[ChatReply | BaseException]:
        calls = (model.complete(request(text)) for text in TEN)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    with BatchServer(too_long) as server:
        said = using(batches(server, tmp_path), work)
    wrong = said.pop(3)
    assert isinstance(wrong, ExecutionError)
    assert "maximum context length" in str(wrong)
    assert [reply.text for reply in said if isinstance(reply, ChatReply)] == ANSWERS[:3] + ANSWERS[4:]


def test_a_withheld_reply_fails_its_call_and_is_not_paid_for_again(tmp_path: Path) -> None:
    with BatchServer(lambda _: completion(None, finish_reason="content_filter")) as server:
        with pytest.raises(ExecutionError, match=r"holds no text \(finish reason content_filter\)"):
            ask(batches(server, tmp_path), ["x"])
        assert (len(server.batched), server.direct) == (1, [])


def test_a_reply_cut_off_in_its_reasoning_is_asked_for_once_more_with_more_room(tmp_path: Path) -> None:
    with BatchServer(lambda _: completion(None, finish_reason="length", reasoning_content="Hm")) as server:
        with pytest.raises(ExecutionError, match=r"cut off in the model's reasoning .* with 4096 tokens"):
            ask(batches(server, tmp_path), ["x"])
        sent = [*server.batched, *server.direct]
        assert [received.payload["max_tokens"] for received in sent] == [16, 16 + 4096]


def test_a_filtered_reply_is_used_and_not_kept(tmp_path: Path) -> None:
    with BatchServer(lambda _: completion("ha", finish_reason="content_filter")) as server:
        for n in (1, 2):
            cached = CachedChat(batches(server, tmp_path), tmp_path / "chat.sqlite")
            assert ask(cached, ["x"])[0].finish_reason == "content_filter"
            assert len(server.made) == n
        assert server.direct == []


def test_a_batch_that_is_being_cancelled_is_waited_for(tmp_path: Path) -> None:
    states = ["validating", "in_progress", "cancelling", "an unknown one"]

    def on(step: str) -> Canned | None:
        if step == "look" and states:
            return Canned({"id": "batch_0", "status": states.pop(0)})
        return None

    with BatchServer(echo) as server:
        server.on = on
        server.end = lambda _: End("cancelled", leaves=lambda r: r.payload["messages"][-1]["content"] in TEN[:4])
        assert [reply.text for reply in ask(batches(server, tmp_path), TEN)] == ANSWERS
        assert (states, len(server.batched), len(server.direct)) == ([], 6, 4)


def test_closing_waits_for_no_batch_and_leaves_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither tasks nor warnings; what was collected is not submitted, what was submitted is known to the next one."""

    async def work(quiet_s: float, seen: asyncio.Event) -> None:
        model = batches(server, tmp_path, replace(PACE, quiet_s=quiet_s))
        cached = CachedChat(model, tmp_path / "chat.sqlite", model.let_go)
        calls = [asyncio.create_task(cached.complete(request(text))) for text in TEN]
        await asyncio.sleep(0.01)
        await seen.wait()
        await cached.close()
        assert set(map(type, await asyncio.gather(*calls, return_exceptions=True))) == {asyncio.CancelledError}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def while_collecting() -> None:
        seen = asyncio.Event()
        seen.set()
        await work(1e6, seen)

    async def while_under_way() -> None:
        await work(0.02, first_look(server))

    with BatchServer(echo) as server:
        server.held = True
        asyncio.run(while_collecting())
        assert (server.made, server.files) == ([], {})
        asyncio.run(while_under_way())
        assert len(server.made) == 1
        assert batches_under_way(tmp_path / STATE) == 1
    assert caplog.records == []


def test_a_model_that_was_closed_works_in_another_loop(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        model = batches(server, tmp_path)
        assert ask(model, ["a"])[0].text == "says a"
        assert ask(model, ["b"])[0].text == "says b"


def test_traits(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        model = batches(server, tmp_path)
        assert model.identity == OpenAIChat(server.base_url, "fake").identity  # so that both have one cache
        assert model.concurrency == Pace().most_requests == PACE.most_requests
        assert "fake" in repr(model)
    assert not (tmp_path / STATE).exists()


def test_the_bounds_are_those_that_openai_documents() -> None:
    assert (Pace().most_requests, Pace().most_bytes) == (50_000, 200_000_000)
