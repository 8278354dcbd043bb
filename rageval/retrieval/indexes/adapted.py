"""Exact search over embeddings, with an adapter on those of the questions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from rageval.pipeline import Resources
from rageval.retrieval.adapters import AdaptedQueries, QueryAdapter, read_adapter
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.dense import Dense, DenseIndex


@dataclass(frozen=True)
class AdaptedDense(VectorIndex):
    """As `Dense`, with which it shares the vectors of the passages; the vectors of queries are moved by the adapter in
    the file `path`, which `rageval train-adapter` wrote. Written answers (HyDE) are searched with as they are.

    What identifies the index is the content of the file. Raises DeclarationError for a file that is no adapter, and
    when it is built with another embedder than the adapter's.
    """

    path: Path
    chunker: AnyChunker = SentenceChunker()

    def __post_init__(self) -> None:
        _ = self.adapter

    def identity_fields(self) -> dict[str, object]:
        return {"adapter": self.adapter.digest, "chunker": self.chunker}

    @cached_property
    def adapter(self) -> QueryAdapter:
        return read_adapter(self.path)

    async def build(self, resources: Resources) -> SearchByVector[DenseIndex]:
        built = await resources.get(Dense(self.chunker))
        return replace(built, embedder=AdaptedQueries(resources.embedder, self.adapter))
