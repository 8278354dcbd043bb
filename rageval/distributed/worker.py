"""What runs on the nodes: answers and judges the tasks it receives, and asks the driver for all model output."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rageval.distributed.messages import (
    Ask,
    AskVectors,
    Done,
    FromWorker,
    IndexingMessage,
    Mailbox,
    Raised,
    RecordMessage,
    Reply,
    Shard,
    ToWorker,
)
from rageval.errors import RagevalError
from rageval.experiment.answer import Task, WorkerContext
from rageval.experiment.environment import versions
from rageval.experiment.workers import work_through
from rageval.io.records import Outcome, judgment_to_json, outcome_to_json, usage_to_json
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.types import Document, Json, Judgment, Usage


class Post:
    """A worker's messages to the driver, and the pending asks among them.

    The driver creates it, empty, together with the models that write to it; the worker receives them together.
    """

    def __init__(self) -> None:
        self._out = Mailbox[FromWorker]()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0

    def send(self, letter: FromWorker) -> None:
        self._out.put(letter)

    async def take(self) -> list[FromWorker]:
        return await self._out.take()

    async def ask_chat(self, model: int, request: ChatRequest) -> ChatReply:
        return await self._ask(lambda number: Ask(number, model, request))

    async def ask_vectors(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return await self._ask(lambda number: AskVectors(number, texts, kind))

    def reply(self, reply: Reply) -> None:
        waiting = self._waiting.get(reply.number)
        if waiting is None or waiting.done():
            return
        if isinstance(reply.value, Raised):
            waiting.set_exception(reply.value.error())
        else:
            waiting.set_result(reply.value)

    async def _ask(self, letter: Callable[[int], FromWorker]) -> Any:
        number = self._asked
        self._asked += 1
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self.send(letter(number))
        try:
            return await self._waiting[number]
        finally:
            del self._waiting[number]


@dataclass(frozen=True)
class RemoteChat:
    """One of the driver's chat models."""

    post: Post
    model: int
    identity: str
    concurrency: int

    async def complete(self, request: ChatRequest) -> ChatReply:
        return await self.post.ask_chat(self.model, request)

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class RemoteEmbedder:
    """The driver's embedder."""

    post: Post
    identity: str

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return await self.post.ask_vectors(texts, kind)

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class Payload:
    """Everything a worker receives, once. It works on `at_once` tasks of a shard concurrently."""

    place: WorkerContext
    post: Post
    at_once: int


class Worker:
    """A Ray actor: one process, one event loop, each index built once."""

    async def open(self, payload: Payload) -> dict[str, str]:
        """Set the payload for the next shards. Returns the versions of what results depend on."""
        self._place, self._post, self._at_once = payload.place, payload.post, payload.at_once
        self._documents = {document.id: document for document in self._place.resources.documents}
        self._under_way: set[asyncio.Task[None]] = set()
        return versions()

    async def put(self, letters: Sequence[ToWorker]) -> None:
        for letter in letters:
            if isinstance(letter, Reply):
                self._post.reply(letter)
            else:
                task = asyncio.create_task(self._work_on(letter))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def take(self) -> list[FromWorker]:
        """Return the messages that the driver has not fetched yet; waits until there is at least one."""
        return await self._post.take()

    async def _work_on(self, shard: Shard) -> None:
        started = time.monotonic()
        tasks = [sent.task(self._documents) for sent in shard.tasks]
        try:
            await self._place.build_indexes(tasks, self._tell_indexing)
            built = time.monotonic()
            await work_through(tasks, self._work_on_one, self._at_once, 0, lambda done, total: None)
        except Exception as error:  # noqa: BLE001 (raised again by the driver)
            if not isinstance(error, RagevalError):
                error.add_note("".join(traceback.format_exception(error)))
            self._post.send(Raised.of(error))
        else:
            self._post.send(Done(shard.number, built - started, time.monotonic() - built))

    async def _work_on_one(self, task: Task) -> None:
        await self._place.work_on(task, _Sender(self._post, self._documents, task.pipeline))

    def _tell_indexing(self, pipeline: int, index: str, usage: Usage) -> None:
        self._post.send(IndexingMessage(pipeline, index, usage))


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sink that sends the results of a pipeline's tasks to the driver."""

    post: Post
    documents: Mapping[str, Document]
    pipeline: int

    def add_outcome(self, question_id: str, outcome: Outcome) -> None:
        data = outcome_to_json(outcome, self.documents)
        json.dumps(data, allow_nan=False)
        self.post.send(RecordMessage(self.pipeline, question_id, None, data))

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None:
        said: list[Json] = [judgment_to_json(judgment) for judgment in judgments]
        data: dict[str, Json] = {"judgments": said, "usage": usage_to_json(usage)}
        self.post.send(RecordMessage(self.pipeline, question_id, judge, data))
