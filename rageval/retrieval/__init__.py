"""Stages that find passages, and the chunkers, indexes and rerankers that they are made of."""

from rageval.retrieval.chunkers import (
    AnyChunker,
    Chunker,
    HeadingChunker,
    RecursiveChunker,
    SentenceChunker,
    as_chunker,
)
from rageval.retrieval.context import Budget, Diversify, Order
from rageval.retrieval.feedback import Feedback
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.retrieval.indexes import (
    BM25,
    HYBRID,
    AdaptedDense,
    AnyIndex,
    ApproximateDense,
    Dense,
    Index,
    MultiVector,
    Searchable,
    SearchByVector,
    VectorIndex,
    hybrid,
)
from rageval.retrieval.iterate import Iterate
from rageval.retrieval.labelled import RetrieveLabelled
from rageval.retrieval.mixing import MixPassages
from rageval.retrieval.passages import Passages
from rageval.retrieval.rerank import Filter, Rerank
from rageval.retrieval.rerankers import (
    AnyReranker,
    GgufReranker,
    LateInteraction,
    Listwise,
    Pointwise,
    RerankEndpoint,
    Reranker,
)
from rageval.retrieval.reshape import Compress, Window
from rageval.retrieval.retrieve import Retrieve

__all__ = [
    "BM25",
    "HYBRID",
    "AdaptedDense",
    "AnyChunker",
    "AnyIndex",
    "AnyReranker",
    "ApproximateDense",
    "Budget",
    "Chunker",
    "Compress",
    "Dense",
    "Diversify",
    "Feedback",
    "Filter",
    "GgufReranker",
    "HeadingChunker",
    "Index",
    "Iterate",
    "LateInteraction",
    "Listwise",
    "MixPassages",
    "MultiVector",
    "Order",
    "Passages",
    "Pointwise",
    "RecursiveChunker",
    "Rerank",
    "RerankEndpoint",
    "Reranker",
    "Retrieve",
    "RetrieveLabelled",
    "SearchByVector",
    "Searchable",
    "SentenceChunker",
    "VectorIndex",
    "Window",
    "as_chunker",
    "hybrid",
    "reciprocal_rank_fusion",
]
