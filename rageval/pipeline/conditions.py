"""Conditions on documents by their metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias, cast

from rageval.errors import DeclarationError
from rageval.types import Document, Question

Value: TypeAlias = bool | int | float | str

_TEMPLATE = re.compile(r"\{question\.(?:(?P<language>language)|metadata\.(?P<field>[^{}]+))\}")
_RANGE = ("from", "to")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a document has to have in the field of its metadata (`language`: its language): one of the `values`, or a
    value from `least` to `most`, both ends included. A field that is a list has each of its entries.

    Numbers are compared as numbers, all else as texts without regard to case; of dates as texts (2024-05-01), `most`
    2024 takes in the whole year. A document without the field does not meet it.
    """

    field: str
    values: tuple[Value, ...] = ()
    least: Value | None = None
    most: Value | None = None

    def holds(self, document: Document) -> bool:
        """Whether the document meets it."""
        return any(self._meets(value) for value in values_of(document, self.field))

    def of(self, question: Question) -> Condition | None:
        """The condition with what the question has in place of templates; None where the question has no such field."""
        try:
            values = tuple(_filled(value, question) for value in self.values)
            least, most = (None if one is None else _filled(one, question) for one in (self.least, self.most))
        except KeyError:
            return None
        return replace(self, values=values, least=least, most=most)

    def __str__(self) -> str:
        if self.values:
            return f"{self.field} = {' or '.join(map(str, self.values))}"
        ends = [f"{sign} {end}" for sign, end in ((">=", self.least), ("<=", self.most)) if end is not None]
        return f"{self.field} {' and '.join(ends)}"

    def _meets(self, value: Value) -> bool:
        if self.values:
            return any(_compared(value, one) == 0 for one in self.values)
        after_least = self.least is None or _compared(value, self.least, within=True) >= 0
        return after_least and (self.most is None or _compared(value, self.most, within=True) <= 0)


def values_of(document: Document, field: str) -> tuple[Value, ...]:
    """What the document has in the field: nothing, one value, or the texts and numbers of a list."""
    found = document.metadata.get(field, document.language if field == "language" else None)
    entries = found if isinstance(found, list) else [found]
    return tuple(entry for entry in entries if isinstance(entry, bool | int | float | str))


def read_conditions(given: Mapping[str, object], at: str = "where") -> tuple[Condition, ...]:
    """Conditions by field: a value, a list of values, or a mapping with `from` and `to`, one or both. A value may be
    `{question.language}` or `{question.metadata.FIELD}`. Raises DeclarationError for anything else.
    """
    return tuple(_read(field, value, f"{at}.{field}") for field, value in given.items())


def meets_all(conditions: Iterable[Condition], document: Document) -> bool:
    """Whether the document meets all of them."""
    return all(condition.holds(document) for condition in conditions)


def _read(field: str, given: object, place: str) -> Condition:
    if isinstance(given, Mapping):
        ends = cast("Mapping[object, object]", given)
        if not ends or any(key not in _RANGE for key in ends):
            raise DeclarationError(f"{place}: found {given!r}, expected from and to, one or both")
        least, most = (_value(ends[key], f"{place}.{key}") if key in ends else None for key in _RANGE)
        return Condition(field, least=least, most=most)
    if isinstance(given, list | tuple):
        some = cast("list[object] | tuple[object, ...]", given)
        if not some:
            raise DeclarationError(f"{place}: found no value, expected one at least")
        return Condition(field, tuple(_value(one, place) for one in some))
    return Condition(field, (_value(given, place),))


def _value(given: object, place: str) -> Value:
    if isinstance(given, date):
        return given.isoformat()
    if isinstance(given, str) and "{" in given and not _TEMPLATE.fullmatch(given):
        templates = "{question.language} or {question.metadata.FIELD}"
        raise DeclarationError(f"{place}: found {given!r}, expected a text without braces, {templates}")
    if not isinstance(given, bool | int | float | str):
        raise DeclarationError(f"{place}: found {given!r}, expected a text, a number, a list, or from and to")
    return given


def _filled(value: Value, question: Question) -> Value:
    """Raises KeyError where the question does not have the field."""
    found = _TEMPLATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    own = question.language if found["language"] else question.metadata[found["field"]]
    if not isinstance(own, bool | int | float | str):
        raise KeyError(found["field"])
    return own


def _compared(value: Value, other: Value, *, within: bool = False) -> int:
    """-1 where the value is less, 0 where they are equal, 1 where it is more: as numbers where both are, else as texts.
    With `within`, a text that begins with the other is equal to it, as a day is to its year.
    """
    if not isinstance(value, str) and not isinstance(other, str):
        return (value > other) - (value < other)
    one, two = (str(text).strip().casefold() for text in (value, other))
    if within and one.startswith(two):
        return 0
    return (one > two) - (one < two)
