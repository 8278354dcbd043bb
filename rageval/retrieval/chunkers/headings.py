"""Passages that stay within a Markdown section and carry the path of its headings in their title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.retrieval.chunkers.recursive import RecursiveChunker
from rageval.types import Document, Passage

_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
_FENCE = re.compile(r"^(```+|~~~+).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
_BETWEEN = " › "


@dataclass(frozen=True)
class HeadingChunker:
    """The sections of a Markdown text, each up to `tokens` estimated tokens, longer ones cut as by `RecursiveChunker`.

    The title of a passage is that of the document and the headings above it: `Guide › Install › Linux`. Lines that look
    like headings within a fenced block of code are none. A text without headings is one section.
    """

    tokens: int = 384

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise DeclarationError(f"tokens: found {self.tokens}, expected at least 8")

    def split(self, document: Document) -> list[Passage]:
        """The passages of one document, in order. Every visible character is in exactly one of them."""
        cut = RecursiveChunker(self.tokens)
        passages: list[Passage] = []
        for start, end, path in _sections(document.text):
            title = _BETWEEN.join([*([document.title] if document.title else []), *path])
            for one in cut.split(Document(document.id, document.text[start:end])):
                if one.text:
                    place = document.passage(start + one.start, start + one.end)
                    passages.append(replace(place, title=title))
        return passages or [document.passage(0, 0)]


def _sections(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Where each section begins and ends, and the headings above it, its own the last."""
    fences = [found.span() for found in _FENCE.finditer(text)]
    headings = [found for found in _HEADING.finditer(text) if not any(a <= found.start() < b for a, b in fences)]
    starts = [*(found.start() for found in headings), len(text)]
    yield 0, starts[0], ()
    path: list[tuple[int, str]] = []
    for found, start, end in zip(headings, starts, starts[1:], strict=False):
        level = len(found[1])
        path = [*(one for one in path if one[0] < level), (level, found[2])]
        yield start, end, tuple(name for _, name in path)
