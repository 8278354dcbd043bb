"""Chat models behind any OpenAI-compatible address."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.endpoint import Endpoint, Limits, RejectedError
from rageval.models.wire import one_line, read_completion, to_payload, without_lengths

# Parameters that an endpoint may not support, and the words by which its error 400 names them.
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema"),
    "logprobs": ("logprobs",),
    "seed": ("seed",),
    "temperature": ("temperature",),
    "max_tokens": ("max_completion_tokens",),
}
_TOO_LONG = ("context length", "context size", "context window", "context_length", "too many tokens")
_log = logging.getLogger("rageval")


class OpenAIChat:
    """A chat model at `base_url` (with its `/v1`): `concurrency` calls at once at most, `timeout_s` seconds an attempt.

    The key is read from the environment variable `api_key_env` and goes nowhere but to the endpoint; a loopback address
    needs none. What another attempt can help is tried again `max_retries` times (see `Endpoint`), and fewer calls are
    made at once where the endpoint has trouble (see `AdaptiveLimit`). `requests_per_minute` and `tokens_per_minute` are
    kept where they are given. Where the endpoint rejects an optional parameter by name
    (schema, log-probabilities, seed, temperature), a warning is logged and that parameter is left out from then on;
    `max_tokens` becomes `max_completion_tokens` where the endpoint asks for that.

    To be used inside one event loop at a time.

    Raises `DeclarationError` for a bad address or a missing key; from `complete`, `ModelError` where the endpoint
    refuses key, model or address and `ExecutionError` where this call failed for good.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str = "OPENAI_API_KEY",
        concurrency: int = 16,
        timeout_s: float = 120.0,
        max_retries: int = 6,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        limits = Limits(concurrency, timeout_s, max_retries, requests_per_minute, tokens_per_minute)
        self.endpoint = Endpoint(base_url, model, api_key_env, limits)
        self._left_out: set[str] = set()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.identity!r})"

    @property
    def identity(self) -> str:
        return self.endpoint.identity

    @property
    def concurrency(self) -> int:
        return self.endpoint.limits.concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        while True:
            payload = self.payload(request)
            try:
                body = await self.endpoint.post("/chat/completions", payload, request.max_tokens)
                return read_completion(body, self.identity)
            except RejectedError as rejected:
                if not self.leave_out(rejected, payload):
                    raise ExecutionError(str(rejected)) from None

    async def close(self) -> None:
        await self.endpoint.close()

    def leave_out(self, rejected: RejectedError, payload: Mapping[str, Any]) -> bool:
        """Leave out the optional parameter for which the endpoint rejected that payload, from now on. Returns False if
        the payload was rejected for another reason.
        """
        option = _rejected_option(rejected, payload)
        if option is None:
            return False
        if option not in self._left_out:
            self._left_out.add(option)
            _log.warning("%s does without %s from now on: %s", self.identity, option, one_line(rejected.told))
        return True

    def payload(self, request: ChatRequest) -> dict[str, Any]:
        """Return the body for a request, without the model's name and parameters that the endpoint has rejected."""
        payload = without_lengths(to_payload(request))
        for option in self._left_out:
            payload.pop(option, None)
        if "logprobs" in self._left_out:
            payload.pop("top_logprobs", None)
        if "max_tokens" in self._left_out:
            payload["max_completion_tokens"] = request.max_tokens
        return payload


def _rejected_option(rejected: RejectedError, payload: Mapping[str, Any]) -> str | None:
    """The optional parameter of `payload` that the endpoint rejected, or None where something else is wrong."""
    told = rejected.told.lower()
    if any(words in told for words in _TOO_LONG):
        return None
    for option, words in _OPTIONAL.items():
        if option in payload and any(word in told or word in (rejected.param or "") for word in words):
            return option
    return None
