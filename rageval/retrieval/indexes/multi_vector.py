"""Search over small vectors (sentences, key phrases, summaries, …), return the passage that each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest, Vectors
from rageval.models.recognise import recogniser_identity
from rageval.pipeline import Need, Resources
from rageval.pipeline.images import ImageReader
from rageval.pipeline.sizes import requests_size
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex, embedded_text
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages, pieces
from rageval.retrieval.views import (
    ImageDescriptions,
    ImageWords,
    KeyPhrases,
    Sentences,
    TableRows,
    Tables,
    TableSummaries,
    Titles,
    View,
    Written,
)
from rageval.types import Document, Hit, Passage

ViewName: TypeAlias = Literal[
    "sentences",
    "titles",
    "key_phrases",
    "tables",
    "table_rows",
    "table_summaries",
    "image_descriptions",
    "image_words",
    "propositions",
    "summaries",
    "questions",
]

_VIEWS: Mapping[ViewName, View] = MappingProxyType(
    {
        "sentences": Sentences(),
        "titles": Titles(),
        "tables": Tables(),
        "table_rows": TableRows(),
        "table_summaries": TableSummaries(),
        "image_descriptions": ImageDescriptions(),
        "image_words": ImageWords(),
        "propositions": Written("propositions", max_tokens=512),
        "summaries": Written("summarise", max_tokens=64),
    }
)


class MultiVectorIndex:
    """Several unit vectors per passage; a passage scores its best vector's cosine."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors, owners: np.ndarray) -> None:
        self.passages = passages
        self._vectors = vectors
        self._owners = owners

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents for a unit vector of shape (dim,), best first."""
        best = np.full(len(self.passages), -np.inf, dtype=np.float32)
        np.maximum.at(best, self._owners, self._vectors @ vector)
        return top_hits(best, self.passages, depth)


@dataclass(frozen=True)
class MultiVector(VectorIndex):
    """The embeddings of every passage and of small texts of it: what is found is the passage.

    `views` are the small texts: `sentences`, `titles`, `key_phrases`, of Markdown tables what they are about (`tables`)
    and each row with its header (`table_rows`); and, written by the chat model when the index is built, one call per
    passage and view: `summaries`, `questions` (hypothetical ones), `propositions` (sentences that state one fact each
    and stand alone: Chen et al. 2023, arXiv 2312.06648), `table_summaries` (of passages with a table). Of images that
    passages name: what a vision model writes about each, in one call (`image_descriptions`), or the text in it,
    recognised offline (`image_words`, extra `ocr`).

    Without `own`, the passage itself is left out where it has small texts: it is found by them alone. A passage of
    which no view has anything to say stands for itself.
    """

    views: tuple[ViewName, ...] = ("sentences",)
    questions_per_passage: int = 3
    phrases_per_passage: int = 8
    own: bool = True
    chunker: AnyChunker = SentenceChunker()
    recogniser: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not self.views or len(set(self.views)) != len(self.views):
            raise DeclarationError(f"views: found {list(self.views)}, expected one or more different views")
        for name in ("questions_per_passage", "phrases_per_passage"):
            if getattr(self, name) < 1:
                raise DeclarationError(f"{name}: found {getattr(self, name)}, expected at least 1")
        if "image_words" in self.views:
            object.__setattr__(self, "recogniser", recogniser_identity())

    def needs(self) -> frozenset[Need]:
        return frozenset({"embed", "chat"}) if self.prompts() else frozenset({"embed"})

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset[ImageReader]().union(*(view.image_readers() for view in self._views()))

    def prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(view.prompts() for view in self._views()))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return len(self._requests(documents))

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return requests_size(self._requests(documents))

    async def build(self, resources: Resources) -> SearchByVector[MultiVectorIndex]:
        passages = await resources.get(Passages(self.chunker))
        documents = {document.id: document for document in resources.documents}
        small: list[list[str]] = [[] for _ in passages]
        for view in self._views():
            for texts, more in zip(small, await view.small_texts(passages, documents, resources), strict=True):
                texts.extend(more)
        texts, owners = list[str](), list[int]()
        for owner, (passage, found) in enumerate(zip(passages, small, strict=True)):
            own = [embedded_text(passage)] if self.own or not found else []
            texts += own + found
            owners += [owner] * len(own + found)
        vectors = await resources.embedder.embed(texts, "passage")
        return SearchByVector(MultiVectorIndex(passages, vectors, np.array(owners, dtype=np.intp)), resources.embedder)

    def _views(self) -> list[View]:
        return [self._view(name) for name in self.views]

    def _view(self, name: ViewName) -> View:
        match name:
            case "key_phrases":
                return KeyPhrases(self.phrases_per_passage)
            case "questions":
                n = self.questions_per_passage
                return Written("ask_questions", max_tokens=32 * n, n=n)
            case _:
                return _VIEWS[name]

    def _requests(self, documents: Sequence[Document]) -> list[ChatRequest]:
        written = [view for view in self._views() if view.prompts()]
        return [
            request
            for document in (documents if written else ())
            for passages in (pieces(self.chunker, document),)
            for view in written
            for request in view.requests(passages, document)
        ]
