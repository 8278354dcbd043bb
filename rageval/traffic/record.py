"""One logged answer: what was asked, what was read, what was answered, and what the log says beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from rageval.errors import ExecutionError
from rageval.io.turns import last_answer, read_turns, up_to_question
from rageval.pipeline.check_response import check_response
from rageval.pipeline.recorded_hits import passage_fields, to_id
from rageval.text.languages import detect_language
from rageval.traffic.fields import FieldNames, look_up, read_feedback, read_number, read_time
from rageval.types import Hit, Passage, Question, Response, Step, Turn, Usage

DAY, LANGUAGE = "day", "language"
NONE = "(none)"
"""The value of a slice for answers whose record lacks the field."""
HOP = "hop"
_REFUSED = (ValueError, TypeError, KeyError, ExecutionError, OverflowError, OSError)


class BadRecordError(ValueError):
    """A record that is no logged answer; the text says what was found and expected."""


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """A question with the response that it got. All passages are the context, in the order of the log; what a search on
    the way found is a step `hop` with its `query` and the positions of its `hits`.

    `day` is of the time in UTC, as 2026-11-30, "" where the log has no time; `session` is "" where there is none.
    `cost` and `latency_s` are None where the log does not tell. `feedback` is 1 for a thumb up, 0 for one down.
    `groups` are the fields to slice and sample by.
    """

    id: str
    question: Question
    response: Response
    day: str = ""
    session: str = ""
    latency_s: float | None = None
    usage: tuple[float | None, float | None] = (None, None)
    cost: float | None = None
    feedback: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict[str, str])


def read_record(
    record: Mapping[str, Any], names: FieldNames, groups: Sequence[str] = (), default_id: str = ""
) -> LoggedAnswer:
    """The answer that a record of a log holds; `groups` are the fields to keep, which may be `day` or `language` too.

    A question or answer may be a text, an object with `text` or `content`, or a list of messages, of which the last
    user's is the question, those before it the history, and the assistant's behind it the answer if there is no other.
    Raises BadRecordError.
    """
    try:
        spelling, asked = names.find(record, "question")
        if not spelling:
            raise BadRecordError(f"found no question, expected one under {names.expected('question')}")
        text, history, said = _asked(asked)
        history = history or _history(names.find(record, "history")[1])
        if not text.strip():
            raise BadRecordError(f"{spelling}: found an empty question, expected a text")
        answer = _answer(record, names, said)
        language = names.find(record, "language")[1]
        identity = names.find(record, "id")[1]
        question = Question(
            default_id if identity is None else to_id(identity, "id"),
            text,
            str(language) if language else detect_language(text),
            _references(names.find(record, "references")[1]),
            history=history,
        )
        time = _part(record, names, "time", read_time)
        day = "" if time is None else time.date().isoformat()
        latency = _part(record, names, "latency_s", read_number)
        if latency is None and (ms := _part(record, names, "latency_ms", read_number)) is not None:
            latency = ms / 1000.0
        return LoggedAnswer(
            question.id,
            question,
            _response(record, names, answer),
            day,
            _as_text(names.find(record, "session")[1], ""),
            latency,
            (
                _part(record, names, "prompt_tokens", read_number),
                _part(record, names, "completion_tokens", read_number),
            ),
            _part(record, names, "cost", read_number),
            _part(record, names, "feedback", read_feedback),
            {name: _group(record, name, day, question.language) for name in groups},
        )
    except BadRecordError:
        raise
    except _REFUSED as error:
        raise BadRecordError(str(error)) from None


def _part(record: Mapping[str, Any], names: FieldNames, name: str, read: Any) -> Any:
    spelling, value = names.find(record, name)
    try:
        return read(value) if spelling else None
    except _REFUSED as error:
        raise BadRecordError(f"{spelling}: {error}") from None


def _asked(value: object) -> tuple[str, tuple[Turn, ...], str | None]:
    """The question, what was said before it, and what the assistant said behind it."""
    if isinstance(value, Mapping) and "messages" in value:
        value = cast("Mapping[str, object]", value)["messages"]
    if isinstance(value, list | tuple):
        turns = read_turns(cast("Sequence[object]", value))
        asked = up_to_question(turns)
        return asked[-1].text, tuple(asked[:-1]), last_answer(turns[len(asked) :])
    return _words(cast("object", value), "question"), (), None


def _words(value: object, name: str) -> str:
    """A text, also within an object."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        value = next((fields[key] for key in ("text", "content", name) if isinstance(fields.get(key), str)), fields)
    if not isinstance(value, str):
        raise BadRecordError(f"{name}: found {type(value).__name__}, expected a text")
    return value


def _history(value: object) -> tuple[Turn, ...]:
    return () if value is None else read_turns(value)


def _answer(record: Mapping[str, Any], names: FieldNames, said: str | None) -> str:
    spelling, value = names.find(record, "answer")
    if spelling:
        if isinstance(value, list | tuple):
            return last_answer(read_turns(cast("Sequence[object]", value))) or ""
        return _words(value, "answer")
    if said is not None:
        return said
    if any(one in record for one in names.spellings("answer")):  # null: the system said nothing
        return ""
    raise BadRecordError(f"found no answer, expected one under {names.expected('answer')}")


def _references(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, cast("Sequence[object]", value)))


def _response(record: Mapping[str, Any], names: FieldNames, answer: str) -> Response:
    spelling, given = names.find(record, "passages")
    _, hops = names.find(record, "hops")
    hits = tuple(_hit(one, rank, spelling) for rank, one in enumerate(_listed(given, spelling)))
    steps: list[Step] = []
    for number, one in enumerate(_listed(hops, "hops")):
        if not isinstance(one, Mapping):
            raise BadRecordError(f"hops: found {type(one).__name__}, expected objects with query and passages")
        fields = cast("Mapping[str, object]", one)
        found = [_hit(each, rank, "hops") for rank, each in enumerate(_listed(fields.get("passages"), "hops"))]
        hits, places = _joined(hits, found)
        query = _as_text(fields.get("query"), "")
        steps.append(Step(HOP, {"number": number, "query": query, "hits": [*places]}))
    abstained = names.find(record, "abstained")[1]
    return check_response(
        Response(hits, answer, tuple(range(len(hits))), abstained=cast("bool | None", abstained), steps=tuple(steps))
    )


def _joined(hits: tuple[Hit, ...], more: Sequence[Hit]) -> tuple[tuple[Hit, ...], list[int]]:
    """The hits with those of `more` that are not there yet, and where all of `more` stand."""
    known = {(hit.passage.doc_id, hit.passage.text): place for place, hit in enumerate(hits)}
    places: list[int] = []
    kept = [*hits]
    for hit in more:
        key = (hit.passage.doc_id, hit.passage.text)
        if key not in known:
            known[key] = len(kept)
            kept.append(hit)
        places.append(known[key])
    return tuple(kept), places


def _listed(value: object, name: str) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping):
        return (cast("object", value),)
    if not isinstance(value, list | tuple):
        raise BadRecordError(f"{name}: found {type(value).__name__}, expected a list of passages")
    return cast("Sequence[object]", value)


def _hit(given: object, rank: int, name: str) -> Hit:
    try:
        text, ids, score = passage_fields(given)
    except (TypeError, ValueError) as error:
        raise BadRecordError(f"{name}: found {error}, expected a text, or an object with text and id") from None
    words = text or ""
    doc_id = ids[0] if ids else f"passage-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:12]}"
    return Hit(Passage(doc_id, 0, len(words), words), float(-rank) if score is None else score)


def _group(record: Mapping[str, Any], name: str, day: str, language: str) -> str:
    if name == DAY:
        return day or NONE
    if name == LANGUAGE and look_up(record, name) is None:
        return str(language)
    return _as_text(look_up(record, name), NONE)


def _as_text(value: object, nothing: str) -> str:
    return nothing if value is None or value == "" else str(value)


def usage_of(answer: LoggedAnswer) -> Usage:
    """What the log says of the tokens, as the usage of one call."""
    prompt, completion = answer.usage
    return Usage(calls=1, prompt_tokens=int(prompt or 0), completion_tokens=int(completion or 0))
