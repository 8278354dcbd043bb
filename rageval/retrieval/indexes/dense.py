"""Exact search over embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex, embedded_text
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages
from rageval.retrieval.stored.large_passages import LargePassages
from rageval.retrieval.stored.stored_index import IndexWriter
from rageval.types import Hit, Json, Passage

_PASSAGES_AT_ONCE = 32_768


class DenseIndex:
    """Passages by their unit vectors, shape (passages, dim); the score is the cosine, and every vector is compared."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        self.passages = passages
        self.vectors = vectors

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` documents nearest to a unit vector of shape (dim,), nearest first."""
        return top_hits(self.vectors @ vector, self.passages, depth)


@dataclass(frozen=True)
class Dense(VectorIndex):
    """The embeddings of the passages: the nearest are found exactly. Those of a large corpus lie on disk."""

    chunker: AnyChunker = SentenceChunker()

    async def build(self, resources: Resources) -> SearchByVector[DenseIndex]:
        passages, embedder = await resources.get(Passages(self.chunker)), resources.embedder
        if not isinstance(passages, LargePassages):
            vectors = await embedder.embed([embedded_text(passage) for passage in passages], "passage")
            return SearchByVector(DenseIndex(passages, vectors), embedder)

        async def write(writer: IndexWriter) -> None:
            for first in range(0, len(passages), _PASSAGES_AT_ONCE):
                texts = [embedded_text(passage) for passage in passages[first : first + _PASSAGES_AT_ONCE]]
                writer.append("vectors", await embedder.embed(texts, "passage"))

        settings: dict[str, Json] = {"embedder": embedder.identity, "text": "title, line break, text"}
        arrays = await passages.stored("dense", settings, {"vectors": "<f4"}, write)
        return SearchByVector(DenseIndex(passages, arrays["vectors"]), embedder)
