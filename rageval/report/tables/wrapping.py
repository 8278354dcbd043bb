"""Text on lines of a given width, in which no number and no interval is broken.

Widths are cells of a terminal: an East Asian character has two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

_NUMBER = r"[+\-−]?\d[\d.,]*%?"
_UNIT = re.compile(
    rf"(?:\S*{_NUMBER} )?\S*\[{_NUMBER}, {_NUMBER}\]\S*"  # +0.03 [+0.01, +0.05]
    r"|[<>≤≥±] \S+"  # < 0.001
    r"|\S+(?: [↓†‡])+"  # faithfulness †
    r"|\S+"
)
_INTERVAL = re.compile(rf"\[{_NUMBER}, {_NUMBER}\]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")
_PIECES = re.compile(r"\d[\d.,]*\d|.", re.DOTALL)
_AFTER = "(,=/_-:;)]|"
_COMFORTABLE = 12


def one_line(text: str) -> str:
    """The text on one line, with single spaces and printable as `printable` says."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """The text without characters that move a terminal's cursor or turn the direction of writing."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def word_width(text: str) -> int:
    """The width of the widest number, interval or word; East Asian text may break after every character."""
    return max(
        (_least(unit) if _is_wide(unit) else cell_len(unit) for unit in _UNIT.findall(one_line(text))), default=0
    )


def least_width(text: str) -> int:
    """The same, but a word may be broken into pieces of 12 cells."""
    return max((_least(unit) for unit in _UNIT.findall(one_line(text))), default=0)


def wrap(text: str, width: int) -> list[str]:
    """The printable text on lines of at most `width` cells, 2 or more; one empty line for no text. A number or interval
    that is wider than that has to be broken all the same.
    """
    lines: list[str] = []
    line = ""
    for space, piece in _pieces(printable(text), width):
        longer = f"{line}{space if line else ''}{piece}"
        if line and cell_len(longer) > width:
            lines.append(line)
            longer = piece
        line = longer
    return [*lines, line]


def _least(unit: str) -> int:
    if _is_number(unit):
        return cell_len(unit)
    return max(min(cell_len(unit), _COMFORTABLE), *(cell_len(piece) for piece in _PIECES.findall(unit)))


def _is_number(unit: str) -> bool:
    """Whether it is a number or interval with marks and signs alone around it."""
    if _INTERVAL.search(unit):
        return True
    return any(char.isdigit() for char in unit) and not any(char.isalpha() for char in unit)


def _is_wide(unit: str) -> bool:
    """Whether it has East Asian characters, and is no number."""
    return cell_len(unit) > len(unit) and not _is_number(unit)


def _pieces(text: str, width: int) -> Iterator[tuple[str, str]]:
    """What may stand on a line of its own, each with the space before it."""
    end = 0
    for unit in _UNIT.finditer(text):
        space, end = text[end : unit.start()], unit.end()
        for part in _within(unit[0], width):
            yield space, part
            space = ""


def _within(unit: str, width: int) -> Iterator[str]:
    """A unit in one part where it fits, else in parts that end after punctuation, a wide character, or anywhere."""
    if cell_len(unit) <= width and not _is_wide(unit):
        yield unit
        return
    part = ""
    for piece in _PIECES.findall(unit):
        if part and cell_len(part + piece) > width:
            yield part
            part = ""
        part += piece
        while cell_len(part) > width:
            cut = max(1, next((i for i in range(len(part), 0, -1) if cell_len(part[:i]) <= width), 1))
            yield part[:cut]
            part = part[cut:]
        if part and (part[-1] in _AFTER or cell_len(part[-1]) > 1):
            yield part
            part = ""
    if part:
        yield part
