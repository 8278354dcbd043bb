"""Indexes are searched for passages; `INDEXES` are those that can be called by name."""

from collections.abc import Callable, Mapping

from rageval.retrieval.chunkers import Chunker, SentenceChunker
from rageval.retrieval.indexes.approximate import ApproximateDense
from rageval.retrieval.indexes.base import Index, Searchable
from rageval.retrieval.indexes.bm25 import BM25
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.multi_vector import MultiVector

_SENTENCES = SentenceChunker()


def hybrid(chunker: Chunker = _SENTENCES) -> tuple[Index, ...]:
    """BM25 and dense search, whose rankings `Retrieve` fuses."""
    return BM25(chunker), Dense(chunker)


INDEXES: Mapping[str, Callable[..., Index | tuple[Index, ...]]] = {
    "bm25": BM25,
    "dense": Dense,
    "hybrid": hybrid,
    "multi_vector": MultiVector,
}

__all__ = [
    "BM25",
    "INDEXES",
    "ApproximateDense",
    "Dense",
    "Index",
    "MultiVector",
    "SearchByVector",
    "Searchable",
    "VectorIndex",
    "hybrid",
]
