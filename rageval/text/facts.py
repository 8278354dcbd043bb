"""Facts as triples of subject, relation and object, and the names in them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias, cast

from rageval.text import CJK, UNSPACED

Name: TypeAlias = tuple[str, ...]

_WORD = re.compile(rf"[{CJK}{UNSPACED}]|[^\W_{CJK}{UNSPACED}]+")
_ARTICLES = frozenset({"a", "an", "the"})
_BETWEEN_PARTS = re.compile(r"\s*[|｜]\s*")


@dataclass(frozen=True, slots=True)
class Triple:
    """A fact: `subject` and `object` are names of entities, `relation` says how they belong together."""

    subject: str
    relation: str
    object: str

    @property
    def text(self) -> str:
        """The fact as people read it, and as it is embedded."""
        return f"{self.subject} {self.relation} {self.object}"


def name_words(text: str) -> Name:
    """The words of a text by which names are compared: NFKC, without case and marks.

    A Chinese, Japanese, Korean or Thai character is a word of its own.
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def name_of(text: str) -> Name:
    """The words of a name (`name_words`) without a leading article. Empty where nothing is left."""
    words = name_words(text)
    return words[1:] if len(words) > 1 and words[0] in _ARTICLES else words


def make_triple(parts: object) -> Triple | None:
    """The triple of three texts; None for anything else, and where a subject or object has no word in it."""
    given = cast("list[object]", parts) if isinstance(parts, list) else []
    texts = [" ".join(part.split()) for part in given if isinstance(part, str)]
    if not len(texts) == len(given) == 3:
        return None
    subject, relation, object_ = texts
    return Triple(subject, relation, object_) if name_of(subject) and name_of(object_) and relation else None


def read_triple(line: str) -> Triple | None:
    """The triple of a line such as `subject | relation | object`; None for any other."""
    return make_triple(_BETWEEN_PARTS.split(line.strip("|｜ ")))
