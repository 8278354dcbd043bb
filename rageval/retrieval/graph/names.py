"""Names of entities: when two are the same, and which of them a question says."""

from __future__ import annotations

from collections.abc import Collection

from rageval.text import search_words
from rageval.text.facts import Name, name_words

_LONGEST = 16


def can_be_found(name: Name) -> bool:
    """Whether a name says enough to be looked for in questions: two characters, and not function words alone."""
    return len("".join(name)) > 1 and len(name) <= _LONGEST and bool(search_words(" ".join(name)))


def names_in(question: str, names: Collection[Name]) -> list[Name]:
    """The names that stand in the question, in their order: from left to right the longest, none within another."""
    words = name_words(question)
    found: dict[Name, None] = {}
    start = 0
    while start < len(words):
        ends = range(min(len(words), start + _LONGEST), start, -1)
        end = next((end for end in ends if words[start:end] in names), None)
        if end is not None:
            found[words[start:end]] = None
        start = start + 1 if end is None else end
    return [*found]
