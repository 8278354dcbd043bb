"""Views of the images that a passage names: what they show is searched, the passage that names them is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rageval.models.base import ChatRequest
from rageval.pipeline import Resources, complete_all
from rageval.pipeline.images import ImageReader, PassageImage, images_in
from rageval.retrieval.image_texts import DESCRIBE, Words, description_request
from rageval.retrieval.views.base import View
from rageval.types import Document, Passage


@dataclass(frozen=True)
class ImageDescriptions(View):
    """For each image: title, caption, and what a vision model writes about it, in the language of the document. A call
    for an image; passages without one cost nothing.
    """

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        found = [(place, one) for place, passage in enumerate(passages) for one in images_in(passage, documents)]
        requests = [description_request(one, documents[passages[place].doc_id].language) for place, one in found]
        replies = await complete_all(resources.chat, requests)
        return _placed(passages, found, [reply.text for reply in replies])

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset({DESCRIBE})

    def requests(self, passages: Iterable[Passage], document: Document) -> list[ChatRequest]:
        named = (one for passage in passages for one in images_in(passage, {document.id: document}))
        return [description_request(one, document.language) for one in named]


@dataclass(frozen=True)
class ImageWords(View):
    """For each image with text in it: title, caption, and the text, recognised offline (extra `ocr`)."""

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        found = [(place, one) for place, passage in enumerate(passages) for one in images_in(passage, documents)]
        words = await asyncio.gather(*(resources.get(Words(one.image)) for _, one in found))
        return _placed(passages, found, words)

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset({"ocr"})


def _placed(
    passages: Sequence[Passage], found: Sequence[tuple[int, PassageImage]], texts: Sequence[str]
) -> list[list[str]]:
    """By passage, the texts of its images under its title and their captions; those that are empty are left out."""
    small: list[list[str]] = [[] for _ in passages]
    for (place, one), text in zip(found, texts, strict=True):
        if text.strip():
            small[place].append("\n".join(filter(None, (passages[place].title, one.caption, text.strip()))))
    return small
