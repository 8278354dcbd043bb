"""Markdown and plain text."""

from __future__ import annotations

import re
from datetime import date as date_type
from typing import cast

import yaml

from rageval.corpus.readers.decoding import decode
from rageval.corpus.readers.reading import Part, Read, dated, find_date, tidy_line
from rageval.text.tidy import tidy

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", flags=re.MULTILINE | re.DOTALL)
_KEYS = ("title", "date")
_PLAIN = (str, int, float, date_type)  # not a list of lists of lists by aliases, whose text is endless
_HEADING = re.compile(r"\A#[ \t]+(.+?)[ \t]*#*[ \t]*(?:\n+|\Z)|\A(\S.*)\n=+(?:\n+|\Z)")


def read_text(raw: bytes) -> Read:
    """The whole file, as it is."""
    return Read((Part(tidy(decode(raw))),))


def read_markdown(raw: bytes) -> Read:
    """The text without its front matter, of which `title` and `date` are read, and without a heading at its top, which
    is the title where the front matter has none.
    """
    text = tidy(decode(raw))
    title = date = ""
    if (front := _FRONT_MATTER.match(text)) and (fields := _fields(front[1])) is not None:
        title, date = (tidy_line(str(value)) if isinstance(value, _PLAIN) else "" for value in map(fields.get, _KEYS))
        text = tidy(text[front.end() :])
    heading, text = split_heading(text)
    return Read((Part(text, title or heading, metadata=dated(find_date(date))),))


def split_heading(markdown: str) -> tuple[str, str]:
    """The first-level heading at the top, and the text below; "" and the text where there is none."""
    found = _HEADING.match(markdown)
    return ("", markdown) if found is None else (tidy_line(found[1] or found[2]), markdown[found.end() :])


def _fields(front_matter: str) -> dict[object, object] | None:
    """The mapping of a front matter; None where it is none."""
    try:
        fields: object = yaml.safe_load(front_matter)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return cast("dict[object, object]", fields) if isinstance(fields, dict) else None
