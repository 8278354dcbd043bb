"""Approximate search by inverted lists (IVF), with product quantisation on request (faiss): exact cosines decide.

Vectors are put into lists by their nearest centroid, and a search looks into the nearest lists only: Jégou, Douze and
Schmid 2011 (Product quantization for nearest neighbor search), Douze et al. 2024, arXiv 2401.08281.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from importlib import metadata
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.proposed import ProposedIndex
from rageval.retrieval.stored.large_passages import LargePassages
from rageval.retrieval.stored.stored_index import IndexWriter

_VECTORS_AT_ONCE = 65_536
_TRAINED_ON = 64  # vectors for each list
_BITS = 8  # a byte of product quantisation is one of 256 centroids
_CODES = 1 << _BITS
_CANDIDATES = 4  # quantised vectors are off, so that exact cosines choose among so many times more
_SEED = 1234


@dataclass(frozen=True)
class InvertedLists(VectorIndex):
    """The embeddings of the passages in `lists` lists (by default 4·√passages), of which `probes` are searched.

    With `bytes`, product quantisation keeps so many bytes of each vector in memory, a divisor of its length; without,
    two bytes for each number. What is found is put in order by exact cosines, but some of the nearest may be missing:
    measure it beside `dense`. That of a large corpus lies on disk. Needs the extra `large`. Raises DeclarationError for
    settings that do not fit the vectors, MissingExtraError where the package is not installed.
    """

    lists: int | None = None
    probes: int = 128
    bytes: int | None = None
    chunker: AnyChunker = SentenceChunker()

    def __post_init__(self) -> None:
        for name, found in (("lists", self.lists), ("probes", self.probes), ("bytes", self.bytes)):
            if found is not None and found < 1:
                raise DeclarationError(f"ivf.{name}: found {found}, expected at least 1")
        need_package("faiss", "large", "the index ivf")

    async def build(self, resources: Resources) -> SearchByVector[ProposedIndex]:
        exact = (await resources.get(Dense(self.chunker))).passages
        passages, vectors = exact.passages, exact.vectors
        lists = self._check(vectors)
        if isinstance(passages, LargePassages):

            async def write(writer: IndexWriter) -> None:
                writer.append("index", _as_bytes(await self._make(vectors, lists)))

            settings = {
                "embedder": resources.embedder.identity,
                "faiss": metadata.version("faiss-cpu"),
                "lists": lists,
                "bytes": self.bytes,
            }
            arrays = await passages.stored("ivf", settings, {"index": "|u1"}, write)
            index = _opened(arrays["index"])
        else:
            index = await self._make(vectors, lists)
        return SearchByVector(ProposedIndex(passages, vectors, _Lists(index, self, lists)), resources.embedder)

    def _check(self, vectors: Vectors) -> int:
        """The number of lists. Raises DeclarationError where lists or bytes do not fit these vectors."""
        size, dim = vectors.shape
        lists = self.lists or max(1, min(round(4 * math.sqrt(size)), size))
        if lists > size:
            raise DeclarationError(f"ivf.lists: found {lists}, expected at most {size}, the passages that there are")
        if self.bytes is not None and (dim % self.bytes or size < _CODES):
            raise DeclarationError(
                f"ivf.bytes: found {self.bytes} for {size} vectors of length {dim}, expected a divisor of the length "
                f"and {_CODES} vectors at least"
            )
        return lists

    async def _make(self, vectors: Vectors, lists: int) -> Any:
        import faiss

        package, dim = cast("Any", faiss), vectors.shape[1]
        by_cosine, centroids = package.METRIC_INNER_PRODUCT, package.IndexFlatIP(dim)
        if self.bytes is None:
            rounded = package.ScalarQuantizer.QT_fp16
            index = package.IndexIVFScalarQuantizer(centroids, dim, lists, rounded, by_cosine)
            clusterings = [index.cp]
        else:
            index = package.IndexIVFPQ(centroids, dim, lists, self.bytes, _BITS, by_cosine)
            clusterings = [index.cp, index.pq.cp]
        for clustering in clusterings:
            clustering.seed, clustering.min_points_per_centroid = _SEED, 1
        drawn = np.random.default_rng(_SEED).permutation(len(vectors))[: max(_TRAINED_ON * lists, _TRAINED_ON * _CODES)]
        await asyncio.to_thread(index.train, np.ascontiguousarray(vectors[np.sort(drawn)]))
        for first in range(0, len(vectors), _VECTORS_AT_ONCE):
            await asyncio.to_thread(index.add, np.ascontiguousarray(vectors[first : first + _VECTORS_AT_ONCE]))
        return index


@dataclass(frozen=True)
class _Lists:
    """Proposes the rows in the lists nearest to a vector: all lists where all rows are wanted."""

    index: Any
    settings: InvertedLists
    lists: int

    def __call__(self, vector: Vectors, wanted: int) -> NDArray[np.integer]:
        import faiss

        size = int(self.index.ntotal)
        probes = min(self.lists, max(self.settings.probes, math.ceil(self.lists * wanted / size)))
        count = min(size, wanted if self.settings.bytes is None else wanted * _CANDIDATES)
        parameters = cast("Any", faiss).SearchParametersIVF(nprobe=probes)
        _, rows = self.index.search(vector[np.newaxis], count, params=parameters)
        return rows[0][rows[0] >= 0]


def _as_bytes(index: Any) -> NDArray[np.uint8]:
    import faiss

    return cast("Any", faiss).serialize_index(index)


def _opened(data: NDArray[np.uint8]) -> Any:
    import faiss

    return cast("Any", faiss).deserialize_index(np.array(data))
