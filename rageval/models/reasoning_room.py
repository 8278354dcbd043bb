"""How many tokens a model gets for its reasoning, beside those of its reply."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rageval.errors import DeclarationError, ExecutionError
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.refused_call import TooLongError
from rageval.models.wire import OutOfRoomError, first_word
from rageval.types import Json, Usage

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
    """Whether the model of that identity reasons, and the room that it gets for that: set, or found out from its
    replies.
    """

    def __init__(self, setting: Reasoning | None, identity: str) -> None:
        self._setting = setting
        self._identity = identity
        self._tokens = (setting or Reasoning()).max_tokens
        self._reasons = setting is not None and setting.effort != "none"
        self._cut_off = 0

    @property
    def tokens(self) -> int:
        """What a call gets now: 0 for a model that is not known to reason."""
        return self._tokens if self._reasons else 0

    def most_reply_tokens(self, request: ChatRequest) -> int:
        """How many tokens a call may take for its reply, reasoning and a second attempt included."""
        room = self.tokens
        return 2 * request.max_tokens + room + self._more(room) if room else request.max_tokens

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Take it that the model reasons where that was found before, unless a setting says how it is to reason."""
        if self._setting is None and facts.get("reasons") is True:
            self._reasons = True

    async def complete(self, request: ChatRequest, ask: Callable[[int], Awaitable[ChatReply]]) -> ChatReply:
        """The reply of `ask`, which is called with the room: once more, with more, where it was cut off in its
        reasoning, and with less where the prompt is too long beside it. Raises ExecutionError for a reply that is cut
        off again, and what `ask` raises.
        """
        return await self._complete(request, ask, self.tokens, Usage())

    async def complete_again(
        self,
        request: ChatRequest,
        ask: Callable[[int], Awaitable[ChatReply]],
        cut_off: OutOfRoomError,
        room: int,
    ) -> ChatReply:
        """As `complete`, after a reply that was cut off although it had that much room."""
        self._was_cut_off(cut_off)
        return await self._complete(request, ask, self._more(room), cut_off.usage)

    def finish(self, request: ChatRequest, reply: ChatReply) -> ChatReply:
        """The reply as it is passed on. Of a request for one token that is the first word, where the model had room for
        more.
        """
        if reply.reasoning or reply.usage.reasoning_tokens:
            self._found()
        return first_word(reply) if request.max_tokens == 1 and self.tokens else reply

    async def _complete(
        self, request: ChatRequest, ask: Callable[[int], Awaitable[ChatReply]], room: int, cut_off: Usage
    ) -> ChatReply:
        while True:
            try:
                reply = self.finish(request, await ask(room))
                if reply.finish_reason == "length" and not room and self.tokens:
                    told = f"{self._identity}: the reply was cut off after the model's reasoning"
                    raise OutOfRoomError(told, reply.usage)
                if not room:
                    self._cut_off = 0
            except OutOfRoomError as error:
                self._was_cut_off(error)
                if cut_off.calls:
                    raise ExecutionError(
                        f"{error}, with {room} tokens for that: allow more with `reasoning: {{max_tokens: ...}}`"
                    ) from None
                room, cut_off = self._more(room), error.usage
            except TooLongError as error:
                if room <= _LEAST_ROOM:
                    raise ExecutionError(str(error)) from None
                room //= _MORE
            else:
                if 0 < room < self._tokens:  # more did not fit
                    self._tokens = room
                return replace(reply, usage=cut_off + reply.usage)

    def _more(self, room: int) -> int:
        return room * _MORE if room else self._tokens

    def _was_cut_off(self, error: OutOfRoomError) -> None:
        """One reply without text that shows no reasoning may be an accident; two in a row are not."""
        self._cut_off += 1
        if error.usage.reasoning_tokens or error.reasoned or self._cut_off > 1:
            self._found()

    def _found(self) -> None:
        if not self._reasons:
            self._reasons = True
            _log.warning(
                "%s reasons before it replies: from now on it gets %d tokens more for that; `reasoning` sets how many",
                self._identity,
                self._tokens,
            )


def chat_settings(reasoning: Mapping[str, Any] | None, extra_body: Mapping[str, Json] | None) -> dict[str, Json]:
    """The settings of a chat model that can change a reply, for its identity. Raises DeclarationError for bad ones."""
    own = {"model", "messages", "stream", "n"} & set(extra_body or {})
    if own:
        raise DeclarationError(f"extra_body: found {', '.join(sorted(own))}, which rageval sets itself")
    effort = None if reasoning is None else Reasoning.of(reasoning).effort
    return {"reasoning_effort": effort, "extra_body": dict(extra_body or {})}
