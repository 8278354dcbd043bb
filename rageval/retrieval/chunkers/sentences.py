"""Passages of whole sentences up to a token budget, with overlap, for Chinese and English alike."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.text import count_tokens, sentences
from rageval.types import Document, Passage


@dataclass(frozen=True)
class SentenceChunker:
    """Whole sentences, up to `tokens` estimated tokens (`rageval.text.count_tokens`) a passage.

    Up to `overlap` sentences at the end of a passage are repeated at the start of the next one, as many as leave room
    for its first new sentence: every passage holds something that no earlier one does. A sentence longer than the
    budget is cut between words (Chinese: between characters). A document whose text is empty gives one empty passage,
    so that its title can still be found.
    """

    tokens: int = 384
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise DeclarationError(f"chunk_tokens: found {self.tokens}, expected at least 8")
        if self.overlap < 0:
            raise DeclarationError(f"overlap: found {self.overlap}, expected 0 or more sentences")

    def split(self, document: Document) -> list[Passage]:
        """The passages of one document, in order. Every visible character is in at least one of them."""
        return [document.passage(start, end) for start, end in self._spans(document.text)]

    def pieces(self, text: str) -> list[tuple[int, int]]:
        """The spans of its sentences; one that is longer than the budget is several."""
        return [piece for span in sentences(text) for piece in self._fit(text, *span)]

    def _spans(self, text: str) -> list[tuple[int, int]]:
        pieces = self.pieces(text)
        sizes = [count_tokens(text[start:end]) for start, end in pieces]
        spans: list[tuple[int, int]] = []
        new = 0
        while new < len(pieces):
            first, used = new, sizes[new]
            for repeated in range(new - 1, max(new - 1 - self.overlap, -1), -1):
                if used + sizes[repeated] > self.tokens:
                    break
                first, used = repeated, used + sizes[repeated]
            new += 1
            while new < len(pieces) and used + sizes[new] <= self.tokens:
                used += sizes[new]
                new += 1
            spans.append((pieces[first][0], pieces[new - 1][1]))
        return spans or [(0, 0)]

    def _fit(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        """Spans within the budget that make up text[start:end]: itself where it fits, else cut greedily."""
        if count_tokens(text[start:end]) <= self.tokens:
            return [(start, end)]
        spans: list[tuple[int, int]] = []
        while start < end:
            low, high = start + 1, min(end, start + self.tokens * 8)
            while low < high:
                middle = (low + high + 1) // 2
                if count_tokens(text[start:middle]) <= self.tokens:
                    low = middle
                else:
                    high = middle - 1
            cut = low
            if cut < end:
                space = text.rfind(" ", start + 1, cut + 1)
                cut = space if space > start else cut
            stripped = text[start:cut].strip()
            if stripped:
                begin = text.index(stripped, start, cut)
                spans.append((begin, begin + len(stripped)))
            start = cut
        return spans
