"""The words by which passages are found, each passage in the language of its document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rageval.text import search_words
from rageval.text.languages import Language, detect_language, majority, prompt_language, settle
from rageval.types import Document, Passage


@dataclass(frozen=True)
class Words:
    """How texts fall into words. `languages` are those of documents for which English and Chinese words will not do.

    A query has the language that it is detected to be in; a short one that of most documents in its script.
    """

    languages: Mapping[str, Language] = field(default_factory=dict[str, Language])
    cut: Callable[[str, Language], list[str]] = search_words

    def of_passage(self, passage: Passage) -> list[str]:
        language = self.languages.get(passage.doc_id, "en")
        return self.cut(f"{passage.title}\n{passage.text}", language)

    def of_query(self, text: str) -> list[str]:
        if not self.languages:
            return self.cut(text, "en")
        return self.cut(text, settle(detect_language(text), self._majority))

    @cached_property
    def _majority(self) -> dict[str, Language]:
        return majority(map(str, self.languages.values()))


def words_of(documents: Iterable[Document]) -> Words:
    """The words of these documents, by their languages."""
    return Words({one.id: one.language for one in documents if prompt_language(one.language) != one.language})
