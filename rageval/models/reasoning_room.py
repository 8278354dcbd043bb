"""How many tokens a model gets for its reasoning, beside those of its reply."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rageval.errors import DeclarationError
from rageval.models.base import ChatReply
from rageval.models.wire import OutOfRoomError
from rageval.types import Json

_ROOM = 4096
_LEAST_ROOM = 256
_MORE = 4
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How a model is to reason: its `effort` in the endpoint's words, and `max_tokens` of room, 4096 by default."""

    effort: str | None = None
    max_tokens: int = _ROOM

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Reasoning:
        """From the keys of an experiment file. Raises DeclarationError."""
        unknown = set(given) - {"effort", "max_tokens"}
        tokens = given.get("max_tokens")
        if unknown or not (tokens is None or (isinstance(tokens, int) and tokens > 0)):
            raise DeclarationError(
                f"reasoning: found {dict(given)}, expected effort (a word) or max_tokens (a whole number above 0)"
            )
        return cls(given.get("effort"), tokens or _ROOM)


class ReasoningRoom:
    """Whether a model reasons, and the room that it gets for that: set, or found out from its replies.

    A reply cut off in its reasoning gets `more` room once. A prompt that is too long with the room makes it `less`.
    """

    def __init__(self, setting: Reasoning | None) -> None:
        self._setting = setting
        self._tokens = (setting or Reasoning()).max_tokens
        self._reasons = setting is not None and setting.effort != "none"
        self._cut_off = 0

    @property
    def tokens(self) -> int:
        """What a call gets now: 0 for a model that is not known to reason."""
        return self._tokens if self._reasons else 0

    def more(self, room: int) -> int:
        """The room for a second attempt after one with `room`."""
        return room * _MORE if room else self._tokens

    def less(self, room: int) -> int | None:
        """The room where a prompt with `room` is too long, None where that is not the reason."""
        if room <= _LEAST_ROOM:
            return None
        self._tokens = min(self._tokens, room // _MORE)
        return room // _MORE

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Take it that the model reasons where that was found before, unless a setting says how it is to reason."""
        if self._setting is None and facts.get("reasons") is True:
            self._reasons = True

    def has_replied(self, reply: ChatReply, identity: str) -> None:
        """Learn from a reply."""
        if reply.reasoning or reply.usage.reasoning_tokens:
            self._found(identity)

    def was_cut_off(self, error: OutOfRoomError, identity: str) -> None:
        """Learn from a reply without text. One that shows no reasoning may be an accident; two are not."""
        self._cut_off += 1
        if error.usage.reasoning_tokens or error.reasoned or self._cut_off > 1:
            self._found(identity)

    def _found(self, identity: str) -> None:
        if not self._reasons:
            self._reasons = True
            _log.warning(
                "%s reasons before it replies: from now on it gets %d tokens more for that; `reasoning` sets how many",
                identity,
                self._tokens,
            )


def chat_settings(reasoning: Mapping[str, Any] | None, extra_body: Mapping[str, Json] | None) -> dict[str, Json]:
    """The settings of a chat model that can change a reply, for its identity. Raises DeclarationError for bad ones."""
    own = {"model", "messages", "stream", "n"} & set(extra_body or {})
    if own:
        raise DeclarationError(f"extra_body: found {', '.join(sorted(own))}, which rageval sets itself")
    effort = None if reasoning is None else Reasoning.of(reasoning).effort
    return {"reasoning_effort": effort, "extra_body": dict(extra_body or {})}
