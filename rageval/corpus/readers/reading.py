"""What readers give, and how they refuse a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rageval.text.tidy import tidy
from rageval.types import Json

EXTRA = "corpus"

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
