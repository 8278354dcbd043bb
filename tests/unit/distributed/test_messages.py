"""What crosses between driver and workers arrives as it was sent."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

from rageval.distributed.messages import Ask, Mailbox, Raised, Reply
from rageval.distributed.payload import lay_out, stays_here
from rageval.distributed.worker import Post, RemoteChat
from rageval.errors import BenchmarkError, BudgetError, DeclarationError, ExecutionError, MissingExtraError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.refused_call import RejectedError
from rageval.models.wire import OutOfRoomError
from rageval.pipeline import Chain, Stage
from rageval.pipeline.recorded import Replay
from rageval.retrieval import BM25, Pointwise, Rerank, RerankEndpoint, Retrieve
from rageval.types import Usage

REQUEST = ChatRequest((Message("user", "?"),), "answer/en@1", 8)
ERRORS = [
    ModelError("bad key"),
    BudgetError("spent"),
    ExecutionError("no reply"),
    DeclarationError("k: found 0"),
    BenchmarkError(["a:1: no id", "a:2: no id"]),
    MissingExtraError("ray", "ray", "this"),
    RejectedError("status 400", "too long", "messages"),
    OutOfRoomError("cut off", Usage(1, completion_tokens=5)),
    KeyError("title"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_stay_what_they_are(error: Exception) -> None:
    arrived = pickle.loads(pickle.dumps(Raised.of(error))).error()
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.__dict__ == error.__dict__


class OwnError(Exception):
    """Of the user's own: the other side need not know it."""


def test_an_error_of_the_users_own_arrives_as_its_words() -> None:
    error = OwnError("no words")
    error.add_note("on the driver")
    arrived = pickle.loads(pickle.dumps(Raised.of(error))).error()
    assert type(arrived) is ExecutionError
    assert str(arrived) == "OwnError: no words"
    assert arrived.__notes__ == ["on the driver"]


def test_a_stand_in_and_its_post_travel_together() -> None:
    """The worker answers asks through the post that came with the models, which must be the one that they write to."""
    post = Post()
    arrived_post, chat = pickle.loads(pickle.dumps((post, RemoteChat(post, 1, "model @ there", 4))))

    async def ask() -> None:
        asked = asyncio.create_task(chat.complete(REQUEST))
        (letter,) = await arrived_post.take()
        assert letter == Ask(letter.number, 1, REQUEST)
        arrived_post.reply(Reply(letter.number, ChatReply("yes")))
        assert await asked == ChatReply("yes")
        failing = asyncio.create_task(chat.complete(REQUEST))
        (letter,) = await arrived_post.take()
        arrived_post.reply(Reply(letter.number, Raised.of(ExecutionError("no reply"))))
        with pytest.raises(ExecutionError, match="no reply"):
            await failing
        arrived_post.reply(Reply(letter.number, ChatReply("too late")))  # nobody waits any more

    asyncio.run(ask())


def test_a_mailbox_gives_all_letters_in_their_order() -> None:
    async def write() -> None:
        box = Mailbox[int]()
        taken = asyncio.create_task(box.take())
        await asyncio.sleep(0)
        assert not taken.done()
        box.put(1)
        box.put(2)
        assert await taken == [1, 2]
        box.put(3)
        assert await box.take() == [3]

    asyncio.run(write())


@pytest.mark.parametrize(
    ("tasks", "cpus", "calls"),
    [(1000, 2, 64), (1000, 2, 1), (1000, 64, 16), (5, 8, 64), (1, 1, None), (9999, 3, None)],
)
def test_no_more_pieces_are_under_way_than_calls(tasks: int, cpus: int, calls: int | None) -> None:
    layout = lay_out(tasks, cpus, calls)
    assert min(layout.workers, layout.lanes, layout.at_once, layout.size) >= 1
    assert layout.workers <= min(cpus, tasks)
    under_way = layout.workers * layout.lanes * layout.at_once
    assert under_way <= (calls or 4 * cpus)
    if calls and calls >= 2 * layout.workers and layout.workers == cpus:
        assert under_way > calls / 2  # and not so few that the endpoint is idle


def test_a_stage_with_a_path_stays_at_home() -> None:
    recorded: Stage = Replay(Path("run.trec"), "0")
    assert stays_here(recorded)
    assert stays_here(Chain((Retrieve(BM25()), recorded)))
    assert not stays_here(Retrieve(BM25()))
    assert stays_here(Retrieve(BM25()) >> Rerank(RerankEndpoint("http://127.0.0.1/v1", "m")))
    assert not stays_here(Retrieve(BM25()) >> Rerank(Pointwise()))
