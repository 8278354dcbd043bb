"""The prose of Markdown: what is not code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_CODE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)|(?P<tick>`+)[^\n]+?(?P=tick)", re.MULTILINE | re.DOTALL
)


def prose_spans(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the text between fenced code blocks and code within lines, in order."""
    start = 0
    for match in _CODE.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def change_prose(text: str, change: Callable[[str], str]) -> str:
    """The text with its prose changed and its code as it is."""
    changed = ""
    end = 0
    for start, stop in prose_spans(text):
        changed += text[end:start] + change(text[start:stop])
        end = stop
    return changed


def excerpt(text: str, most: int = 60) -> str:
    """The beginning of a text on one line, for notes."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
