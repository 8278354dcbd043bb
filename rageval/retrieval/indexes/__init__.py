"""Indexes are searched for passages; `INDEXES` are those that can be called by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeAlias

from rageval.io.plugins import Part
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.adapted import AdaptedDense
from rageval.retrieval.indexes.approximate import ApproximateDense
from rageval.retrieval.indexes.base import Index, Searchable, as_indexes
from rageval.retrieval.indexes.bm25 import BM25
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.multi_vector import MultiVector

_SENTENCES = SentenceChunker()


def hybrid(chunker: AnyChunker = _SENTENCES) -> tuple[Index, ...]:
    """BM25 and dense search, whose rankings `Retrieve` fuses."""
    return BM25(chunker), Dense(chunker)


HYBRID = hybrid()


INDEXES: Mapping[str, Callable[..., Index | tuple[Index, ...]]] = {
    "bm25": BM25,
    "dense": Dense,
    "adapted": AdaptedDense,
    "approximate": ApproximateDense,
    "hybrid": hybrid,
    "multi_vector": MultiVector,
}

AnyIndex: TypeAlias = Annotated[Index | tuple[Index, ...], Part("indexes", INDEXES, as_indexes, several=True)]
"""An index or several as a setting: in a file by name or path, or as a list of such."""

__all__ = [
    "BM25",
    "HYBRID",
    "INDEXES",
    "AdaptedDense",
    "AnyIndex",
    "ApproximateDense",
    "Dense",
    "Index",
    "MultiVector",
    "SearchByVector",
    "Searchable",
    "VectorIndex",
    "as_indexes",
    "hybrid",
]
