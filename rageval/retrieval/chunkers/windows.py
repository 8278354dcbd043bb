"""Windows of a fixed size, cut wherever that is: what every other chunker has to beat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rageval.errors import DeclarationError
from rageval.text import token_ends
from rageval.types import Document, Passage


@dataclass(frozen=True)
class WindowChunker:
    """Every `size` estimated tokens or characters, of which each passage repeats `overlap` of the one before.

    Words are cut where a window ends within them, as a model's tokenizer does. White space at both ends of a passage is
    left out; a window of white space alone gives none. Source: Smith and Troynikov 2024 (FixedTokenChunker).
    """

    size: int = 384
    overlap: int = 0
    unit: Literal["tokens", "characters"] = "tokens"

    def __post_init__(self) -> None:
        if self.size < 8:
            raise DeclarationError(f"size: found {self.size}, expected at least 8")
        if not 0 <= self.overlap < self.size:
            raise DeclarationError(f"overlap: found {self.overlap}, expected 0 to {self.size - 1}, less than size")

    @property
    def tokens(self) -> int:
        """The most estimated tokens of a passage: a character is one at most."""
        return self.size

    def split(self, document: Document) -> list[Passage]:
        """The passages of one document, in order. Every visible character is in at least one of them."""
        text = document.text
        ends = token_ends(text) if self.unit == "tokens" else [*range(1, len(text) + 1)]
        spans: list[tuple[int, int]] = []
        for first in range(0, len(ends), self.size - self.overlap):
            start, end = ends[first - 1] if first else 0, ends[min(first + self.size, len(ends)) - 1]
            visible = re.search(r"\S(?:.*\S)?", text[start:end], re.DOTALL)
            if visible:
                spans.append((start + visible.start(), start + visible.end()))
            if first + self.size >= len(ends):
                break
        return [document.passage(start, end) for start, end in spans] or [document.passage(0, 0)]
