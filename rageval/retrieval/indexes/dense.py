"""Exact search over embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, SearchInBatches, VectorIndex, embedded_text
from rageval.retrieval.indexes.nearest import exact_cosines, nearest_rows
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages
from rageval.retrieval.stored.large_passages import LargePassages
from rageval.retrieval.stored.stored_index import IndexWriter
from rageval.types import Hit, Json, Passage

_PASSAGES_AT_ONCE = 32_768


class DenseIndex:
    """Passages by their unit vectors, shape (passages, dim); the score is the cosine, and every vector is compared.

    What is found for a query depends neither on the others of its batch nor on where the vectors lie.
    """

    def __init__(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        self.passages = passages
        self.vectors = vectors

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` documents nearest to a unit vector of shape (dim,), nearest first."""
        (hits,) = self.search_many(vector[np.newaxis], [depth])
        return hits

    def search_many(self, vectors: Vectors, depths: Sequence[int]) -> list[tuple[Hit, ...]]:
        """What `search` returns for each of the unit vectors, shape (n, dim), with its depth: one pass for all."""
        size = len(self.passages)
        hits: list[tuple[Hit, ...]] = [() for _ in depths]
        wanted = {number: min(size, depth * 2) for number, depth in enumerate(depths)}
        while wanted:
            rows = nearest_rows(self.vectors, vectors[[*wanted]], [*wanted.values()])
            for number, found in zip([*wanted], rows, strict=True):
                cosines = exact_cosines(self.vectors, found, vectors[number])
                hits[number] = top_hits(cosines, self.passages, depths[number], positions=found)
                if len(found) == size or len({hit.passage.doc_id for hit in hits[number]}) >= depths[number]:
                    del wanted[number]
                else:
                    wanted[number] = min(size, wanted[number] * 4)
        return hits


@dataclass(frozen=True)
class Dense(VectorIndex):
    """The embeddings of the passages: the nearest are found exactly. Those of a large corpus lie on disk."""

    chunker: AnyChunker = SentenceChunker()

    async def build(self, resources: Resources) -> SearchByVector[DenseIndex] | SearchInBatches[DenseIndex]:
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
        return SearchInBatches(DenseIndex(passages, arrays["vectors"]), embedder)
