"""Views that no model has a part in: the passage's sentences, and its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.pipeline import Resources
from rageval.retrieval.views.base import View
from rageval.text import sentences
from rageval.types import Document, Passage


@dataclass(frozen=True)
class Sentences(View):
    """The passage's sentences."""

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        return [[passage.text[start:end] for start, end in sentences(passage.text)] for passage in passages]


@dataclass(frozen=True)
class Titles(View):
    """The passage's title: the document's, with the headings above the passage where its chunker adds them."""

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        return [[passage.title] if passage.title.strip() else [] for passage in passages]
