"""Tables and code in the Markdown of the site."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

NONE = "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; bars and line ends in its cells are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(text) for text in line)} |\n" for line in lines)


def code(text: str) -> str:
    """The text as code within a line."""
    return f"`{text}`"


def prose(doc: str | None) -> str:
    """A docstring as a text of the page: no indentation, line ends only between paragraphs."""
    return inspect.cleandoc(doc or "").strip()


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|") or NONE
