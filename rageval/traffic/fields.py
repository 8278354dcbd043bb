"""What logs call their fields, and what is found under them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from rageval.errors import DeclarationError

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "request_id", "response_id", "message_id", "trace_id", "run_id"),
    "question": ("question", "query", "input", "prompt", "user_input", "messages"),
    "answer": ("answer", "response", "output", "completion", "reply"),
    "passages": (
        "passages", "contexts", "retrieved_contexts", "documents", "source_documents", "retrieved_documents", "context",
        "hits", "chunks",
    ),
    "hops": ("hops",),
    "history": ("history", "chat_history"),
    "abstained": ("abstained",),
    "references": ("references", "reference", "ground_truth", "expected_answer"),
    "session": ("session", "session_id", "conversation_id", "thread_id", "user_id", "user"),
    "time": ("time", "timestamp", "created_at", "created", "start_time", "date"),
    "latency_s": ("latency_s", "latency", "duration_s"),
    "latency_ms": ("latency_ms", "duration_ms"),
    "prompt_tokens": ("prompt_tokens", "input_tokens", "usage.prompt_tokens", "usage.input_tokens"),
    "completion_tokens": (
        "completion_tokens", "output_tokens", "usage.completion_tokens", "usage.output_tokens",
    ),
    "cost": ("cost", "total_cost", "cost_usd", "usage.cost"),
    "feedback": ("feedback", "thumbs", "user_feedback", "feedback.value", "feedback.score"),
    "language": ("language", "lang"),
}  # fmt: skip
"""What a log may call each field, the first that is there counts. A point leads into an object."""

_UP = ("up", "thumbs_up", "thumbsup", "like", "liked", "positive", "good", "yes", "true", "👍", "赞", "好评", "有用")
_DOWN = ("down", "thumbs_down", "thumbsdown", "dislike", "disliked", "negative", "bad", "no", "false", "👎", "踩",
         "差评", "没用")  # fmt: skip
_NOTHING = ("", "none", "null")
_MOST_SECONDS = 1e11  # later than the year 5000: a finer unit than seconds


@dataclass(frozen=True, slots=True)
class FieldNames:
    """`given` says which of the log's fields stands for one of `SPELLINGS`, where its name is not a known spelling."""

    given: Mapping[str, str] = field(default_factory=dict[str, str])

    def find(self, record: Mapping[str, Any], name: str) -> tuple[str, object]:
        """The spelling that the record has, and its value; ("", None) where it has none or null."""
        for spelling in self.spellings(name):
            value = look_up(record, spelling)
            if value is not None:
                return spelling, value
        return "", None

    def spellings(self, name: str) -> tuple[str, ...]:
        """What the log may call it."""
        return (self.given[name],) if name in self.given else SPELLINGS[name]

    def expected(self, name: str) -> str:
        """The spellings, for messages."""
        return ", ".join(self.spellings(name))


def parse_field_names(given: Sequence[str]) -> FieldNames:
    """From `question=payload.text` and the like. Raises DeclarationError."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, spelling = one.partition("=")
        if not equals or not spelling.strip():
            raise DeclarationError(f"--field: found {one!r}, expected one such as question=payload.text")
        if name.strip() not in SPELLINGS:
            near = difflib.get_close_matches(name.strip(), SPELLINGS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise DeclarationError(f"--field: found {name.strip()!r}{hint}, expected one of {', '.join(SPELLINGS)}")
        found[name.strip()] = spelling.strip()
    return FieldNames(found)


def look_up(record: Mapping[str, Any], path: str) -> object:
    """The value under a key, or where its points lead into objects; None where there is none."""
    if path in record:
        return record[path]
    value: object = record
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, object]", value).get(part)
    return value


def read_time(value: object) -> datetime:
    """In UTC, from ISO 8601 (UTC where it names no zone), or seconds, milliseconds, micro- or nanoseconds since 1970.

    Raises ValueError for anything else.
    """
    if isinstance(value, str) and not value.strip().replace(".", "", 1).isdecimal():
        made = datetime.fromisoformat(value.strip())
        return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
    seconds = read_number(value)
    while abs(seconds) > _MOST_SECONDS:
        seconds /= 1000.0
    return datetime.fromtimestamp(seconds, UTC)


def read_number(value: object) -> float:
    """A finite number of at least 0, also as text. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"found {value!r:.60}, expected a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"found {value!r:.60}, expected a number") from None
    if not math.isfinite(number) or number < 0.0:
        raise ValueError(f"found {value!r:.60}, expected a number of at least 0")
    return number


def read_feedback(value: object) -> float | None:
    """1 for a thumb up, 0 for one down, None for none given: words in English and Chinese, true and false, 1, 0 and -1.

    Raises ValueError for anything else, such as stars, which say neither.
    """
    if isinstance(value, str) and value.strip().lower() in _NOTHING:
        return None
    word = str(value).strip().lower()
    if word in (*_UP, "1", "1.0", "+1"):
        return 1.0
    if word in (*_DOWN, "0", "0.0", "-1", "-1.0"):
        return 0.0
    raise ValueError(f"found {value!r:.60}, expected up or down")
