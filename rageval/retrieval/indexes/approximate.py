"""Approximate search over embeddings: a graph of neighbours (HNSW, by usearch) proposes, exact cosines decide.

Malkov and Yashunin 2018, arXiv 1603.09320. The search may miss passages, so a pipeline has to ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rageval.extras import need_package
from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.proposed import ProposedIndex
from rageval.retrieval.stored.large_passages import LargePassages
from rageval.retrieval.stored.stored_index import IndexWriter

_VECTORS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """How the graph is made and searched, in the words of HNSW: M, efConstruction and the least ef.

    Vectors are kept as float16 in the graph; they only guide the search.
    """

    neighbours: int = 16
    width_of_insertion: int = 128
    width_of_search: int = 256


class _Found(Protocol):
    @property
    def keys(self) -> NDArray[np.uint64]: ...


class _Graph(Protocol):
    expansion_search: int

    def add(self, keys: NDArray[np.uint64], vectors: Vectors, *, threads: int) -> object: ...
    def search(self, vectors: Vectors, count: int, *, threads: int) -> _Found: ...
    def save(self, path_or_buffer: Path) -> None: ...


@dataclass(frozen=True)
class _Neighbours:
    """Proposes what the graph finds. `data` is what the graph reads while it searches, where that lies elsewhere."""

    graph: _Graph
    data: NDArray[Any] | None = None  # kept: usearch holds no reference, and would read freed memory

    def __call__(self, vector: Vectors, wanted: int) -> NDArray[np.integer]:
        return self.graph.search(vector, wanted, threads=1).keys


@dataclass(frozen=True)
class ApproximateDense(VectorIndex):
    """The embeddings of the passages: a graph finds the nearest, and may miss some (extra `large`).

    That of a large corpus lies on disk. Raises MissingExtraError where the package for it is not installed.
    """

    chunker: AnyChunker = SentenceChunker()
    settings: GraphSettings = GraphSettings()

    def __post_init__(self) -> None:
        need_package("usearch", "large", "dense_search: approximate")

    async def build(self, resources: Resources) -> SearchByVector[ProposedIndex]:
        exact = (await resources.get(Dense(self.chunker))).passages
        passages, vectors = exact.passages, exact.vectors
        if not isinstance(passages, LargePassages):
            graph = await _make_graph(vectors, self.settings)
            return SearchByVector(ProposedIndex(passages, vectors, _Neighbours(graph)), resources.embedder)

        async def write(writer: IndexWriter) -> None:
            path = writer.folder / "graph"
            (await _make_graph(vectors, self.settings)).save(path)
            writer.append_file("graph", path)

        settings = {
            "embedder": resources.embedder.identity,
            "usearch": metadata.version("usearch"),
            **asdict(self.settings),
        }
        arrays = await passages.stored("approximate", settings, {"graph": "|u1"}, write)
        neighbours = _Neighbours(_open_graph(arrays["graph"], self.settings), arrays["graph"])
        return SearchByVector(ProposedIndex(passages, vectors, neighbours), resources.embedder)


async def _make_graph(vectors: Vectors, settings: GraphSettings) -> _Graph:
    """In one thread, so that equal vectors make equal graphs on the same machine."""
    from usearch.index import Index

    graph = cast(
        "_Graph",
        Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype="f16",
            connectivity=settings.neighbours,
            expansion_add=settings.width_of_insertion,
            expansion_search=settings.width_of_search,
        ),
    )
    for first in range(0, len(vectors), _VECTORS_AT_ONCE):
        some = vectors[first : first + _VECTORS_AT_ONCE]
        graph.add(np.arange(first, first + len(some), dtype=np.uint64), some, threads=1)
        await asyncio.sleep(0)  # a run can be stopped here
    return graph


def _open_graph(data: NDArray[Any], settings: GraphSettings) -> _Graph:
    """Opens the graph in these bytes without copying them: they must outlive the graph."""
    from usearch.index import Index

    restore = cast("Callable[..., _Graph]", Index.restore)  # pyright: ignore[reportUnknownMemberType]
    graph = restore(memoryview(cast("Any", data)), view=True)
    graph.expansion_search = settings.width_of_search
    return graph
