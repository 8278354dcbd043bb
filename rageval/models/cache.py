"""Every reply of a chat model, kept on disk, so that nothing is asked twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from rageval.models.base import ChatModel, ChatReply, ChatRequest, Token
from rageval.models.disk import open_database
from rageval.types import Usage

_VERSION = 2
_SCHEMA = """
    CREATE TABLE replies (
        key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, reply TEXT NOT NULL, created TEXT NOT NULL
    ) WITHOUT ROWID
"""
_GRACE_S = 5.0
_log = logging.getLogger("rageval")


def open_replies(path: Path) -> sqlite3.Connection:
    """The table `replies` in the database at `path`, which is made where there is none. Raises as `open_database`."""
    return open_database(path, (_SCHEMA,), _VERSION)


class CachedChat:
    """A chat model behind a cache at `path` (SQLite), keyed by the model's identity and the whole request.

    A reply from the cache costs nothing, and its usage says how many tokens that spared. Equal requests that are in
    flight together are sent once. Failures are not kept, nor are replies that the endpoint's content filter cut.
    Several processes may share one file, and a process killed at any moment leaves it whole. Closing it closes the
    model too, after calls that are still under way have had a few seconds more: they are paid for and kept.

    Raises `DeclarationError` where `path` cannot be written.
    """

    def __init__(self, model: ChatModel, path: Path) -> None:
        self._model = model
        self._path = path
        self._database = open_replies(path)
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
        """The reply that is in the cache, if any; asks no model."""
        return self._read(self.key(request))

    def key(self, request: ChatRequest) -> str:
        """What the reply is kept under: 64 hex digits of the model's identity and the whole request."""
        content = {"model": self._model.identity, **asdict(request)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    async def complete(self, request: ChatRequest) -> ChatReply:
        key = self.key(request)
        running = self._in_flight.get(key)
        if running is not None:
            reply = await asyncio.shield(running)
            return replace(reply, usage=_spared(reply.usage.prompt_tokens + reply.usage.completion_tokens))
        cached = self._read(key)
        if cached is not None:
            return cached
        # A task of its own, so that one waiter's cancellation does not take the reply from the others.
        task = asyncio.create_task(self._ask(key, request))
        self._in_flight[key] = task
        task.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        running = list(self._in_flight.values())
        if running:
            await asyncio.wait(running, timeout=_GRACE_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._database.close()
        await self._model.close()

    async def _ask(self, key: str, request: ChatRequest) -> ChatReply:
        reply = await self._model.complete(request)
        if reply.finish_reason != "content_filter":
            self._write(key, request, reply)
        return reply

    def _finish(self, key: str, task: asyncio.Task[ChatReply]) -> None:
        del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # marks it as seen, for the case that every waiter was cancelled

    def _read(self, key: str) -> ChatReply | None:
        try:
            row = self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            stored = json.loads(row[0])
            return ChatReply(
                text=stored["text"],
                finish_reason=stored["finish_reason"],
                tokens=tuple(Token(text, tuple((t, p) for t, p in pairs)) for text, pairs in stored["tokens"]),
                usage=_spared(stored.get("tokens_used", 0)),
            )
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: a cached reply cannot be read (%s); the model is asked again", self._path, error)
            return None

    def _write(self, key: str, request: ChatRequest, reply: ChatReply) -> None:
        tokens = [(token.text, token.alternatives) for token in reply.tokens]
        used = reply.usage.prompt_tokens + reply.usage.completion_tokens
        stored = json.dumps(
            {"text": reply.text, "finish_reason": reply.finish_reason, "tokens": tokens, "tokens_used": used}
        )
        row = (key, self._model.identity, request.prompt, stored, datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.DatabaseError as error:
            # The reply is paid for: better used now and asked again next time than lost.
            _log.warning("%s: a reply could not be kept (%s)", self._path, error)


def _spared(tokens: int) -> Usage:
    return Usage(cached_calls=1, spared_tokens=tokens)
