"""Other draws of the same requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rageval.models.base import ChatRequest, Message
from rageval.models.cache import CachedChat
from rageval.models.scripted import ScriptedChat
from rageval.models.wire import to_payload
from rageval.models.wrapped import RepeatedChat
from rageval.pipeline import Resources

REQUEST = ChatRequest((Message("user", "?"),), "test/en@1", 10, temperature=0.7)


def test_each_repeat_is_another_request_with_another_seed(tmp_path: Path) -> None:
    model = ScriptedChat(lambda request: f"draw {request.sample}")
    cached = CachedChat(model, tmp_path / "chat.sqlite")

    async def ask() -> list[str]:
        chats = [cached, RepeatedChat(cached, 1), RepeatedChat(cached, 2), RepeatedChat(cached, 1)]
        replies = [(await chat.complete(REQUEST)).text for chat in chats]
        await cached.close()
        return replies

    assert asyncio.run(ask()) == ["draw 0", "draw 100000", "draw 200000", "draw 100000"]
    assert len(model.requests) == 3
    seeds = [to_payload(request).get("seed") for request in model.requests]
    assert seeds[0] is None
    assert len({*seeds}) == 3


def test_resources_share_all_but_the_chat_model() -> None:
    class Part:
        built = 0

        async def build(self, resources: Resources) -> int:
            Part.built += 1
            return Part.built

    model = ScriptedChat(lambda request: "yes")
    resources = Resources((), chat=model)
    assert resources.redrawn(0) is resources

    async def work() -> tuple[int, int]:
        other, part = resources.redrawn(1), Part()
        await other.chat.complete(REQUEST)
        return await resources.get(part), await other.get(part)

    assert asyncio.run(work()) == (1, 1)
    assert [request.sample for request in model.requests] == [100_000]
