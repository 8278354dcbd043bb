"""The replies of chat models on disk, and their keys."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from rageval.io.disk import open_database
from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.types import Json, Usage

_VERSION = 3
_SCHEMA = """
    CREATE TABLE replies (
        key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, reply TEXT NOT NULL, created TEXT NOT NULL
    ) WITHOUT ROWID
"""
_FIELDS = tuple(field.name for field in fields(ChatRequest))
_log = logging.getLogger("rageval")


def open_replies(path: Path) -> sqlite3.Connection:
    """Open the database at `path` with its table `replies`, or create it. Raises as `open_database`."""
    return open_database(path, (_SCHEMA,), _VERSION)


def request_key(identity: str, request: ChatRequest) -> str:
    """Return the key of a reply: 64 hex digits of the model's identity and the whole request, with images by digest."""
    content = {"model": identity, **{name: getattr(request, name) for name in _FIELDS}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_message).encode()).hexdigest()


def _message(message: Message) -> dict[str, Json]:
    images: list[Json] = [image.digest for image in message.images]
    return {"role": message.role, "content": message.content, **({"images": images} if images else {})}


def from_cache(reply: ChatReply) -> ChatReply:
    """Return the reply as a cache hit: free, with a usage that says what it cost when it was made."""
    return replace(reply, usage=replace(reply.usage.paid_before(reply.usage), cached_calls=1))


class Replies:
    """Replies by key, in the file at `path`. Raises `DeclarationError` where that cannot be written.

    If `only` is given, replies under other keys are ignored, and the keys of new replies are added to it: with an empty
    set, no earlier reply is used.
    """

    def __init__(self, path: Path, only: set[str] | None = None) -> None:
        self._path = path
        self._only = only
        self._database = open_replies(path)

    def find(self, key: str) -> ChatReply | None:
        """Return the reply as `from_cache` gives it, or None. Logs a reply that cannot be read."""
        if self._only is not None and key not in self._only:
            return None
        try:
            row = self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            stored = json.loads(row[0])
            calls, prompt_tokens, completion_tokens = map(int, stored["cost"])
            cost = (calls, prompt_tokens, completion_tokens)
            when_made = Usage(
                calls, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, requests={_short(key): cost}
            )
            return from_cache(
                ChatReply(
                    text=stored["text"],
                    finish_reason=stored["finish_reason"],
                    tokens=tuple(Token(text, tuple((t, p) for t, p in pairs)) for text, pairs in stored["tokens"]),
                    usage=when_made,
                    reasoning=stored.get("reasoning", ""),
                )
            )
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: a cached reply cannot be read (%s); the model is asked again", self._path, error)
            return None

    def keep(self, key: str, model: str, prompt: str, reply: ChatReply) -> ChatReply:
        """Keep the reply of that model to that prompt, unless the endpoint's content filter cut it. Returns the reply;
        if it was kept, its usage names the request.
        """
        if reply.finish_reason == "content_filter":
            return reply
        if self._only is not None:
            self._only.add(key)
        usage = reply.usage
        cost = (usage.calls, usage.prompt_tokens, usage.completion_tokens)
        tokens = [(token.text, token.alternatives) for token in reply.tokens]
        content = {"text": reply.text, "finish_reason": reply.finish_reason, "tokens": tokens, "cost": cost}
        stored = json.dumps({**content, "reasoning": reply.reasoning} if reply.reasoning else content)
        row = (key, model, prompt, stored, datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.DatabaseError as error:
            # The reply is paid for: use it now, and ask again next time.
            _log.warning("%s: a reply could not be kept (%s)", self._path, error)
            return reply
        return replace(reply, usage=replace(usage, requests={_short(key): cost}))

    def close(self) -> None:
        self._database.close()


def _short(key: str) -> str:
    """The request's name in a usage: 64 bits of its key, enough to tell the requests of a run apart."""
    return key[:16]
