"""Passages are indexed with a sentence or two that place them in their document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import Need, Query, Resources, Shared, complete_all
from rageval.pipeline.sizes import requests_size, total
from rageval.prompts import load_prompt
from rageval.retrieval.chunkers import Chunker
from rageval.retrieval.indexes.base import Index, Searchable
from rageval.retrieval.indexes.over import OverIndexes, search_all
from rageval.retrieval.passages import Passages, pieces
from rageval.text import cut_at_sentence
from rageval.types import Document, Hit, Passage

T = TypeVar("T")

_PROMPT = "place_passage"


@dataclass(frozen=True)
class PlacedPassages:
    """The passages of a chunker, each with its context above its text: a sentence or two by the chat model.

    The model is shown the document, first and the same for all its passages, and the passage. A document of more than
    `document_tokens` estimated tokens is cut after a sentence, and the prompt says so. A passage that is all of its
    document, and one to which the reply is empty, has no context.
    """

    chunker: Chunker
    document_tokens: int
    max_tokens: int

    async def build(self, resources: Resources) -> tuple[Passage, ...]:
        passages = await resources.get(Passages(self.chunker))
        of_document: dict[str, list[Passage]] = {}
        for passage in passages:
            of_document.setdefault(passage.doc_id, []).append(passage)
        documents = {document.id: document for document in resources.documents}
        placed = [(name, some) for name, some in of_document.items() if len(some) > 1]
        requests = [one for name, some in placed for one in self.requests(documents[name], some)]
        replies = await complete_all(resources.chat, requests)
        asked = (passage for _, some in placed for passage in some)
        contexts = {one: " ".join(reply.text.split()) for one, reply in zip(asked, replies, strict=True)}
        return tuple(_with_context(passage, contexts.get(passage, "")) for passage in passages)

    def requests(self, document: Document, passages: Sequence[Passage]) -> list[ChatRequest]:
        """One request for each passage of the document; none where there is only one."""
        if len(passages) < 2:
            return []
        language, prompt = document.language, load_prompt(_PROMPT)
        shown = cut_at_sentence(document.text, self.document_tokens)
        variant = "instruction" if len(shown) == len(document.text) else "of_beginning"
        whole = Passage(document.id, 0, len(shown), shown, document.title)
        return [
            ChatRequest(
                prompt.messages(language, {"passage": one.text}, passages=(whole,), variant=variant),
                prompt.id(language),
                max_tokens=self.max_tokens,
            )
            for one in passages
        ]


@dataclass(frozen=True)
class Contextual(OverIndexes):
    """Other indexes over passages that have their context above their text, for searching alone: what is found and read
    is the passage as it stands in the document.

    The chat model is asked once for each passage of a document that has several: see `PlacedPassages`. It helps where
    passages speak of "the company" or "this version" and the document says above which. Source: Anthropic 2024,
    Contextual Retrieval.
    """

    document_tokens: int = 2000
    max_tokens: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("document_tokens", "max_tokens"):
            if getattr(self, name) < 8:
                raise DeclarationError(f"{name}: found {getattr(self, name)}, expected at least 8")

    def needs(self) -> frozenset[Need]:
        return super().needs() | frozenset[Need]({"chat"})

    def prompts(self) -> frozenset[str]:
        return super().prompts() | {_PROMPT}

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return super().indexing_calls(documents) + len(self._requests(documents))

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        """Not known where an index inside asks the chat model about the passages, which have their contexts then."""
        if super().indexing_calls(documents):
            return None
        return total(requests_size(self._requests(documents)), super().indexing_tokens(documents))

    async def build(self, resources: Resources) -> _WithoutContexts:
        raw = await resources.get(Passages(self.chunker))
        placed = await resources.get(self._placed())
        inside = _PlacedResources(resources, Passages(self.chunker), placed)
        built = [await inside.get(index) for index in self.inner()]
        return _WithoutContexts(built, {(one.id, one.text): was for one, was in zip(placed, raw, strict=True)})

    def _placed(self) -> PlacedPassages:
        return PlacedPassages(self.chunker, self.document_tokens, self.max_tokens)

    def _requests(self, documents: Sequence[Document]) -> list[ChatRequest]:
        placed = self._placed()
        return [one for each in documents for one in placed.requests(each, pieces(self.chunker, each))]


@dataclass(frozen=True, slots=True)
class _WithoutContexts:
    """What `Contextual` is once it is built: `raw` are the passages as they stand in their documents."""

    indexes: Sequence[Searchable]
    raw: Mapping[tuple[str, str], Passage]

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        hits = await search_all(self.indexes, query, depth)
        return tuple(replace(hit, passage=self.raw[hit.passage.id, hit.passage.text]) for hit in hits)


class _PlacedResources(Resources):
    """Resources whose passages have their contexts; indexes are built with these, all else comes from `whole`."""

    def __init__(self, whole: Resources, passages: Passages, placed: Sequence[Passage]) -> None:
        vars(self).update(vars(whole))
        self._whole = whole
        self._passages = passages
        self._placed = placed

    async def get(self, shared: Shared[T]) -> T:
        if shared == self._passages:
            return cast("T", self._placed)
        if isinstance(shared, Index):
            return cast("T", await shared.build(self))
        return await self._whole.get(shared)


def _with_context(passage: Passage, context: str) -> Passage:
    return replace(passage, text=f"{context}\n{passage.text}") if context else passage
