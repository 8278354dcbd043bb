"""Names of entities: when two are the same, and which of them a question says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import TypeAlias

from rageval.text import CJK, UNSPACED, search_words

Name: TypeAlias = tuple[str, ...]

_WORD = re.compile(rf"[{CJK}{UNSPACED}]|[^\W_{CJK}{UNSPACED}]+")
_ARTICLES = frozenset({"a", "an", "the"})
_LONGEST = 16


def name_of(text: str) -> Name:
    """The words of a name, by which it is compared: NFKC, without case, marks and a leading article.

    A Chinese, Japanese, Korean or Thai character is a word of its own. Empty where nothing is left.
    """
    words = tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    return words[1:] if len(words) > 1 and words[0] in _ARTICLES else words


def can_be_found(name: Name) -> bool:
    """Whether a name says enough to be looked for in questions: two characters, and not function words alone."""
    return len("".join(name)) > 1 and len(name) <= _LONGEST and bool(search_words(" ".join(name)))


def names_in(question: str, names: Collection[Name]) -> list[Name]:
    """The names that stand in the question, in their order: from left to right the longest, none within another."""
    words = tuple(_WORD.findall(unicodedata.normalize("NFKC", question).casefold()))
    found: dict[Name, None] = {}
    start = 0
    while start < len(words):
        ends = range(min(len(words), start + _LONGEST), start, -1)
        end = next((end for end in ends if words[start:end] in names), None)
        if end is not None:
            found[words[start:end]] = None
        start = start + 1 if end is None else end
    return [*found]
