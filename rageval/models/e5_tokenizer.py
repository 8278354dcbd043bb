"""A unigram tokenizer: the cut of a text whose pieces are the most probable (Kudo 2018, arXiv 1804.10959)."""

from __future__ import annotations

from functools import lru_cache

from rageval.models.e5_file import Pieces

_SPACE = "▁"
_UNKNOWN_BELOW = 10.0
"""The log probability of an unknown character is so much below that of the least probable piece."""
_MOST_CACHED = 50_000
_LONGEST_CACHED = 24


class Tokenizer:
    """Cuts texts into the numbers of pieces.

    No piece reaches over a space, so that each word is cut on its own, and the cut of a short word is kept.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._replaced = pieces.replaced
        self._unknown = pieces.unknown
        self._unknown_score = float(min(pieces.scores)) - _UNKNOWN_BELOW
        scores = pieces.scores.tolist()
        self._known = {
            text: (number, scores[number]) for number, text in enumerate(pieces.texts) if number != pieces.unknown
        }
        self._longest: dict[str, int] = {}
        for text in self._known:
            self._longest[text[0]] = max(self._longest.get(text[0], 1), len(text))
        self._cut_short = lru_cache(_MOST_CACHED)(self._cut)

    def words(self, text: str) -> list[tuple[int, ...]]:
        """The pieces of each word of the text, by their numbers. An empty text is one word, a space."""
        parts = text.translate(self._replaced).split(" ")
        kept = [part for i, part in enumerate(parts) if part or i == len(parts) - 1]
        return [self._cut_short(one) if len(one) <= _LONGEST_CACHED else self._cut(one) for one in kept]

    def _cut(self, word: str) -> tuple[int, ...]:
        shown = _SPACE + word
        n = len(shown)
        best = [0.0] + [float("-inf")] * n
        back = [(0, 0)] * (n + 1)
        for start in range(n):
            tried = range(start + 1, min(n, start + self._longest.get(shown[start], 1)) + 1)
            for end in tried:
                found = self._known.get(shown[start:end])
                if found is None and end > start + 1:
                    continue
                number, score = found or (self._unknown, self._unknown_score)
                if best[start] + score > best[end]:
                    best[end] = best[start] + score
                    back[end] = (number, start)
        numbers: list[int] = []
        at = n
        while at:
            number, at = back[at]
            numbers.append(number)
        return tuple(reversed(numbers))
