"""What building shared things costs in model calls, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rageval.errors import ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Resources, Shared
from rageval.retrieval import BM25, Dense, MultiVector, Passages, SentenceChunker
from rageval.types import Document, Usage

DOCUMENTS = (Document("a", "One two."), Document("b", "Three four."))


def ask(*words: str) -> list[ChatRequest]:
    return [ChatRequest((Message("user", word),), "p", 1) for word in words]


@dataclass(frozen=True)
class Written:
    """Asks for each of its words, after its parts are built."""

    words: tuple[str, ...]
    parts: tuple[Written, ...] = ()

    async def build(self, resources: Resources) -> tuple[str, ...]:
        for part in self.parts:
            await resources.get(part)
        return tuple([(await resources.chat.complete(request)).text for request in ask(*self.words)])


@dataclass(frozen=True)
class Other(Written):
    """Of another name."""


def reply(request: ChatRequest) -> ChatReply:
    return ChatReply("x", usage=Usage(calls=1, prompt_tokens=10, completion_tokens=2))


def used(paid: int, cached: int = 0) -> Usage:
    calls = paid + cached
    return Usage(calls, cached, 10 * calls, 0, 2 * calls, cached, 10 * cached, 2 * cached)


def named(usage: Usage, *requests: str) -> Usage:
    """The usage of these requests, which the cache keeps."""
    return replace(usage, requests=dict.fromkeys(requests, (1, 10, 2)))


def build(resources: Resources, *shared: Shared[Any]) -> None:
    async def run() -> None:
        await asyncio.gather(*(resources.get(one) for one in shared))

    asyncio.run(run())


def test_each_thing_is_told_with_what_it_is_made_of() -> None:
    resources = Resources((), chat=ScriptedChat(reply))
    part = Written(("a", "b"))
    whole = Other(("c",), (part,))
    build(resources, whole, part)
    assert resources.tell_building([whole]) == {"Other": used(1), "Written": used(2)}


def test_of_those_that_share_it_one_has_paid() -> None:
    resources = Resources((), chat=ScriptedChat(reply))
    part = Written(("a", "b"))
    build(resources, Other(("c",), (part,)), Other(("d",), (part,)))
    assert resources.tell_building([Other(("c",), (part,))]) == {"Other": used(1), "Written": used(2)}
    assert resources.tell_building([Other(("d",), (part,))]) == {"Other": used(1), "Written": used(0, 2)}
    assert resources.tell_building([part]) == {"Written": used(0, 2)}


def test_two_of_one_name_are_told_apart() -> None:
    resources = Resources((), chat=ScriptedChat(reply))
    pair: Iterable[Shared[Any]] = [Written(("a",)), Written(("b", "c"))]
    build(resources, *pair)
    assert resources.tell_building(pair) == {"Written": used(1), "Written 2": used(2)}


def test_what_asks_nothing_or_was_never_built_is_left_out() -> None:
    resources = Resources(DOCUMENTS, chat=ScriptedChat(reply), embedder=HashEmbedder())
    build(resources, BM25(), Dense())
    assert resources.tell_building([BM25(), Dense(), Written(("a",))]) == {}
    assert Resources(()).tell_building([BM25()]) == {}


def test_a_build_that_failed_is_told_too_and_its_work_counts_once() -> None:
    replies: list[ChatReply | Exception] = [
        ChatReply("x", usage=named(used(1), "0a")),
        ExecutionError("gone"),
        ChatReply("x", usage=named(used(0, 1), "0a")),  # from the cache, the second time
        ChatReply("x", usage=named(used(1), "0b")),
    ]
    resources = Resources((), chat=ScriptedChat(lambda _: replies.pop(0)))
    with pytest.raises(ModelError, match="gone"):
        build(resources, Written(("a", "b")))
    assert resources.tell_building([Written(("a", "b"))]) == {"Written": named(used(1), "0a")}
    build(resources, Written(("a", "b")))
    told = [resources.tell_building([Written(("a", "b"))])["Written"] for _ in range(2)]
    assert [(one.calls, one.prompt_tokens, one.completion_tokens) for one in told] == [(2, 20, 4)] * 2
    assert [(one.paid_calls, one.paid_prompt_tokens) for one in told] == [(1, 10), (0, 0)]


def test_calls_of_answering_are_not_those_of_building() -> None:
    resources = Resources((), chat=ScriptedChat(reply))
    build(resources, Written(("a",)))
    asyncio.run(resources.chat.complete(ask("z")[0]))
    assert resources.tell_building([Written(("a",))]) == {"Written": used(1)}


def test_the_index_of_many_vectors_counts_its_summaries_and_questions() -> None:
    resources = Resources(DOCUMENTS, chat=ScriptedChat(reply), embedder=HashEmbedder())
    index = MultiVector(("sentences", "summaries", "questions"))
    build(resources, index)
    assert resources.tell_building([index]) == {"MultiVector": used(4)}
    assert index.indexing_calls(DOCUMENTS) == 4


def test_a_chunker_is_no_part_that_asks() -> None:
    resources = Resources(DOCUMENTS, chat=ScriptedChat(reply))
    counting = resources.counting()
    asyncio.run(counting.get(Passages(SentenceChunker())))
    assert counting.parts == [Passages(SentenceChunker())]
    assert counting.usage == Usage()


def test_work_that_was_paid_before() -> None:
    assert used(2, 1).paid_before(used(2)) == used(0, 3)
    assert used(2, 1).paid_before(used(1, 9)) == used(1, 2)
    all_free = Usage(1, 1, 10, 0, 2, free_calls=1, free_prompt_tokens=10, free_completion_tokens=2)
    assert Usage(1, 0, 10, 4, 2).paid_before(Usage(1, 0, 10, 4, 2)) == all_free
    assert used(2, 1).paid_before(Usage()) == used(2, 1)
