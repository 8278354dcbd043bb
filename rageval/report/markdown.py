"""The parts of Markdown that reports share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; cells may hold any text."""
    rule = f"|{'---|' * len(header)}"
    return [_row(header), rule, *map(_row, rows)]


def code(text: str) -> str:
    """Text as a code span on one line, in which nothing is a link, a mention or HTML."""
    plain = " ".join(text.split()).replace("`", "'")
    return f"`{plain}`" if plain else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
