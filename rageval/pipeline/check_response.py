"""Checks every part of a pipeline's response, whatever its source, so that it can be stored."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, SupportsFloat, cast

from rageval.errors import ExecutionError
from rageval.types import Hit, Json, Passage, Response, Step, Usage

_COUNTS = ("calls", "cached_calls", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
_PARTS_OF_COUNTS = ("free_calls", "free_prompt_tokens", "free_completion_tokens")
_REQUEST = re.compile("[0-9a-f]{1,16}")
_HIGHEST = 2**63 - 1
_DEEPEST = 50


def check_response(value: object) -> Response:
    """The response with plain values: tuples, and Python's own numbers in place of numpy's and the like.

    Raises ExecutionError that names the part, what was found and what was expected, where the value is no `Response` or
    a part of it cannot be kept: ids, titles, texts and answers are texts, the places of a passage are whole numbers,
    0 <= start <= end, scores are finite, `context` and `citations` are positions in `hits`, usage is in whole numbers,
    and the details of steps are JSON.
    """
    if not isinstance(value, Response):
        raise _wrong("the response", value, "a Response")
    hits = tuple(check_hit(hit, f"hit {number}") for number, hit in enumerate(_listed(value.hits, "hits")))
    for name, text in (("answer", value.answer), ("cited_answer", value.cited_answer)):
        if not isinstance(cast("object", text), str | None):
            raise _wrong(f"the response's {name}", text, "a text or None")
    abstained = _unboxed(value.abstained)
    if not (abstained is None or isinstance(abstained, bool)):
        raise _wrong("the response's abstained", abstained, "True, False or None")
    return Response(
        hits=hits,
        answer=value.answer,
        context=_positions("context", value.context, len(hits)),
        citations=_positions("citations", value.citations, len(hits)),
        abstained=abstained,
        steps=tuple(_step(step, number) for number, step in enumerate(_listed(value.steps, "steps"))),
        usage=_usage(value.usage, "the response"),
        latency_s=_seconds(value.latency_s),
        cited_answer=value.cited_answer,
    )


def check_hit(value: object, place: str) -> Hit:
    """Check a hit of a response; `place` names it in errors. See `check_response`."""
    if not isinstance(value, Hit):
        raise _wrong(place, value, "a Hit")
    score = value.score
    if type(score) is not float:
        score = _number(score, f"{place}: score")
    if not math.isfinite(score):
        raise ExecutionError(f"{place}: found the score {score}, expected a finite number")
    passage = check_passage(value.passage, place)
    return value if score is value.score and passage is value.passage else Hit(passage, score)


def check_passage(value: object, place: str) -> Passage:
    """Check a passage of a response or a chunker; `place` names it in errors. See `check_response`."""
    if not isinstance(value, Passage):
        raise _wrong(place, value, "a Passage")
    start, end = value.start, value.end
    if type(start) is not int or type(end) is not int:
        start, end = _whole(start, f"{place}: start"), _whole(end, f"{place}: end")
    if not 0 <= start <= end <= _HIGHEST:
        raise ExecutionError(f"{place}: found the span {start} to {end}, expected 0 <= start <= end")
    for name, text in (("doc_id", value.doc_id), ("text", value.text), ("title", value.title)):
        if not isinstance(cast("object", text), str):
            raise _wrong(f"{place}: {name}", text, "a text")
    if not value.doc_id:
        raise ExecutionError(f"{place}: found an empty doc_id, expected the document's id")
    same = start is value.start and end is value.end
    return value if same else replace(value, start=start, end=end)


def _listed(value: object, name: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise _wrong(f"the response's {name}", value, "a tuple")
    return cast("Sequence[object]", value)


def _positions(name: str, value: object, hits: int) -> tuple[int, ...]:
    if not isinstance(value, list | tuple | range):
        value = getattr(value, "tolist", lambda: value)()  # an array of numpy
    if not isinstance(value, list | tuple | range):
        raise _wrong(f"the response's {name}", value, "a tuple of positions in its hits")
    positions = tuple(_whole(one, f"the response's {name}") for one in cast("Sequence[object]", value))
    if any(not 0 <= position < hits for position in positions):
        raise ExecutionError(f"the response's {name}: found {positions}, expected positions in its {hits} hits")
    return positions


def _step(value: object, number: int) -> Step:
    if not isinstance(value, Step):
        raise _wrong(f"step {number}", value, "a Step")
    if not isinstance(cast("object", value.name), str):
        raise _wrong(f"step {number}: name", value.name, "a text")
    place = f"step {value.name!r}"
    if not isinstance(cast("object", value.detail), Mapping):
        raise _wrong(f"{place}: detail", value.detail, "a mapping")
    detail = cast("dict[str, Json]", _json(value.detail, f"{place}: detail", 0))
    return Step(value.name, detail, _usage(value.usage, place))


def _json(value: object, place: str, depth: int) -> Json:
    """The value as `json` would read it back."""
    value = _unboxed(value)
    if value is None or isinstance(value, str | bool):
        return value
    if depth > _DEEPEST:
        raise ExecutionError(f"{place}: found more than {_DEEPEST} levels, expected JSON that is not so deep")
    match value:
        case int() if -_HIGHEST <= value <= _HIGHEST:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case int() | float():
            found = value if isinstance(value, float) else "a greater one"
            raise ExecutionError(f"{place}: found {found}, expected a finite number of at most 64 bits")
        case list() | tuple():
            items = enumerate(cast("Sequence[object]", value))
            return [_json(item, f"{place}[{index}]", depth + 1) for index, item in items]
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {_key(key, place): _json(item, f"{place}.{key}", depth + 1) for key, item in pairs}
        case _:
            array = getattr(value, "tolist", None)
            if callable(array):
                return _json(array(), place, depth + 1)
            raise _wrong(place, value, "JSON: texts, numbers, true, false, None, lists or mappings of these")


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise _wrong(f"{place}: a key", key, "a text")
    return key


def _usage(value: object, place: str) -> Usage:
    if not isinstance(value, Usage):
        raise _wrong(f"{place}: usage", value, "a Usage")
    counts: dict[str, Any] = {
        name: _count(getattr(value, name), f"{place}: usage.{name}", 0 if name in _COUNTS else -_HIGHEST)
        for name in (*_COUNTS, *_PARTS_OF_COUNTS)
    }
    return Usage(**counts, requests=_requests(value.requests, f"{place}: usage.requests"))


def _requests(value: object, place: str) -> dict[str, tuple[int, int, int]]:
    """What a usage has from replies: names of 16 hex digits, each with three counts."""
    if not isinstance(value, Mapping):
        raise _wrong(place, value, "the requests of a reply's usage")
    found: dict[str, tuple[int, int, int]] = {}
    for name, cost in cast("Mapping[object, object]", value).items():
        if not (isinstance(name, str) and _REQUEST.fullmatch(name) and isinstance(cost, tuple)):
            raise ExecutionError(f"{place}: found {name!r}: {cost!r}, expected a request of a reply's usage")
        counts = [_count(count, place, 0) for count in cast("tuple[object, ...]", cost)]
        if len(counts) != 3:
            raise ExecutionError(f"{place}: found {len(counts)} numbers, expected calls and two kinds of tokens")
        found[name] = (counts[0], counts[1], counts[2])
    return found


def _count(value: object, place: str, least: int) -> int:
    count = _whole(value, place)
    if not least <= count <= _HIGHEST:
        found = "a negative number" if count < 0 else "a number of more than 64 bits"
        raise ExecutionError(f"{place}: found {found}, expected a count")
    return count


def _seconds(value: object) -> float:
    seconds = _number(value, "the response's latency_s")
    if not 0.0 <= seconds < math.inf:
        raise ExecutionError(f"the response's latency_s: found {seconds}, expected seconds from 0 on")
    return seconds


def _whole(value: object, place: str) -> int:
    number = _unboxed(value)
    if not isinstance(number, int) or isinstance(number, bool):
        raise _wrong(place, value, "a whole number")
    return int(number)


def _number(value: object, place: str) -> float:
    number = _unboxed(value)
    if isinstance(number, str | bool) or not isinstance(number, SupportsFloat):
        raise _wrong(place, value, "a number")
    try:
        return float(number)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(place, value, "a number") from None


def _unboxed(value: object) -> object:
    """Unwrap a single value of numpy, torch and the like to a Python value; return anything else unchanged."""
    if type(value) in (str, int, float, bool, list, dict, tuple) or value is None:
        return value
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def _wrong(place: str, value: object, expected: str) -> ExecutionError:
    return ExecutionError(f"{place}: found a {type(value).__name__}, expected {expected}")
