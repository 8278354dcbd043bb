"""Where in a document the texts lie that a splitter made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from rageval.types import Document, Passage

# A run of letters and digits, or a single Chinese character.
_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that a splitter made, and where it says that it begins in the document, if it says so."""

    text: str
    start: int | None = None


def place(pieces: Iterable[Piece], document: Document) -> list[Passage]:
    """The pieces as passages, in order; those without visible text are left out.

    The text of a piece, white space at its ends aside, is looked for in the document: where the splitter says that it
    stands, else behind the piece before (which it may overlap), else anywhere. Where it is found, the passage is that
    span. Where it is not (the splitter added a header, lowered the case, joined lines), the passage keeps the text of
    the piece, and its span is that of the longest run of words that both share, letter case aside; it is empty, at the
    end of the piece before, where they share none.
    """
    passages: list[Passage] = []
    words = _Words(document.text)
    start = end = 0
    for piece in pieces:
        text = piece.text.strip()
        if not text:
            continue
        found = _find(text, piece, document.text, start, end)
        if found is not None:
            start, end = found, found + len(text)
            passages.append(document.passage(start, end))
        else:
            start, end = words.longest_shared_run(text) or (end, end)
            passages.append(Passage(document.id, start, end, text, document.title))
    return passages


def _find(text: str, piece: Piece, whole: str, start: int, end: int) -> int | None:
    """Where the text begins, if it stands in the whole; the piece before lies from `start` to `end`."""
    if piece.start is not None and piece.start >= 0:
        said = piece.start + len(piece.text) - len(piece.text.lstrip())
        if whole.startswith(text, said):
            return said
    behind = whole.find(text, end)
    if behind >= 0 and not whole[end:behind].strip():
        return behind
    overlapping = whole.find(text, start + 1)
    if overlapping >= 0 and (overlapping + len(text) > end or behind < 0):
        return overlapping
    found = behind if behind >= 0 else whole.find(text)
    return found if found >= 0 else None


class _Words:
    """The words of a text, indexed when they are first needed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: list[tuple[int, int]] | None = None
        self._matcher = SequenceMatcher[str](autojunk=False)

    def longest_shared_run(self, other: str) -> tuple[int, int] | None:
        """The span of the longest run of words that the other text has too; None where there is none."""
        if self._spans is None:
            found = [*_WORD.finditer(self._text)]
            self._spans = [match.span() for match in found]
            self._matcher.set_seq2([match.group().lower() for match in found])
        self._matcher.set_seq1([word.lower() for word in _WORD.findall(other)])
        run = self._matcher.find_longest_match()
        return (self._spans[run.b][0], self._spans[run.b + run.size - 1][1]) if run.size else None
