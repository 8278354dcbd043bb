"""Quotes found in a text although white space, case, full width and hyphenation differ.

Both are folded: compatibility forms are decomposed (NFKD, character by character), case is folded, white space and
invisible characters are dropped, and so are hyphens between letters, since a hyphen at a line end may belong to the
word or not.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Span: TypeAlias = tuple[int, int]

_LETTER = r"[^\W\d_]"
_BEFORE = rf"(?:(?<={_LETTER})|(?<=[\u0300-\u036f]))"
_HYPHENS = "[-\u2010]+"
_HYPHEN = re.compile(rf"{_BEFORE}{_HYPHENS}(?={_LETTER})")
_HYPHEN_AT_END = re.compile(rf"^{_HYPHENS}(?={_LETTER})|{_BEFORE}{_HYPHENS}$")
_RUN_LENGTHS = (8, 4, 2)
_MOST_RUNS = 24
_MOST_PLACES = 50
_LOOKED_AT = 400  # characters of a quote, for what is near it


@dataclass(frozen=True, slots=True, eq=False)
class FoldedText:
    """A text, folded once for many quotes. `places` has the index in `text` of each character of `folded`."""

    text: str
    folded: str
    places: NDArray[np.int64]

    @classmethod
    def of(cls, text: str) -> Self:
        """Fold a text; the time is proportional to its length."""
        forms = [_form(character) for character in text]
        folded = "".join(forms)
        places = np.repeat(np.arange(len(text)), np.fromiter(map(len, forms), np.int64, len(text)))
        kept = np.ones(places.size, np.bool_)
        for match in _HYPHEN.finditer(folded):
            kept[match.start() : match.end()] = False
        return cls(text, _HYPHEN.sub("", folded), places[kept])

    def spans(self, quote: str) -> Iterator[Span]:
        """Where the quote stands in `text`, in order, as start and end in code points. Nothing for a blank quote."""
        wanted = fold_quote(quote)
        at = self.folded.find(wanted) if wanted else -1
        while at >= 0:
            if self._is_whole(at, at + len(wanted)):
                yield self.span(at, at + len(wanted))
            at = self.folded.find(wanted, at + 1)

    def nearest(self, quote: str) -> Span | None:
        """The span as long as the quote that has most in common with it; None where nothing is alike.

        Alike are runs of 8, else 4, else 2 characters, of at most 400 characters of the quote.
        """
        found = nearest_in(self.folded, fold_quote(quote))
        return None if found is None else self.span(*found)

    def span(self, start: int, end: int) -> Span:
        """The span of `text` that a span of `folded` comes from; it must not be empty."""
        return int(self.places[start]), int(self.places[end - 1]) + 1

    def _is_whole(self, start: int, end: int) -> bool:
        """Whether the span of `folded` begins and ends between two characters of the text, accents included."""
        if start and self.places[start - 1] == self.places[start]:
            return False
        cut = end < len(self.folded) and (
            self.places[end - 1] == self.places[end] or unicodedata.combining(self.folded[end]) != 0
        )
        return not cut


def fold(text: str) -> str:
    """The text folded, as `FoldedText.folded`."""
    return _HYPHEN.sub("", text.translate({ord(character): _form(character) for character in {*text}}))


def fold_quote(quote: str) -> str:
    """A quote folded; hyphens that its first or last word is cut at are dropped too."""
    return _HYPHEN_AT_END.sub("", fold(quote))


def likeness(a: str, b: str) -> float:
    """How alike two texts are when folded, from 0 to 1: difflib's ratio of their first 400 characters."""
    folded = (fold_quote(text)[:_LOOKED_AT] for text in (a, b))
    return difflib.SequenceMatcher(None, *folded, autojunk=False).ratio()


def nearest_in(folded: str, quote: str, most_runs: int = _MOST_RUNS) -> Span | None:
    """`FoldedText.nearest` for a folded text and a folded quote, as a span of the folded text.

    So many runs of the quote are looked for at most; the time is proportional to them and to the text's length.
    """
    wanted = quote[:_LOOKED_AT]
    for length in _RUN_LENGTHS:
        starts = sorted(_starts(folded, wanted, length, most_runs))
        if starts:
            break
    else:
        return None
    width = max(_RUN_LENGTHS[0], len(wanted) // 4)
    best, most, first = starts[0], 0, 0
    for number, start in enumerate(starts):
        while starts[first] < start - width:
            first += 1
        if number - first + 1 > most:
            best, most = starts[first], number - first + 1
    begin = min(max(best, 0), len(folded) - 1)
    return begin, min(begin + max(len(quote), 1), len(folded))


def _starts(folded: str, wanted: str, length: int, most_runs: int) -> Iterator[int]:
    """Where the quote would begin, judged by the first 50 places of each of some of its runs."""
    step = max(1, -(-(len(wanted) - length + 1) // most_runs))
    for offset in range(0, len(wanted) - length + 1, step):
        run = wanted[offset : offset + length]
        at = folded.find(run)
        for _ in range(_MOST_PLACES):
            if at < 0:
                break
            yield at - offset
            at = folded.find(run, at + 1)


@cache
def _form(character: str) -> str:
    """What a character counts as; "" for white space and what cannot be seen."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in plain if not one.isspace() and unicodedata.category(one) != "Cf")
