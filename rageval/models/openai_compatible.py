"""Chat models behind any OpenAI-compatible address."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rageval.errors import ExecutionError, ModelError
from rageval.models.access import Access, Header
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.capabilities import Capabilities
from rageval.models.endpoint import Endpoint, Limits
from rageval.models.reasoning_room import Reasoning, ReasoningRoom, chat_settings
from rageval.models.refused_call import RejectedError, TooLongError
from rageval.models.wire import OutOfRoomError, one_line, read_completion, to_payload, without_lengths
from rageval.types import Json

_log = logging.getLogger("rageval")


class OpenAIChat:
    """A chat model at `base_url` (with its `/v1`): `concurrency` calls at once at most, each with `timeout_s` seconds
    between two bytes of its answer.

    The key is read from the environment variable `api_key_env` and goes nowhere but to the endpoint; an address on this
    machine or a private network needs none, and None sends none. What another attempt can help is tried again
    `max_retries` times (see `Endpoint`), and fewer calls are made at once where the endpoint has trouble (see
    `AdaptiveLimit`). `requests_per_minute` and `tokens_per_minute` are kept where they are given. A field that the
    endpoint refuses (schema, log-probabilities, seed, temperature, length) is changed or left out from then on (see
    `Capabilities`), with a warning.

    `reasoning` sets the `effort` of a model that reasons before it replies and the `max_tokens` for that, beside those
    of the reply; without it both are found out. `extra_body` has further fields of each call, `extra_headers` further
    headers. `auth`, `api_version` and `verify` are as in `Access`.

    To be used inside one event loop at a time.

    Raises `DeclarationError` for a bad address or setting and a missing key; from `complete`, `ModelError` where the
    endpoint refuses key, model or address and `ExecutionError` where this call failed for good.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str | None = "OPENAI_API_KEY",
        concurrency: int = 16,
        timeout_s: float = 120.0,
        max_retries: int = 6,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        reasoning: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Json] | None = None,
        extra_headers: Mapping[str, Header] | None = None,
        auth: Literal["bearer", "api-key"] | None = None,
        api_version: str | None = None,
        verify: Path | None = None,
    ) -> None:
        limits = Limits(concurrency, timeout_s, max_retries, requests_per_minute, tokens_per_minute)
        access = Access(auth, api_version, extra_headers or {}, verify)
        settings = chat_settings(reasoning, extra_body)
        self.endpoint = Endpoint(base_url, model, api_key_env, limits, access, settings)
        effort = None if reasoning is None else Reasoning.of(reasoning).effort
        self._extra = {**({} if effort is None else {"reasoning_effort": effort}), **(extra_body or {})}
        self._room = ReasoningRoom(None if reasoning is None else Reasoning.of(reasoning), self.identity)
        self._takes = Capabilities()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.identity!r})"

    @property
    def identity(self) -> str:
        return self.endpoint.identity

    @property
    def concurrency(self) -> int:
        return self.endpoint.limits.concurrency

    @property
    def room(self) -> int:
        """How many tokens a call gets for the model's reasoning, as far as is known."""
        return self._room.tokens

    @property
    def facts(self) -> dict[str, Json]:
        """What is known by now of what the model takes and does, for `recall`."""
        return {**self._takes.facts, "reasons": self._room.tokens > 0}

    def recall(self, facts: Mapping[str, Json]) -> None:
        """Begin with what was found out about the model before."""
        self._takes.recall(facts)
        self._room.recall(facts)

    async def complete(self, request: ChatRequest) -> ChatReply:
        return await self._room.complete(request, lambda room: self._ask(request, room))

    async def complete_again(self, request: ChatRequest, cut_off: OutOfRoomError, room: int) -> ChatReply:
        """As `complete`, after a reply that was cut off in its reasoning although it had that much room."""
        return await self._room.complete_again(request, lambda room: self._ask(request, room), cut_off, room)

    async def close(self) -> None:
        await self.endpoint.close()

    def most_reply_tokens(self, request: ChatRequest) -> int:
        """How many tokens a call may take for its reply, reasoning and a second attempt included."""
        return self._room.most_reply_tokens(request)

    def leave_out(
        self, rejected: RejectedError, request: ChatRequest, payload: Mapping[str, Any], room: int = 0
    ) -> bool:
        """Change or leave out the field for which the endpoint rejected that payload of a request, from now on. Returns
        False if it was rejected for another reason. Raises ModelError for a field that the user set.
        """
        field = rejected.field
        if field is None:
            return False
        if field in self._extra:
            where = "reasoning.effort" if field == "reasoning_effort" else f"extra_body.{field}"
            raise ModelError(f"{rejected}: the endpoint refuses `{where}`: change it or leave it out")
        if self.payload(request, room) != payload:
            return True  # another call has learned it meanwhile
        step = self._takes.learn(field, rejected.told, payload)
        if step is None or self.payload(request, room) == payload:
            return False
        _log.warning("%s %s from now on: %s", self.identity, step, one_line(rejected.told))
        return True

    def payload(self, request: ChatRequest, room: int | None = None) -> dict[str, Any]:
        """Return the body for a request, without the model's name: with room for reasoning, by default as much as the
        model is known to need, and without what the endpoint has refused.
        """
        payload = without_lengths(to_payload(request))
        payload["max_tokens"] += self._room.tokens if room is None else room
        payload = self._takes.fit(payload)
        return {**payload, **self._extra} if self._extra else payload

    def finish(self, request: ChatRequest, reply: ChatReply) -> ChatReply:
        """A reply that came otherwise, as `complete` would return it."""
        return self._room.finish(request, reply)

    async def _ask(self, request: ChatRequest, room: int) -> ChatReply:
        while True:
            payload = self.payload(request, room)
            try:
                return await self.endpoint.post("/chat/completions", payload, request.max_tokens + room, self._read)
            except TooLongError:
                raise
            except RejectedError as rejected:
                if not self.leave_out(rejected, request, payload, room):
                    raise ExecutionError(str(rejected)) from None

    def _read(self, body: Any) -> ChatReply:
        return read_completion(body, self.identity)
