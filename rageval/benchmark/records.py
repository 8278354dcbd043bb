"""From JSON fields to documents and questions: checks what can be said about one of them alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeGuard, TypeVar, cast

from rageval.benchmark.reading import describe, read_objects
from rageval.io.tolerance import tolerate
from rageval.io.turns import read_turns
from rageval.text.languages import A_LANGUAGE, Language, detect_language, is_language
from rageval.types import Document, Json, Question, Turn

T = TypeVar("T")

DOCUMENT_KEYS = ("id", "text", "title", "language", "metadata")
QUESTION_KEYS = ("id", "text", "language", "references", "tags", "metadata", "history")


@dataclass(slots=True)
class Rows(Generic[T]):
    """The records of one file with their places.

    `refused` holds what is known of the records with problems, so that nobody is told that they are missing: their id
    (for a label: its question's id), or "" where not even that could be read.
    """

    place: str
    records: list[tuple[str, T]] = field(default_factory=list[tuple[str, T]])
    refused: set[str] = field(default_factory=set[str])

    def add(self, place: str, record: T | None, name: object) -> None:
        """Keeps the record. If it is None, keeps the name that it would have had."""
        if record is not None:
            self.records.append((place, record))
        else:
            self.refused.add(str(name) if isinstance(name, int | str) else "")


def read_rows(
    path: Path, id_key: str, parse: Callable[[Mapping[str, object], str, list[str]], T | None], problems: list[str]
) -> Rows[T]:
    """The records of a JSONL file; `parse` gets an object, its place and the problems."""
    rows = Rows[T](str(path))
    before = len(problems)
    for place, fields in read_objects(path, problems):
        rows.add(place, parse(fields, place, problems), fields.get(id_key))
    if len(problems) > before:
        rows.refused.add("")
    return rows


def parse_document(
    fields: Mapping[str, object], place: str, problems: list[str], *, id_key: str = "id", title_suffices: bool = False
) -> Document | None:
    """The document, or None where it cannot be used. Its text may be empty where `title_suffices` and it has one."""
    before = len(problems)
    _check_keys(fields, DOCUMENT_KEYS, place, problems, id_key)
    doc_id = _id(fields, place, problems, id_key)
    text = _text(fields, "text", place, problems)
    title = _text(fields, "title", place, problems)
    without_text = False
    if "text" in fields and text is not None and not text.strip():
        if not title_suffices:
            problems.append(f"{place}: found an empty 'text', expected the document's text")
        elif title is not None and not title.strip():
            found = f"{place}: found neither a text nor a title, expected one of them at least"
            without_text = tolerate(problems, "document without text", found)
    language = _language(fields, f"{title or ''} {text or ''}", place, problems)
    metadata = _metadata(fields, place, problems)
    if len(problems) > before or without_text or doc_id is None or text is None or title is None or language is None:
        return None
    return Document(doc_id, text, title, language, metadata)


def parse_question(
    fields: Mapping[str, object],
    place: str,
    problems: list[str],
    *,
    id_key: str = "id",
    more_keys: tuple[str, ...] = (),
) -> Question | None:
    """The question, or None where it cannot be used. `more_keys` are allowed too, and not read."""
    before = len(problems)
    _check_keys(fields, QUESTION_KEYS + more_keys, place, problems, id_key)
    question_id = _id(fields, place, problems, id_key)
    text = _text(fields, "text", place, problems)
    without_text = "text" in fields and text is not None and not text.strip()
    if without_text:
        tolerate(problems, "question without text", f"{place}: found an empty 'text', expected the question's text")
    language = _language(fields, text or "", place, problems)
    references = _texts(fields, "references", place, problems)
    tags = _texts(fields, "tags", place, problems)
    metadata = _metadata(fields, place, problems)
    history = _history(fields, place, problems)
    if len(problems) > before or without_text or question_id is None or text is None or language is None:
        return None
    return Question(question_id, text, language, references, tags, metadata, history)


def _check_keys(
    fields: Mapping[str, object], keys: tuple[str, ...], place: str, problems: list[str], id_key: str
) -> None:
    names = (id_key, *keys[1:])
    expected = ", ".join(names)
    problems += [f"{place}: found the unknown key {key!r}, expected {expected}" for key in fields if key not in names]
    problems += [
        f"{place}: found no key {key!r}, expected {names[0]} and text" for key in names[:2] if key not in fields
    ]


def _id(fields: Mapping[str, object], place: str, problems: list[str], id_key: str) -> str | None:
    """Returns the id. Equal ids share one string object in memory."""
    value = fields.get(id_key, "")
    if isinstance(value, int) and not isinstance(value, bool):
        found = f"{place}: found a number for {id_key!r}, expected a text"
        return str(value) if tolerate(problems, "number as an id", found) else None
    if not _is_text(value, repr(id_key), place, problems):
        return None
    if id_key in fields and not check_white_space(value, "id", place, problems):
        return None
    return sys.intern(value)


def check_white_space(name: str, word: str, place: str, problems: list[str]) -> bool:
    """Whether an id may be used: one that is blank is a problem, one with white space in it is tolerated."""
    if name.split() == [name]:
        return True
    found = f"{place}: found the {word} {name!r}, expected an id without white space"
    if not name.strip():
        problems.append(found)
        return False
    return tolerate(problems, "white space in an id", found)


def _text(fields: Mapping[str, object], key: str, place: str, problems: list[str]) -> str | None:
    """The text under a key, "" where the key is absent, None where the value is a problem."""
    value = fields.get(key, "")
    if value is None and tolerate(problems, "null", f"{place}: found null for {key!r}, expected a text"):
        return ""
    if value is None:
        return None
    return value if _is_text(value, repr(key), place, problems) else None


def _texts(fields: Mapping[str, object], key: str, place: str, problems: list[str]) -> tuple[str, ...]:
    value = fields.get(key, ())
    if not isinstance(value, list | tuple):
        problems.append(f"{place}: found {describe(value)} for {key!r}, expected a list of texts")
        return ()
    texts: list[str] = []
    for item in cast("list[object]", value):
        if _is_text(item, f"an item of {key!r}", place, problems):
            texts.append(item)
            if not item.strip():
                problems.append(f"{place}: found an empty item in {key!r}, expected texts")
    return tuple(texts)


def _is_text(value: object, what: str, place: str, problems: list[str]) -> TypeGuard[str]:
    if not isinstance(value, str):
        problems.append(f"{place}: found {describe(value)} for {what}, expected a text")
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        problems.append(f"{place}: found half a surrogate pair in {what}, expected Unicode text")
        return False
    return True


def _language(fields: Mapping[str, object], text: str, place: str, problems: list[str]) -> Language | None:
    if "language" not in fields:
        return detect_language(text)
    value = fields["language"]
    if isinstance(value, str) and is_language(value):
        return value
    found = repr(value) if isinstance(value, str) else describe(value)
    problems.append(f"{place}: found the language {found}, expected {A_LANGUAGE}")
    return None


def _history(fields: Mapping[str, object], place: str, problems: list[str]) -> tuple[Turn, ...]:
    """The turns under `history`; a surrogate that is half a pair in one of them is a problem."""
    try:
        turns = read_turns(fields.get("history", ()))
    except ValueError as error:
        problems.append(f"{place}: 'history': {error}")
        return ()
    return tuple(turn for turn in turns if _is_text(turn.text, "'history'", place, problems))


def _metadata(fields: Mapping[str, object], place: str, problems: list[str]) -> dict[str, Json]:
    value = fields.get("metadata", {})
    if not isinstance(value, Mapping):
        kind = "null" if value is None else "metadata that is not an object"
        tolerate(problems, kind, f"{place}: found {describe(value)} for 'metadata', expected an object")
        return {}
    if not value:
        return {}
    try:
        text = json.dumps(
            dict(cast("Mapping[str, object]", value)), ensure_ascii=False, allow_nan=False, sort_keys=True
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        problems.append(
            f"{place}: found 'metadata' that is not JSON ({error}), expected texts, numbers, lists, objects"
        )
        return {}
    return json.loads(text)
