"""Indexes that are searched with the embedding of the query."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from rageval.models.base import Embedder, Vectors
from rageval.pipeline import Need, Query, Resources
from rageval.retrieval.indexes.base import Index
from rageval.types import Hit, Passage


class FoundByVector(Protocol):
    """Passages that are found by a vector."""

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Hits on passages of the `depth` documents nearest to a unit vector of shape (dim,), nearest first."""
        ...


T = TypeVar("T", bound=FoundByVector)


@dataclass(frozen=True)
class SearchByVector(Generic[T]):
    """What a `VectorIndex` is once it is built: queries are embedded, each as what it is."""

    passages: T
    embedder: Embedder

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        return self.passages.search(await self._embed(query), depth)

    async def search_mean(self, queries: Sequence[Query], depth: int) -> tuple[Hit, ...]:
        """Search once, with the mean of the queries' embeddings."""
        vectors = [await self._embed(query) for query in queries]
        return self.passages.search(mean_vector(np.stack(vectors)), depth)

    async def _embed(self, query: Query) -> Vectors:
        return (await self.embedder.embed([query.text], query.kind))[0]


class VectorIndex(Index):
    """An index that is searched with the embedding of the query, or the mean of several. Inherit from it."""

    @abstractmethod
    async def build(self, resources: Resources) -> SearchByVector[Any]: ...

    def needs(self) -> frozenset[Need]:
        return frozenset({"embed"})


def embedded_text(passage: Passage) -> str:
    """What is embedded for a passage: its title, where it has one, and its text."""
    return f"{passage.title}\n{passage.text}".strip()


def mean_vector(vectors: Vectors) -> Vectors:
    """The mean of unit vectors, shape (n, dim), scaled to unit length again; a zero mean stays zero."""
    mean = vectors.mean(axis=0)
    norm = float(np.linalg.norm(mean))
    return mean if norm == 0.0 else (mean / norm).astype(np.float32)
