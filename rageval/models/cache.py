"""Every reply of a chat model, kept on disk, so that nothing is asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from rageval.models.base import ChatModel, ChatReply, ChatRequest, check_identity
from rageval.models.in_flight import let_finish, mark_as_seen
from rageval.models.replies import Replies, from_cache, request_key
from rageval.models.wire import without_reasoning


class CachedChat:
    """A chat model behind a cache at `path` (SQLite), keyed by the model's identity and the whole request.

    A cached reply costs nothing; its usage says what it cost when it was made. Equal requests that are in flight
    together are sent once, and the first of them pays. Reasoning that a model writes into its text is taken out.
    Failures are not kept, nor are replies cut by the endpoint's content filter. Several processes may share one file,
    and killing a process at any moment leaves the file intact. Closing the cache closes the model too, after giving
    running calls a few more seconds: they are paid for, so their replies are kept. Before that, `on_closing` is called,
    for models whose calls take too long for such a short wait. `only` is as in `Replies`.

    Raises `DeclarationError` where `path` cannot be written, and for a model without a readable identity.
    """

    def __init__(
        self,
        model: ChatModel,
        path: Path,
        on_closing: Callable[[], None] | None = None,
        only: set[str] | None = None,
    ) -> None:
        check_identity(model)
        self._model = model
        self._path = path
        self._on_closing = on_closing
        self._replies = Replies(path, only)
        self._in_flight: dict[str, asyncio.Task[ChatReply]] = {}

    def __repr__(self) -> str:
        return f"CachedChat({self._model!r}, {str(self._path)!r})"

    @property
    def identity(self) -> str:
        return self._model.identity

    @property
    def concurrency(self) -> int:
        return self._model.concurrency

    def find(self, request: ChatRequest) -> ChatReply | None:
        """Return the cached reply, or None; never asks the model."""
        return self._replies.find(self.key(request))

    def key(self, request: ChatRequest) -> str:
        """Return the key of the reply: see `request_key`."""
        return request_key(self._model.identity, request)

    async def complete(self, request: ChatRequest) -> ChatReply:
        key = self.key(request)
        running = self._in_flight.get(key)
        if running is not None:
            return from_cache(await asyncio.shield(running))
        cached = self._replies.find(key)
        if cached is not None:
            return cached
        # A task of its own, so that one waiter's cancellation does not take the reply from the others.
        task = asyncio.create_task(self._ask(key, request))
        self._in_flight[key] = task
        task.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        if self._on_closing is not None:
            self._on_closing()
        await let_finish(self._in_flight.values())
        self._replies.close()
        await self._model.close()

    async def _ask(self, key: str, request: ChatRequest) -> ChatReply:
        reply = without_reasoning(await self._model.complete(request), self.identity)
        return self._replies.keep(key, self._model.identity, request.prompt, reply)

    def _finish(self, key: str, task: asyncio.Task[ChatReply]) -> None:
        del self._in_flight[key]
        mark_as_seen(task)
