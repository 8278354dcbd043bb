"""Items that people labelled yes or no, read from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rageval.benchmark import detect_language
from rageval.benchmark.reading import describe, read_objects
from rageval.errors import BenchmarkError, LabelFileError
from rageval.types import LANGUAGES, Hit, Language, Passage, Question, Response

_TEXT = "a text that is not empty"
_TEXTS = "a list of texts that are not empty"


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """A question and a response to it, which people labelled 1 (yes) or 0 (no)."""

    question: Question
    response: Response
    label: int

    @property
    def id(self) -> str:
        return self.question.id


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The items of a file, in order, with the file's name and the SHA-256 of its bytes (64 hex digits)."""

    name: str
    sha256: str
    items: tuple[LabelledItem, ...]


def read_items(path: Path) -> LabelFile:
    """The items of a JSONL file, one a line.

    Keys are `id` (each once), `question`, `context` (a list of passages, perhaps empty), `answer` (perhaps empty),
    `label` (0 or 1, false or true), and, where wanted, `reference` (a text or a list of them) and `language` (`en` or
    `zh`; by default that of the question). Others are ignored.

    The judge reads all passages, in their order. An answer that says it cannot answer is judged like any other, since
    people labelled it. Raises LabelFileError with every problem.
    """
    problems: list[str] = []
    items: dict[str, LabelledItem] = {}
    places: dict[str, str] = {}
    try:
        for place, fields in read_objects(path, problems):
            item = _item(place, fields, problems)
            if item is None:
                continue
            if item.id in items:
                problems.append(f"{place}: found the id {item.id!r} again, expected it only at {places[item.id]}")
            items[item.id], places[item.id] = item, place
    except BenchmarkError as error:
        problems.extend(error.problems)
    if not problems and not items:
        problems.append(f"{path}: found no item, expected at least one JSON object with a label")
    if problems:
        raise LabelFileError(problems)
    return LabelFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), (*items.values(),))


def _item(place: str, fields: Mapping[str, object], problems: list[str]) -> LabelledItem | None:
    """The item, or None where a problem was found."""
    before = len(problems)

    def check(name: str, good: bool, expected: str) -> None:
        if not good:
            found = f"{_shown(fields[name])} for {name}" if name in fields else f"no {name}"
            problems.append(f"{place}: found {found}, expected {expected}")

    identity, question, answer, label = (fields.get(name) for name in ("id", "question", "answer", "label"))
    context, reference, language = (fields.get(name) for name in ("context", "reference", "language"))
    check("id", _is_text(identity), _TEXT)
    check("question", _is_text(question), _TEXT)
    check("context", _are_texts(context), _TEXTS)
    check("answer", isinstance(answer, str), "a text")
    check("label", isinstance(label, int | float) and label in (0, 1), "0 or 1")
    check("reference", reference is None or _is_text(reference) or _are_texts(reference), f"{_TEXT}, or {_TEXTS}")
    check("language", language is None or language in LANGUAGES, " or ".join(LANGUAGES))
    if len(problems) > before:
        return None
    name, asked = cast(str, identity), cast(str, question)
    references = [reference] if isinstance(reference, str) else cast("list[str]", reference or [])
    hits = tuple(
        Hit(Passage(f"{name}/{number}", 0, len(text), text), 0.0)
        for number, text in enumerate(cast("list[str]", context), 1)
    )
    return LabelledItem(
        Question(name, asked, cast("Language | None", language) or detect_language(asked), tuple(references)),
        Response(hits, cast(str, answer), context=tuple(range(len(hits)))),
        int(cast(int, label)),
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, cast("list[object]", value)))


def _shown(value: object) -> str:
    """A short value as it is, anything else by its kind."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 40:
        return describe(value)
    return repr(value)
