"""The OpenAI chat protocol as JSON: from a `ChatRequest` to a payload and from a reply's body to a `ChatReply`."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.models.json_parts import as_list, as_object
from rageval.models.reasoning import split_reasoning
from rageval.types import Json, Usage

_FINISH_REASONS = {
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "model_length": "length",
    "max_tokens": "length",
    "sensitive": "content_filter",
}
_BROKEN_OFF = frozenset({"error", "abort", "network_error", "insufficient_system_resource"})
_WITHHELD = frozenset({"content_filter", "refusal"})
_REASONING = ("reasoning_content", "reasoning", "thinking")
_THOUGHT_PARTS = frozenset({"thinking", "reasoning", "thought", "redacted_thinking"})
_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
_UNKNOWN = -9999.0
_WORD = re.compile(r"[\W_]*\w+")


class NoTextError(ExecutionError):
    """A reply that is a chat completion and holds no text, which asking again would not change."""


class UnfinishedError(NoTextError):
    """A reply without text, or one that broke off, for no reason that would hold for another attempt too."""


class OutOfRoomError(NoTextError):
    """A reply that was cut off before the model had finished its reasoning. `usage` is what it cost; `reasoned` says
    that there was reasoning to see.
    """

    def __init__(self, message: str, usage: Usage | None = None, *, reasoned: bool = True) -> None:
        super().__init__(message)
        self.usage = usage or Usage(calls=1)
        self.reasoned = reasoned


def to_payload(request: ChatRequest) -> dict[str, Any]:
    """The body of a chat completion call, without the model's name.

    A message with images has parts as its content: its text, and each image as a data URI under `image_url`, the form
    that OpenAI, vLLM, llama.cpp and Ollama read. Raises ExecutionError for an image that cannot be read.

    Repeated draws (`sample` > 0) have a `seed` that depends on the messages too: with one for all, a server would draw
    the same random numbers for every question, and the draws of a panel would err together. A schema is asked for
    strictly where strict mode allows it.
    """
    payload: dict[str, Any] = {
        "messages": [{"role": message.role, "content": _parts(message)} for message in request.messages],
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


def _parts(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    images = [{"type": "image_url", "image_url": {"url": image.data_uri()}} for image in message.images]
    return [{"type": "text", "text": message.content}, *images]


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

    Reasoning, wherever it stands, is kept apart from the text and its tokens. Log-probabilities and usage that cannot
    be read are as if absent.

    Raises `OutOfRoomError` where the reasoning left no room for text, `UnfinishedError` where the service broke off,
    `NoTextError` where its filter withholds the text, another `ExecutionError` where the body has another form.
    """
    try:
        choices = body["choices"]
        choice = choices[0] if choices else None
        message: Mapping[str, Any] = {} if choice is None else choice["message"]
        said = _FINISH_REASONS.get(str(choice.get("finish_reason")), str(choice.get("finish_reason"))) if choice else ""
        content, beside = _content(message)
        refusal = message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ExecutionError(f"{endpoint}: the reply is not a chat completion: {one_line(body)}") from None
    if choice is None or said in _BROKEN_OFF:
        why = f"finish reason {said}" if said else "no choices"
        raise UnfinishedError(f"{endpoint}: the service broke off without a reply ({why})")
    inside, text, unclosed = split_reasoning(content)
    reasoning = "\n".join(filter(None, (beside, inside)))
    usage = _usage(body, reasoning, text)
    reasoned = bool(reasoning or usage.reasoning_tokens)
    is_blank = not text.strip()
    if unclosed or (is_blank and said == "length" and (reasoned or not text)):
        told = f"{endpoint}: the reply holds no text: it was cut off in the model's reasoning (finish reason {said})"
        raise OutOfRoomError(told, usage, reasoned=reasoned)
    if is_blank and isinstance(refusal, str) and refusal:
        text, said = refusal, "refusal"
    elif is_blank and said != "length":
        told = f"{endpoint}: the reply holds no text (finish reason {said})"
        raise NoTextError(f"{told}: the service withheld it") if said in _WITHHELD else UnfinishedError(told)
    tokens = _tokens(choice.get("logprobs"))
    if reasoning:
        text = text.strip()
        tokens = _of_answer(tokens, text)
    return ChatReply(text, "stop" if said == "None" else said, tokens, usage, reasoning)


def without_reasoning(reply: ChatReply, model: str) -> ChatReply:
    """The reply of a model of the user's own with reasoning in its text taken out. Raises OutOfRoomError where the text
    ends within it.
    """
    if not reply.text:
        return reply
    reasoning, text, unclosed = split_reasoning(reply.text)
    if unclosed:
        raise OutOfRoomError(f"{model}: the reply was cut off in the model's reasoning", reply.usage)
    if text == reply.text:
        return reply
    return replace(reply, text=text, reasoning=reasoning, tokens=_of_answer(reply.tokens, text))


def first_word(reply: ChatReply) -> ChatReply:
    """The reply as if it had been cut off behind its first word."""
    word = _WORD.match(reply.text)
    return replace(reply, text=word[0] if word else reply.text, tokens=reply.tokens[:1])


def one_line(value: object) -> str:
    """`value` for an error message: on one line, cut at 200 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else text[:200] + "…"


def _content(message: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a message, and the reasoning beside it."""
    content = message.get("content")
    beside = next((text for name in _REASONING if isinstance(text := message.get(name), str) and text.strip()), "")
    if not isinstance(content, list):
        return content if isinstance(content, str) else "", beside.strip()
    parts = as_list(content)
    thoughts = [_part(part) for part in parts if _is_thought(part)]
    text = "".join(_part(part) for part in parts if not _is_thought(part))
    return text, "\n".join(filter(None, (beside.strip(), *(thought.strip() for thought in thoughts))))


def _is_thought(part: Any) -> bool:
    return str(as_object(part).get("type")) in _THOUGHT_PARTS


def _part(part: Any) -> str:
    """The text of a part of a content, which may have parts itself."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(map(_part, as_list(part)))
    fields = as_object(part)
    return next((_part(fields[name]) for name in ("text", "thinking", "reasoning") if fields.get(name)), "")


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    """The tokens in OpenAI's form, or as parallel lists (Together, the old completions); none where unreadable."""
    try:
        if not logprobs:
            return ()
        content = logprobs.get("content")
        if content:
            return tuple(Token(str(token["token"]), _alternatives(token.get("top_logprobs"))) for token in content)
        texts, own = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
        tops = logprobs.get("top_logprobs") or [None] * len(texts)
        return tuple(
            Token(str(text), _alternatives(_pairs(top) if top else [{"token": text, "logprob": logprob}]))
            for text, logprob, top in zip(texts, own, tops, strict=True)
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return ()


def _pairs(top: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"token": token, "logprob": logprob} for token, logprob in top.items()]


def _alternatives(top: Any) -> tuple[tuple[str, float], ...]:
    """Without those that have no number, or -9999, by which OpenAI and vLLM mean that it is unknown."""
    pairs = [
        (str(item["token"]), float(logprob))
        for item in top or ()
        if (logprob := item.get("logprob")) is not None and _UNKNOWN < logprob < math.inf
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _of_answer(tokens: tuple[Token, ...], text: str) -> tuple[Token, ...]:
    """The tokens that spell out `text`, where others were generated before it; none where they cannot be found."""
    start = "".join(token.text for token in tokens).rfind(text)
    if start < 0:
        return ()
    length = 0
    for place, token in enumerate(tokens):
        length += len(token.text)
        if length > start:
            return tokens[place:]
    return ()


def _usage(body: Any, reasoning: str, text: str) -> Usage:
    usage = as_object(body.get("usage"))
    details = as_object(usage.get("prompt_tokens_details")) or as_object(usage.get("prompt_token_details"))
    cached = [_count(details.get("cached_tokens")), *(_count(usage.get(name)) for name in _CACHED)]
    completion = _count(usage.get("completion_tokens"))
    thought = _count(as_object(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    thought = thought or _count(usage.get("reasoning_tokens"))
    if reasoning and not thought:
        thought = round(completion * len(reasoning) / (len(reasoning) + len(text)))
    return Usage(
        calls=1,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=next(filter(None, cached), 0),
        completion_tokens=completion,
        reasoning_tokens=min(thought, completion),
    )


def _count(value: Any) -> int:
    """A number of tokens, 0 where there is none that makes sense."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return int(value) if usable else 0


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
