"""Spans of a trace, whoever wrote them: what was searched, read, asked and answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

SpanKind = Literal["retrieval", "rerank", "chat", "other"]

_QUESTION = (
    "question",
    "query",
    "query_str",
    "query_bundle",
    "user_input",
    "input",
    "inputs",
    "prompt",
    "text",
    "content",
)
_ANSWER = ("answer", "result", "response", "output", "outputs", "completion", "text", "content", "message")
_USER, _ASSISTANT = ("user", "human"), ("assistant", "ai", "model")
_DOCUMENTS = ("documents", "source_documents", "output", "outputs", "nodes", "results", "matches", "hits")
_TEXTS = ("page_content", "text", "content", "document")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are seconds since 1970. `documents` are what a search or a reranker returned, each with a text or
    an id. `tokens` are those of the prompt and of the reply. `feedback` is what a user said of the trace.
    """

    trace: str
    id: str
    parent: str
    kind: SpanKind = "other"
    start: float = 0.0
    end: float = 0.0
    input: object = None
    output: object = None
    query: str = ""
    documents: tuple[Mapping[str, Any], ...] = ()
    model: str = ""
    session: str = ""
    tokens: tuple[float | None, float | None] = (None, None)
    cost: float | None = None
    feedback: object = None


def decoded(value: object) -> object:
    """The value, or what it says in JSON where it is a text that does."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"'):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def question_in(value: object) -> str:
    """The text that was asked, in a text, messages, or an object under one of the usual keys; "" if there is none."""
    return _text(value, _QUESTION, _USER, 0)


def answer_in(value: object) -> str:
    """The text that was answered, likewise."""
    return _text(value, _ANSWER, _ASSISTANT, 0)


def documents_in(value: object) -> tuple[Mapping[str, Any], ...]:
    """The documents in what a search returned: the first list of objects with a text, also of serialised ones."""
    return _documents(decoded(value), 0)


def _text(value: object, keys: Sequence[str], roles: Sequence[str], depth: int) -> str:
    value = decoded(value)
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return _of_list(cast("list[object]", value), keys, roles, depth)
    if not isinstance(value, Mapping):
        return ""
    fields = _plain(cast("Mapping[str, object]", value))
    for key in ("messages", "generations", "choices", *keys, "parts", "args"):
        if fields.get(key) is not None and (found := _text(fields[key], keys, roles, depth + 1)):
            return found
    return ""


def _of_list(listed: list[object], keys: Sequence[str], roles: Sequence[str], depth: int) -> str:
    """The last message of that side; of anything else the first that has a text."""
    messages = [_plain(cast("Mapping[str, object]", one)) for one in listed if isinstance(one, Mapping)]
    if any(_role(one) for one in messages):
        own = [one for one in messages if _role(one) in roles]
        return _text(_said(own[-1]), keys, roles, depth + 1) if own else ""
    parts = (_text(one, keys, roles, depth + 1) for one in listed)
    return next(filter(None, parts), "")


def _role(message: Mapping[str, object]) -> str:
    said = message.get("role") or message.get("type")
    role = str(said).lower().removesuffix("message") if isinstance(said, str) else ""
    return role if role in (*_USER, *_ASSISTANT, "system", "tool", "developer") else ""


def _said(message: Mapping[str, object]) -> object:
    return next((message[key] for key in ("content", "parts", "data", "text") if message.get(key) is not None), "")


def _plain(value: Mapping[str, object]) -> Mapping[str, object]:
    """An object that LangChain serialised is its arguments, with the class as its type."""
    inner, name = value.get("kwargs"), value.get("id")
    if value.get("lc") is None or not isinstance(inner, Mapping):
        return value
    last = str(cast("list[object]", name)[-1]) if isinstance(name, list) and name else ""
    return {"type": last, **cast("Mapping[str, object]", inner)}


def _documents(value: object, depth: int) -> tuple[Mapping[str, Any], ...]:
    if depth > _DEEPEST:
        return ()
    if isinstance(value, list):
        objects = [
            _plain(cast("Mapping[str, object]", one)) for one in cast("list[object]", value) if isinstance(one, Mapping)
        ]
        found = tuple(_document(one) for one in objects)
        return tuple(one for one in found if one) if any(found) else ()
    if isinstance(value, Mapping):
        fields = _plain(cast("Mapping[str, object]", value))
        several = (_documents(decoded(fields[key]), depth + 1) for key in _DOCUMENTS if key in fields)
        return next(filter(None, several), ())
    return ()


def _document(fields: Mapping[str, object]) -> dict[str, Any]:
    """A passage as `rageval score` reads it; empty where the object has no text."""
    inner = fields.get("node")  # of LlamaIndex
    if isinstance(inner, Mapping):
        score = {"score": fields["score"]} if "score" in fields else {}
        return {**_document(cast("Mapping[str, object]", inner)), **score}
    text = next((fields[key] for key in _TEXTS if isinstance(fields.get(key), str)), None)
    if text is None:
        return {}
    kept = {key: fields[key] for key in ("id", "score", "metadata") if fields.get(key) is not None}
    if "id" not in kept and isinstance(fields.get("id_"), str):
        kept["id"] = fields["id_"]
    return {"text": text, **kept}
