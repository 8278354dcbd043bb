"""Traces become logged answers: one for each trace, with the passages of every search on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.io.disk import write_atomically
from rageval.io.line_log import encode_text
from rageval.io.text_lines import read_lines
from rageval.traffic.exports import is_langfuse, is_langsmith, langfuse_spans, langsmith_span
from rageval.traffic.otel import console_span, is_console, is_otlp, otlp_spans
from rageval.traffic.spans import Span, answer_in, question_in
from rageval.types import Json

_EXPECTED = (
    "expected OpenTelemetry spans (OTLP as JSON, or of the console exporter), traces of Langfuse with observations, or "
    "runs of LangSmith"
)
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)


@dataclass
class Converted:
    """What became of traces: `answers` were written, `left_out` says why others were not, and how many."""

    traces: int = 0
    spans: int = 0
    answers: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])

    def to_json(self) -> dict[str, Json]:
        return {
            "traces": self.traces,
            "spans": self.spans,
            "answers": self.answers,
            "left_out": {**self.left_out},
        }


def convert_traces(files: Sequence[Path], log: Path) -> Converted:
    """Write the answers in these trace files as a log, in the order of their times. All spans are in memory.

    Raises DeclarationError for a file that cannot be read or holds something else, and where no trace has an answer.
    """
    traces: dict[str, dict[str, Span]] = {}
    for path in files:
        for span in read_spans(path):
            traces.setdefault(span.trace, {})[span.id] = span
    found = Converted(len(traces), sum(map(len, traces.values())))
    rows: list[dict[str, Json]] = []
    for spans in traces.values():
        row = logged_answer([*spans.values()])
        if isinstance(row, str):
            found.left_out[row] += 1
        else:
            rows.append(row)
    found.answers = len(rows)
    if not rows:
        why = ", ".join(f"{n} {reason}" for reason, n in found.left_out.items()) or "it has no spans"
        raise DeclarationError(f"{', '.join(map(str, files))}: found no answer ({why}), expected traces with texts")
    rows.sort(key=lambda row: str(row["time"]))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(log, encode_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)))
    except OSError as error:
        raise DeclarationError(f"{log}: cannot be written ({error.strerror}): choose another file") from None
    return found


def read_spans(path: Path) -> Iterator[Span]:
    """The spans of a trace file: objects one a line, over several lines, or in one list. Raises DeclarationError."""
    try:
        for place, data in _objects(path):
            try:
                yield from _spans(data)
            except _MALFORMED as error:
                told = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
                raise DeclarationError(f"{place}: found a trace that cannot be read ({told}), {_EXPECTED}") from None
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror or error}), {_EXPECTED}") from None


def _objects(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    problems: list[str] = []
    held: list[str] = []
    first = ""
    for place, line in read_lines(path, problems):
        if problems:
            raise DeclarationError(problems[0])
        if not held and not line.strip():
            continue
        first = first if held else place
        held.append(line)
        if not line.rstrip().endswith(("}", "]")):
            continue
        try:
            value: object = json.loads("\n".join(held))
        except ValueError:
            continue  # an object over several lines
        held.clear()
        for one in cast("list[object]", value) if isinstance(value, list) else [value]:
            if not isinstance(one, Mapping):
                raise DeclarationError(f"{first}: found {type(one).__name__}, {_EXPECTED}")
            yield first, cast("Mapping[str, Any]", one)
    if any(map(str.strip, held)):
        raise DeclarationError(f"{first}: found no JSON, {_EXPECTED}")


def _spans(data: Mapping[str, Any]) -> Iterator[Span]:
    if is_otlp(data):
        yield from otlp_spans(data)
    elif is_console(data):
        yield console_span(data)
    elif is_langfuse(data):
        yield from langfuse_spans(data)
    elif is_langsmith(data):
        yield langsmith_span(data)
    elif isinstance(data.get("data"), list):  # a page of Langfuse's API
        for one in cast("list[Mapping[str, Any]]", data["data"]):
            yield from _spans(one)
    else:
        raise ValueError(f"the keys {', '.join([*data][:5]) or '(none)'}")


def logged_answer(spans: Sequence[Span]) -> dict[str, Json] | str:
    """The record of a log that the spans of one trace make, or the reason why they make none.

    The question is what the root was asked, or else the last user's message of the first call of a model; the answer is
    what the root returned, or what the last call did. The passages are those of the last reranker, or else of all
    searches. Of nested searches the outermost with documents counts, of nested calls the outermost with tokens.
    """
    ordered = sorted(spans, key=lambda span: span.start)
    by_id = {span.id: span for span in ordered}
    root = next((span for span in ordered if span.parent not in by_id), ordered[0])
    chats = [span for span in ordered if span.kind == "chat"]
    asked, said = question_in(root.input), answer_in(root.output)
    question = asked or next(filter(None, (question_in(span.input) for span in chats)), "")
    answer = said or next(filter(None, (answer_in(span.output) for span in reversed(chats))), "")
    if not question.strip():
        return "without the text of a question"
    if not answer.strip() and not chats:
        return "without an answer"
    searches = _outermost([span for span in ordered if span.kind == "retrieval" and span.documents], by_id)
    reranked = [span.documents for span in ordered if span.kind == "rerank" and span.documents]
    read = [*reranked[-1]] if reranked else [one for span in searches for one in span.documents]
    paid = _outermost([span for span in chats if any(one is not None for one in span.tokens)], by_id)
    costs = [span.cost for span in paid if span.cost is not None]
    record: dict[str, Json] = {
        "id": root.trace,
        "time": datetime.fromtimestamp(root.start, UTC).isoformat(),
        "question": question,
        "answer": answer,
        "passages": _different(read),
        "latency_s": round(max(0.0, root.end - root.start), 6),
    }
    if searches:
        record["hops"] = [{"query": span.query, "passages": [dict(one) for one in span.documents]} for span in searches]
    for name, values in (
        ("prompt_tokens", [s.tokens[0] for s in paid]),
        ("completion_tokens", [s.tokens[1] for s in paid]),
    ):
        if counted := [value for value in values if value is not None]:
            record[name] = sum(counted)
    more: dict[str, Json] = {
        "model": next((span.model for span in reversed(chats) if span.model), None),
        "session": next((span.session for span in (root, *ordered) if span.session), None),
        "cost": root.cost if root.cost is not None else sum(costs) if costs else None,
        "feedback": cast("Json", next((span.feedback for span in ordered if span.feedback is not None), None)),
    }
    return {**record, **{name: value for name, value in more.items() if value is not None}}


def _outermost(spans: Sequence[Span], by_id: Mapping[str, Span]) -> list[Span]:
    """Those that lie in no other of them."""
    own = {span.id for span in spans}
    return [span for span in spans if not any(above in own for above in _above(span, by_id))]


def _above(span: Span, by_id: Mapping[str, Span]) -> Iterator[str]:
    seen = {span.id}
    while span.parent in by_id and span.parent not in seen:
        seen.add(span.parent)
        yield span.parent
        span = by_id[span.parent]


def _different(documents: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Each document once, in order."""
    found: dict[tuple[object, object], Json] = {}
    for one in documents:
        found.setdefault((one.get("id"), one.get("text")), cast("Json", dict(one)))
    return [*found.values()]
