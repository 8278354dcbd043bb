"""The OpenAI chat protocol as JSON: from a `ChatRequest` to a payload and from a reply's body to a `ChatReply`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, cast

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.types import Json, Usage


class NoTextError(ExecutionError):
    """A reply that is a chat completion and holds no text, which asking again would not change."""


def to_payload(request: ChatRequest) -> dict[str, Any]:
    """The body of a chat completion call, without the model's name.

    Repeated draws (`sample` > 0) have a `seed` that depends on the messages too: with one for all, a server would draw
    the same random numbers for every question, and the draws of a panel would err together. A schema is asked for
    strictly where strict mode allows it.
    """
    payload: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
    }
    if request.schema is not None:
        schema = {"name": "reply", "strict": _allows_strict(request.schema), "schema": dict(request.schema)}
        payload["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.top_logprobs:
        payload |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    if request.sample:
        payload["seed"] = _seed(request)
    return payload


def _seed(request: ChatRequest) -> int:
    """From 0 to 2**31 - 1, which every server takes."""
    text = "\0".join([str(request.sample), *(message.content for message in request.messages)])
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def without_lengths(schema: Any) -> Any:
    """The schema without `maxLength`, which OpenAI's strict mode refuses."""
    if isinstance(schema, list):
        return [without_lengths(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    return {k: without_lengths(v) for k, v in cast("Mapping[str, Any]", schema).items() if k != "maxLength"}


def read_completion(body: Any, endpoint: str) -> ChatReply:
    """The reply in a chat completion's body. A refusal has the finish reason `refusal` and the refusal as its text.

    Raises `NoTextError` where it holds no text, another `ExecutionError` where the body has another form.
    """
    try:
        choice = body["choices"][0]
        message = choice["message"]
        finish_reason = str(choice.get("finish_reason") or "stop")
        text = message.get("content")
        if not text and message.get("refusal"):
            text, finish_reason = message["refusal"], "refusal"
        tokens = _tokens(choice.get("logprobs"))
        usage = _usage(body)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise ExecutionError(f"{endpoint}: the reply is not a chat completion: {one_line(body)}") from None
    if not isinstance(text, str) or not text:
        raise NoTextError(f"{endpoint}: the reply holds no text (finish reason {finish_reason})")
    return ChatReply(text, finish_reason, tokens, usage)


def one_line(value: object) -> str:
    """`value` for an error message: on one line, cut at 200 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else text[:200] + "…"


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    return tuple(
        Token(str(token["token"]), _alternatives(_child(token, "top_logprobs")))
        for token in _child(logprobs, "content") or ()
    )


def _alternatives(top: Any) -> tuple[tuple[str, float], ...]:
    pairs = [(str(item["token"]), float(item["logprob"])) for item in top or ()]
    return tuple(sorted((pair for pair in pairs if math.isfinite(pair[1])), key=lambda pair: -pair[1]))


def _usage(body: Any) -> Usage:
    usage = _child(body, "usage")
    details = _child(usage, "prompt_tokens_details")
    return Usage(
        calls=1,
        prompt_tokens=int(_child(usage, "prompt_tokens") or 0),
        cached_tokens=int(_child(details, "cached_tokens") or 0),
        completion_tokens=int(_child(usage, "completion_tokens") or 0),
    )


def _child(value: Any, name: str) -> Any:
    """`value[name]`, or None where either is absent or null."""
    return value.get(name) if value else None


def _allows_strict(schema: Json | Mapping[str, Json]) -> bool:
    """Whether every object in `schema` is closed and requires all its properties, as OpenAI's strict mode demands."""
    if isinstance(schema, list):
        return all(_allows_strict(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        required = schema.get("required")
        names = list(properties) if isinstance(properties, Mapping) else []
        closed = schema.get("additionalProperties") is False
        if not closed or not isinstance(required, list) or sorted(map(str, required)) != sorted(names):
            return False
    return all(_allows_strict(value) for value in schema.values())
