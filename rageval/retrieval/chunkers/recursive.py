"""Passages cut at the strongest separator that fits: sections, paragraphs, lines, sentences, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.retrieval.chunkers.sentences import SentenceChunker
from rageval.text import count_tokens
from rageval.types import Document, Passage

# Each begins a piece of its own; sentences and words come last, by the sentence chunker.
_SEPARATORS = (re.compile(r"(?m)^(?=#{1,6} )"), re.compile(r"\n{2,}"), re.compile(r"\n"))


@dataclass(frozen=True)
class RecursiveChunker:
    """Pieces between the strongest separators that leave them within `tokens` estimated tokens, joined again while
    neighbours fit together.

    The separators are Markdown headings, blank lines, lines, sentences, words (Chinese: characters). A passage never
    joins pieces across a stronger separator than one that had to be cut. Source: LangChain's
    RecursiveCharacterTextSplitter, in tokens and with sentences of both languages.
    """

    tokens: int = 384

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise DeclarationError(f"tokens: found {self.tokens}, expected at least 8")

    def split(self, document: Document) -> list[Passage]:
        """The passages of one document, in order. Every visible character is in exactly one of them."""
        text = document.text
        spans = [*self._cut(text, 0, len(text), 0)]
        return [document.passage(start, end) for start, end in spans] or [document.passage(0, 0)]

    def _cut(self, text: str, start: int, end: int, level: int) -> Iterator[tuple[int, int]]:
        start, end = _stripped(text, start, end)
        if start == end:
            return
        if self._fits(text, start, end):
            yield start, end
        elif level == len(_SEPARATORS):
            part = Document("", text[start:end])
            yield from ((start + one.start, start + one.end) for one in SentenceChunker(self.tokens).split(part))
        else:
            yield from self._joined(text, start, end, level)

    def _joined(self, text: str, start: int, end: int, level: int) -> Iterator[tuple[int, int]]:
        """The pieces of this level; those that fit together are one, those too long are cut further."""
        open_start = open_end = start
        for first, last in _pieces(text, start, end, level):
            if self._fits(text, open_start, last):
                open_end = last
                continue
            yield from self._cut(text, open_start, open_end, level + 1)
            open_start, open_end = first, last
        yield from self._cut(text, open_start, open_end, level + 1)

    def _fits(self, text: str, start: int, end: int) -> bool:
        return count_tokens(text[start:end].strip()) <= self.tokens


def _pieces(text: str, start: int, end: int, level: int) -> Iterator[tuple[int, int]]:
    for found in _SEPARATORS[level].finditer(text, start, end):
        if found.start() > start:
            yield start, found.start()
        start = found.end()
    if start < end:
        yield start, end


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inside = text[start:end]
    kept = inside.strip()
    first = start + len(inside) - len(inside.lstrip())
    return first, first + len(kept)
