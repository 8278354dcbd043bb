"""Chunkers that ask a model where to cut: while an index is built, all documents together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import final

import numpy as np

from rageval.errors import DeclarationError
from rageval.models.base import Embedder, Vectors
from rageval.pipeline import Need, Resources
from rageval.retrieval.chunkers.base import Chunker
from rageval.retrieval.chunkers.sentences import SentenceChunker
from rageval.text import count_tokens
from rageval.types import Document, Passage


class ModelChunker(Chunker):
    """A chunker that asks a model where to cut. Inherit from it as a frozen dataclass.

    Indexes cut with it while they are built. What needs passages without an index (`oracle`, `noisy`,
    `rageval chunking`) takes no such chunker.
    """

    @abstractmethod
    def pieces(self, document: Document) -> Sequence[Passage]:
        """The smallest passages that it could make of the document; each of its passages joins neighbours of them. No
        model is asked: dry runs count these.
        """
        ...

    @abstractmethod
    async def split_all(self, documents: Sequence[Document], resources: Resources) -> Sequence[Sequence[Passage]]:
        """The passages of each document, as `Chunker.split` describes them."""
        ...

    @abstractmethod
    def needs(self) -> frozenset[Need]:
        """Which models it uses."""
        ...

    def prompts(self) -> frozenset[str]:
        """The names of the prompt templates that it uses."""
        return frozenset()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        """How many chat calls it takes to cut these documents, at most."""
        return 0

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        """Estimated tokens, at most, of all prompts of these calls together; None where that is not known."""
        return None if self.indexing_calls(documents) else 0

    @final
    def split(self, document: Document) -> Sequence[Passage]:
        """Raises DeclarationError: without a model there is nothing to cut by."""
        raise DeclarationError(f"chunker: found {type(self).__name__}, {_EXPECTED}")


_EXPECTED = "which asks a model where to cut, expected one that cuts without a model, such as sentences"


def without_model(chunker: Chunker, at: str = "chunker") -> Chunker:
    """The chunker. Raises DeclarationError, whose text begins with `at`, for one that asks a model."""
    if isinstance(chunker, ModelChunker):
        raise DeclarationError(f"{at}: found {type(chunker).__name__}, {_EXPECTED}")
    return chunker


@dataclass(frozen=True)
class JoinSentences(ModelChunker):
    """Whole sentences joined to passages of at most `tokens` estimated tokens; a longer sentence is cut between words.

    What a subclass decides is where a passage begins. Every visible character is in exactly one passage.
    """

    tokens: int = 384

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise DeclarationError(f"tokens: found {self.tokens}, expected at least 8")

    @final
    def pieces(self, document: Document) -> list[Passage]:
        spans = SentenceChunker(self.tokens).pieces(document.text)
        return [document.passage(start, end) for start, end in spans] or [document.passage(0, 0)]


@dataclass(frozen=True)
class JoinByVectors(JoinSentences):
    """Sentences that are joined by their embeddings."""

    @abstractmethod
    def starts(self, vectors: Vectors, sizes: Sequence[int]) -> Sequence[int]:
        """The first piece of each passage, 0 the first of them. There are two pieces at least.

        `vectors` has shape (pieces, dim), of unit length; `sizes` are the pieces' tokens, each at most `tokens`.
        """
        ...

    @final
    def needs(self) -> frozenset[Need]:
        return frozenset({"embed"})

    @final
    async def split_all(self, documents: Sequence[Document], resources: Resources) -> list[list[Passage]]:
        cut = [self.pieces(document) for document in documents]
        vectors = await _embed_all([pieces if len(pieces) > 1 else [] for pieces in cut], resources.embedder)
        return [
            joined(document, pieces, self.starts(rows, token_sizes(pieces)) if len(pieces) > 1 else [0])
            for document, pieces, rows in zip(documents, cut, vectors, strict=True)
        ]


async def _embed_all(texts: Sequence[Sequence[Passage]], embedder: Embedder) -> list[Vectors]:
    """The vectors of each sequence; all of them are embedded together."""
    flat = [piece.text for pieces in texts for piece in pieces]
    if not flat:
        return [np.zeros((0, 0), dtype=np.float32) for _ in texts]
    vectors = await embedder.embed(flat, "passage")
    ends = accumulate(map(len, texts), initial=0)
    return [vectors[start:end] for start, end in pairwise(ends)]


def token_sizes(pieces: Iterable[Passage]) -> list[int]:
    """The estimated tokens of each."""
    return [count_tokens(piece.text) for piece in pieces]


def joined(document: Document, pieces: Sequence[Passage], starts: Sequence[int]) -> list[Passage]:
    """The passages of which the pieces at `starts` (rising, the first 0) are the first."""
    return [
        document.passage(pieces[first].start, pieces[last - 1].end) for first, last in pairwise([*starts, len(pieces)])
    ]
