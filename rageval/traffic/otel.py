"""OpenTelemetry spans, as the collector's file exporter (OTLP as JSON) and the SDK's console exporter write them.

What their attributes mean is read by the semantic conventions for generative AI, those of OpenInference, and those of
OpenLLMetry (`traceloop.`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from rageval.traffic.spans import Span, SpanKind, decoded, documents_in, question_in

_KINDS: Mapping[str, SpanKind] = {
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "LLM": "chat",
    "chat": "chat",
    "text_completion": "chat",
    "generate_content": "chat",
    "retrieval": "retrieval",
    "vector_db_retrieve": "retrieval",
}
_INPUTS = ("input.value", "gen_ai.input.messages", "traceloop.entity.input", "gen_ai.task.input", "gen_ai.prompt")
_OUTPUTS = ("output.value", "gen_ai.output.messages", "traceloop.entity.output", "gen_ai.task.output")
_MODELS = ("gen_ai.response.model", "llm.model_name", "gen_ai.request.model")
_SESSIONS = (
    "session.id", "gen_ai.conversation.id", "langfuse.session.id", "traceloop.association.properties.session_id",
)  # fmt: skip
_PROMPTS = ("gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens")
_REPLIES = ("gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens")
_QUERIES = ("gen_ai.retrieval.query.text", "gen_ai.retrieval.query", "reranker.query", *_INPUTS)
_LISTED = re.compile(r"^(?:retrieval\.documents|reranker\.output_documents)\.(\d+)\.document\.(\w+)$")
_MESSAGE = re.compile(
    r"^(gen_ai\.prompt|gen_ai\.completion|llm\.output_messages)\.(\d+)\.(?:message\.)?(role|content)$"
)
_INPUT_MESSAGE = re.compile(r"^llm\.input_messages\.(\d+)\.message\.(role|content)$")
_FOUND_EVENT = "db.query.result"


def is_otlp(data: Mapping[str, Any]) -> bool:
    """Whether this is a request of OTLP."""
    return "resourceSpans" in data


def is_console(data: Mapping[str, Any]) -> bool:
    """Whether this is a span of the SDK's console exporter."""
    return isinstance(data.get("context"), Mapping) and "trace_id" in data["context"]


def otlp_spans(data: Mapping[str, Any]) -> Iterator[Span]:
    """The spans of one request. Raises KeyError, TypeError or ValueError where it is none."""
    for resource in data["resourceSpans"]:
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                events = [
                    (event.get("name", ""), _attributes(event.get("attributes", ())))
                    for event in span.get("events", ())
                ]
                yield _span(
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    int(span["startTimeUnixNano"]) / 1e9,
                    int(span["endTimeUnixNano"]) / 1e9,
                    _attributes(span.get("attributes", ())),
                    events,
                )


def console_span(data: Mapping[str, Any]) -> Span:
    """The span that the console exporter wrote. Raises as `otlp_spans`."""
    told: Sequence[Mapping[str, Any]] = data.get("events") or ()
    events: list[tuple[str, Mapping[str, Any]]] = [(one.get("name", ""), one.get("attributes") or {}) for one in told]
    return _span(
        data["context"]["trace_id"].removeprefix("0x"),
        data["context"]["span_id"].removeprefix("0x"),
        (data.get("parent_id") or "").removeprefix("0x"),
        datetime.fromisoformat(data["start_time"]).timestamp(),
        datetime.fromisoformat(data["end_time"]).timestamp(),
        data.get("attributes") or {},
        events,
    )


def _attributes(listed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {one["key"]: _value(one["value"]) for one in listed}


def _value(value: Mapping[str, Any]) -> Any:
    """The value of OTLP's JSON, whose whole numbers are texts."""
    for kind, found in value.items():
        match kind:
            case "intValue":
                return int(found)
            case "arrayValue":
                return [_value(one) for one in found.get("values", ())]
            case "kvlistValue":
                return _attributes(found.get("values", ()))
            case _:
                return found
    return None


def _span(
    trace: str,
    span_id: str,
    parent: str,
    start: float,
    end: float,
    given: Mapping[str, Any],
    events: Sequence[tuple[str, Mapping[str, Any]]],
) -> Span:
    kind = _KINDS.get(str(given.get("openinference.span.kind") or given.get("gen_ai.operation.name")), "other")
    found = [dict(attributes) for name, attributes in events if name == _FOUND_EVENT]
    documents = _listed_documents(given)
    if found and kind == "other":  # of a vector database
        kind = "retrieval"
    if kind == "retrieval" and not documents:
        documents = (
            documents_in(given.get("gen_ai.retrieval.documents"))
            or documents_in(_first(given, _OUTPUTS))
            or documents_in([{"text": one.get(f"{_FOUND_EVENT}.document"), **_about(one)} for one in found])
        )
    return Span(
        trace,
        span_id,
        parent,
        kind,
        start,
        end,
        _messages(given, _INPUT_MESSAGE, "gen_ai.prompt") or decoded(_first(given, _INPUTS)),
        _messages(given, None, "gen_ai.completion", "llm.output_messages") or decoded(_first(given, _OUTPUTS)),
        question_in(_first(given, _QUERIES)) if kind in ("retrieval", "rerank") else "",
        documents,
        str(_first(given, _MODELS) or ""),
        str(_first(given, _SESSIONS) or ""),
        (_first(given, _PROMPTS), _first(given, _REPLIES)),
        cast("float | None", _first(given, ("gen_ai.usage.cost", "llm.cost.total"))),
    )


def _first(given: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _about(event: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: event.get(f"{_FOUND_EVENT}.{key}") for key in ("id", "score")}
    return {key: value for key, value in kept.items() if value is not None}


def _listed_documents(given: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """OpenInference's documents, one attribute for each part of one."""
    parts: dict[int, dict[str, Any]] = {}
    for name, value in given.items():
        if match := _LISTED.match(name):
            parts.setdefault(int(match[1]), {})[match[2]] = value
    return tuple(
        {
            **{key: one[key] for key in ("id", "score") if key in one},
            **({"metadata": decoded(one["metadata"])} if "metadata" in one else {}),
            "text": str(one.get("content", "")),
        }
        for _, one in sorted(parts.items())
    )


def _messages(given: Mapping[str, Any], pattern: re.Pattern[str] | None, *names: str) -> list[dict[str, Any]]:
    """Messages of which each part is an attribute."""
    parts: dict[int, dict[str, Any]] = {}
    for name, value in given.items():
        if pattern is not None and (match := pattern.match(name)):
            parts.setdefault(int(match[1]), {})[match[2]] = value
        elif (match := _MESSAGE.match(name)) and match[1] in names:
            parts.setdefault(int(match[2]), {})[match[3]] = value
    return [one for _, one in sorted(parts.items()) if "content" in one]
