"""Indexes that are searched with the embedding of the query."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from rageval.models.base import Embedder, Vectors
from rageval.pipeline import Need, Query, Resources
from rageval.retrieval.indexes.base import Index
from rageval.types import Hit, Passage

_QUERIES_AT_ONCE = 64


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
        return self.passages.search(await self._mean(queries), depth)

    async def _mean(self, queries: Sequence[Query]) -> Vectors:
        return mean_vector(np.stack([await self._embed(query) for query in queries]))

    async def _embed(self, query: Query) -> Vectors:
        return (await self.embedder.embed([query.text], query.kind))[0]


class FoundTogether(FoundByVector, Protocol):
    """Passages that are found for several vectors in one pass."""

    def search_many(self, vectors: Vectors, depths: Sequence[int]) -> Sequence[tuple[Hit, ...]]:
        """What `search` returns for each of the unit vectors, shape (n, dim), with its depth."""
        ...


G = TypeVar("G", bound=FoundTogether)


@dataclass(frozen=True)
class SearchInBatches(SearchByVector[G]):
    """The same for an index whose pass over its vectors costs much: queries that wait meanwhile share the next pass.

    The passes run in a thread beside the event loop, one at a time.
    """

    _waiting: list[_Waiting] = field(default_factory=list["_Waiting"])
    _one_pass: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        return await self._find(await self._embed(query), depth)

    async def search_mean(self, queries: Sequence[Query], depth: int) -> tuple[Hit, ...]:
        return await self._find(await self._mean(queries), depth)

    async def _find(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        mine = _Waiting(vector, depth)
        self._waiting.append(mine)
        try:
            async with self._one_pass:
                if mine.hits is None:
                    await self._search_waiting()
        except BaseException:
            if mine in self._waiting:
                self._waiting.remove(mine)
            raise
        assert mine.hits is not None
        return mine.hits

    async def _search_waiting(self) -> None:
        batch = self._waiting[:_QUERIES_AT_ONCE]
        vectors, depths = np.stack([one.vector for one in batch]), [one.depth for one in batch]
        found = await asyncio.to_thread(self.passages.search_many, vectors, depths)
        for one, hits in zip(batch, found, strict=True):
            one.hits = hits
        self._waiting[:] = [one for one in self._waiting if one.hits is None]


@dataclass(eq=False)
class _Waiting:
    vector: Vectors
    depth: int
    hits: tuple[Hit, ...] | None = None


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
