"""Indexes are searched for passages; `INDEXES` are those that can be called by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

from rageval.io.plugins import Part
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.adapted import AdaptedDense
from rageval.retrieval.indexes.approximate import ApproximateDense
from rageval.retrieval.indexes.base import Index, Searchable, as_indexes, with_chunker
from rageval.retrieval.indexes.bm25 import BM25
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex
from rageval.retrieval.indexes.contextual import Contextual
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.graph import Graph, graph
from rageval.retrieval.indexes.hierarchical import Hierarchical
from rageval.retrieval.indexes.images import ImageEmbeddings
from rageval.retrieval.indexes.inverted import InvertedLists
from rageval.retrieval.indexes.learned_sparse import LearnedSparse
from rageval.retrieval.indexes.multi_vector import MultiVector
from rageval.retrieval.indexes.weighted import Weighted

INDEXES: dict[str, Callable[..., Index | tuple[Index, ...]]] = {}

AnyIndex: TypeAlias = Annotated[Index | tuple[Index, ...], Part("indexes", INDEXES, as_indexes, several=True)]
"""An index or several as a setting: in a file by name or path, or as a list of such."""

_SENTENCES = SentenceChunker()


def hybrid(chunker: AnyChunker = _SENTENCES) -> tuple[Index, ...]:
    """BM25 and dense search, whose rankings `Retrieve` fuses."""
    return BM25(chunker), Dense(chunker)


HYBRID = hybrid()


def sparse(chunker: AnyChunker = _SENTENCES) -> Index:
    """The latent terms of the passages, by the packaged embedder's sparse head."""
    return LearnedSparse(chunker)


def weighted(
    index: AnyIndex = HYBRID, weights: tuple[float, ...] = (0.5, 0.5), chunker: AnyChunker = _SENTENCES
) -> Index:
    """Several indexes, whose scores, each scaled to 0 to 1 within its ranking, are added with weights."""
    return Weighted(index, chunker, weights)


def contextual(
    index: AnyIndex = HYBRID, document_tokens: int = 2000, max_tokens: int = 64, chunker: AnyChunker = _SENTENCES
) -> Index:
    """Other indexes over passages that have above their text, for searching alone, what places them in their document;
    the chat model writes it, a call for each passage.
    """
    return Contextual(index, chunker, document_tokens, max_tokens)


def hierarchical(
    index: AnyIndex = HYBRID,
    groups: Literal["documents", "clusters"] = "documents",
    by: Literal["centroid", "summary"] = "centroid",
    keep: int = 20,
    size: int = 10,
    tokens: int = 2000,
    chunker: AnyChunker = _SENTENCES,
) -> Index:
    """Other indexes, searched only within the documents, or clusters of passages, that are nearest to the query."""
    return Hierarchical(index, chunker, groups, by, keep, size, tokens)


INDEXES.update(
    bm25=BM25,
    dense=Dense,
    approximate=ApproximateDense,
    hybrid=hybrid,
    multi_vector=MultiVector,
    images=ImageEmbeddings,
    ivf=InvertedLists,
    adapted=AdaptedDense,
    sparse=sparse,
    weighted=weighted,
    contextual=contextual,
    hierarchical=hierarchical,
    graph=graph,
)

__all__ = [
    "BM25",
    "HYBRID",
    "INDEXES",
    "AdaptedDense",
    "AnyIndex",
    "ApproximateDense",
    "Contextual",
    "Dense",
    "Graph",
    "Hierarchical",
    "ImageEmbeddings",
    "Index",
    "InvertedLists",
    "LearnedSparse",
    "MultiVector",
    "SearchByVector",
    "Searchable",
    "VectorIndex",
    "Weighted",
    "as_indexes",
    "hybrid",
    "with_chunker",
]
