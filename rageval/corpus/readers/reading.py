"""What readers give, and how they refuse a file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from rageval.types import Json

EXTRA = "corpus"

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_END_OF_LINE = re.compile(r"[ \t]+$", flags=re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANK_BEGINNING = re.compile(r"\A(?:[ \t]*\n)+")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12]\d|3[01])(?!\d)")


class RefusedFile(Exception):  # noqa: N818 (it is no error of rageval's: the file is told and skipped)
    """A file, or a row in it, cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a file. `name` tells it from the others of its file; "" where it is the whole file.

    `title` is "" where the file has none. `text` never includes the title; it has passed `tidy`.
    """

    text: str
    title: str = ""
    name: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class Read:
    """The documents of a file. `refused` says which rows of it were not read and why; `notes` what else to know."""

    parts: tuple[Part, ...]
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def tidy(text: str) -> str:
    """The text in NFC, with line ends as line feeds, without control characters, white space at line ends, and more
    than one blank line in a row. Half a surrogate pair becomes U+FFFD.
    """
    text = _CONTROL.sub("", _BREAK.sub("\n", text))
    text = unicodedata.normalize("NFC", _HALF_A_PAIR.sub("\ufffd", text))
    text = _BLANK_LINES.sub("\n\n", _END_OF_LINE.sub("", text))
    return _BLANK_BEGINNING.sub("", text).rstrip()


def tidy_line(text: str) -> str:
    """As `tidy`, on one line."""
    return " ".join(tidy(text).split())


def find_date(text: str) -> str:
    """The first date in a text (`2024-03-01`, `2024/3/1`, `2024年3月1日`) as `YYYY-MM-DD`; "" where there is none."""
    found = _DATE.search(text)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else ""


def dated(date: str) -> dict[str, Json]:
    """Metadata with the date, if there is one."""
    return {"date": date} if date else {}
