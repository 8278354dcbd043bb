"""Exports of Langfuse (a trace with its observations) and of LangSmith (a run a record), as spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from rageval.traffic.fields import read_feedback, read_time
from rageval.traffic.spans import Span, SpanKind, decoded, documents_in, question_in

_LANGFUSE: Mapping[str, SpanKind] = {"GENERATION": "chat", "RETRIEVER": "retrieval"}
_LANGSMITH: Mapping[str, SpanKind] = {"llm": "chat", "retriever": "retrieval"}
_SESSIONS = ("session_id", "thread_id", "conversation_id")


def is_langfuse(data: Mapping[str, Any]) -> bool:
    """Whether this is a trace of Langfuse."""
    return isinstance(data.get("observations"), list)


def is_langsmith(data: Mapping[str, Any]) -> bool:
    """Whether this is a run of LangSmith."""
    return "run_type" in data and "inputs" in data


def langfuse_spans(data: Mapping[str, Any]) -> Iterator[Span]:
    """The trace as the root, and its observations. A search is an observation of the type RETRIEVER, or one that
    returned documents. Raises KeyError, TypeError or ValueError where it is none.
    """
    trace = str(data["id"])
    start = read_time(data["timestamp"]).timestamp()
    observations = cast("Sequence[Mapping[str, Any]]", data["observations"])
    last = max((_time(one.get("endTime")) for one in observations), default=start)
    yield Span(
        trace,
        trace,
        "",
        start=start,
        end=start + float(data["latency"]) if data.get("latency") is not None else max(start, last),
        input=decoded(data.get("input")),
        output=decoded(data.get("output")),
        session=str(data.get("sessionId") or ""),
        cost=_number(data.get("totalCost")),
        feedback=_of_scores(data.get("scores") or ()),
    )
    for one in observations:
        documents = documents_in(one.get("output"))
        kind = _LANGFUSE.get(str(one.get("type")), "retrieval" if documents else "other")
        usage = _object(one.get("usageDetails") or one.get("usage"))
        yield Span(
            trace,
            str(one["id"]),
            str(one.get("parentObservationId") or trace),
            kind,
            _time(one.get("startTime")),
            _time(one.get("endTime") or one.get("startTime")),
            decoded(one.get("input")),
            decoded(one.get("output")),
            question_in(one.get("input")) if kind == "retrieval" else "",
            documents if kind == "retrieval" else (),
            str(one.get("model") or ""),
            tokens=(_number(usage.get("input")), _number(usage.get("output"))),
            cost=_number(one.get("calculatedTotalCost")),
        )


def langsmith_span(data: Mapping[str, Any]) -> Span:
    """The run. Raises as `langfuse_spans`."""
    kind = _LANGSMITH.get(str(data["run_type"]), "other")
    about = _object(_object(data.get("extra")).get("metadata"))
    return Span(
        str(data.get("trace_id") or data["id"]),
        str(data["id"]),
        str(data.get("parent_run_id") or ""),
        kind,
        _time(data.get("start_time")),
        _time(data.get("end_time") or data.get("start_time")),
        decoded(data.get("inputs")),
        decoded(data.get("outputs")),
        question_in(data.get("inputs")) if kind == "retrieval" else "",
        documents_in(data.get("outputs")) if kind == "retrieval" else (),
        str(about.get("ls_model_name") or "") if kind == "chat" else "",
        next((str(about[key]) for key in _SESSIONS if about.get(key)), ""),
        (_number(data.get("prompt_tokens")), _number(data.get("completion_tokens"))),
        _number(data.get("total_cost")),
        _of_stats(_object(data.get("feedback_stats"))),
    )


def _object(value: object) -> Mapping[str, Any]:
    """The object, empty where there is none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _time(value: object) -> float:
    return 0.0 if value is None else read_time(value).timestamp()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _of_scores(scores: Sequence[Mapping[str, Any]]) -> object:
    """What a user said: the first score that is a thumb. Scores of other kinds are left out."""
    return next((one["value"] for one in scores if _is_thumb(str(one.get("name")), one.get("value"))), None)


def _of_stats(stats: Mapping[str, Any]) -> object:
    """The mean of the first feedback that all gave alike as a thumb."""
    means: dict[str, object] = {name: _object(one).get("avg") for name, one in stats.items()}
    return next((mean for name, mean in means.items() if _is_thumb(name, mean)), None)


def _is_thumb(name: str, value: object) -> bool:
    words = name.lower().replace("-", "_")
    if not any(word in words for word in ("user", "thumb", "feedback")):
        return False
    try:
        return read_feedback(value) is not None
    except ValueError:
        return False
