"""Tables in Markdown texts: where they stand, what they are called, what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rageval.text import sentences

_TABLE = re.compile(
    r"^(?P<header>[^\n]*\|[^\n]*)\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?:\n|\Z)"
    r"(?P<rows>(?:[^\n]*\|[^\n]*(?:\n|\Z))*)",
    re.MULTILINE,
)
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
_FURTHEST_CAPTION = 3  # line breaks between a caption and its table


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the span of its line in the text, and its cells."""

    start: int
    end: int
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first cell."""
        return self.cells[0] if self.cells else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its span in the text, the sentence before it, the cells of its header, and its rows."""

    start: int
    end: int
    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


def find_tables(text: str) -> list[Table]:
    """The pipe tables of a Markdown text, in order: a line with cells, a line of dashes, and the lines with cells after
    it. The caption is the last sentence before the table, "" where none stands within three line breaks.
    """
    if "|" not in text:
        return []
    tables: list[Table] = []
    before = 0
    for found in _TABLE.finditer(text):
        caption = _caption(text[before : found.start()])
        rows = tuple(_rows(text, *found.span("rows")))
        end = rows[-1].end if rows else found.start("rows")
        tables.append(Table(found.start(), end, caption, _cells(found["header"]), rows))
        before = found.end()
    return tables


def _rows(text: str, start: int, end: int) -> Iterator[Row]:
    for line in text[start:end].splitlines(keepends=True):
        yield Row(start, start + len(line.rstrip()), _cells(line))
        start += len(line)


def _cells(line: str) -> tuple[str, ...]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return tuple(cell.replace("\\|", "|").strip() for cell in _BETWEEN_CELLS.split(line))


def _caption(before: str) -> str:
    kept = before.rstrip()
    spans = sentences(kept) if before[len(kept) :].count("\n") <= _FURTHEST_CAPTION else []
    return kept[slice(*spans[-1])].lstrip("# ").strip() if spans else ""
