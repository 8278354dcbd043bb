"""The replies of chat models on disk, and what each is kept under."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from rageval.io.disk import open_database
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.types import Usage

_VERSION = 2
_SCHEMA = """
    CREATE TABLE replies (
        key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, reply TEXT NOT NULL, created TEXT NOT NULL
    ) WITHOUT ROWID
"""
_FIELDS = tuple(field.name for field in fields(ChatRequest))
_log = logging.getLogger("rageval")


def open_replies(path: Path) -> sqlite3.Connection:
    """The table `replies` in the database at `path`, which is made where there is none. Raises as `open_database`."""
    return open_database(path, (_SCHEMA,), _VERSION)


def request_key(identity: str, request: ChatRequest) -> str:
    """What a reply is kept under: 64 hex digits of the model's identity and the whole request."""
    content = {"model": identity, **{name: getattr(request, name) for name in _FIELDS}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=asdict).encode()).hexdigest()


def spared(tokens: int) -> Usage:
    """The usage of a reply that was there: how many tokens it cost when it was made."""
    return Usage(cached_calls=1, saved_tokens=tokens)


class Replies:
    """Replies by their keys, in the file at `path`. Raises `DeclarationError` where that cannot be written.

    Where `only` is given, replies under other keys are as if they were not there, and keys that are kept are added to
    it: an empty set lets no earlier reply count.
    """

    def __init__(self, path: Path, only: set[str] | None = None) -> None:
        self._path = path
        self._only = only
        self._database = open_replies(path)

    def find(self, key: str) -> ChatReply | None:
        """The reply, if there is one; its usage says what it spares. One that cannot be read is told and is none."""
        if self._only is not None and key not in self._only:
            return None
        try:
            row = self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            stored = json.loads(row[0])
            return ChatReply(
                text=stored["text"],
                finish_reason=stored["finish_reason"],
                tokens=tuple(Token(text, tuple((t, p) for t, p in pairs)) for text, pairs in stored["tokens"]),
                usage=spared(stored.get("tokens_used", 0)),
            )
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: a cached reply cannot be read (%s); the model is asked again", self._path, error)
            return None

    def keep(self, key: str, model: str, prompt: str, reply: ChatReply) -> None:
        """Keep a reply of that model to that prompt; not one that the endpoint's content filter cut."""
        if reply.finish_reason == "content_filter":
            return
        if self._only is not None:
            self._only.add(key)
        tokens = [(token.text, token.alternatives) for token in reply.tokens]
        used = reply.usage.prompt_tokens + reply.usage.completion_tokens
        stored = json.dumps(
            {"text": reply.text, "finish_reason": reply.finish_reason, "tokens": tokens, "tokens_used": used}
        )
        row = (key, model, prompt, stored, datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.DatabaseError as error:
            # The reply is paid for: better used now and asked again next time than lost.
            _log.warning("%s: a reply could not be kept (%s)", self._path, error)

    def close(self) -> None:
        self._database.close()
