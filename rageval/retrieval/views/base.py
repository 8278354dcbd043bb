"""What a view is: small texts by which a passage is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rageval.models.base import ChatRequest
from rageval.pipeline import Resources
from rageval.pipeline.images import ImageReader
from rageval.types import Document, Passage


@dataclass(frozen=True)
class View(ABC):
    """Small texts of passages. Inherit from it as a frozen dataclass."""

    @abstractmethod
    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        """The small texts of each passage, in order; none for a passage of which the view has nothing to say.
        `documents` are those of the corpus by id.
        """
        ...

    def image_readers(self) -> frozenset[ImageReader]:
        """What reads images for the view; empty where it uses none."""
        return frozenset()

    def prompts(self) -> frozenset[str]:
        """The names of the prompt templates that the chat model is asked with."""
        return frozenset()

    def requests(self, passages: Iterable[Passage], document: Document) -> list[ChatRequest]:
        """What the chat model is asked about these passages of the document."""
        return []
