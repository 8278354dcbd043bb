"""Stages that find passages, and the chunkers, indexes and rerankers that they are made of."""

from rageval.retrieval.chunkers import (
    AnyChunker,
    Chunker,
    ClusterSemanticChunker,
    HeadingChunker,
    ModelChunker,
    ModelTopicChunker,
    RecursiveChunker,
    SemanticChunker,
    SentenceChunker,
    WindowChunker,
    as_chunker,
)
from rageval.retrieval.context import Budget, Diversify, Order
from rageval.retrieval.cypher import Cypher
from rageval.retrieval.feedback import Feedback
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.retrieval.indexes import (
    BM25,
    HYBRID,
    AdaptedDense,
    AnyIndex,
    ApproximateDense,
    Contextual,
    Dense,
    Graph,
    Hierarchical,
    ImageEmbeddings,
    Index,
    LearnedSparse,
    MultiVector,
    Searchable,
    SearchByVector,
    VectorIndex,
    Weighted,
    hybrid,
)
from rageval.retrieval.iterate import Iterate
from rageval.retrieval.labelled import RetrieveLabelled
from rageval.retrieval.mixing import MixPassages
from rageval.retrieval.parents import ToParent
from rageval.retrieval.passages import Passages
from rageval.retrieval.read_filters import ReadFilters
from rageval.retrieval.read_images import ReadImages
from rageval.retrieval.recency import Recency
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
from rageval.retrieval.subgraph import Subgraph

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
    "ClusterSemanticChunker",
    "Compress",
    "Contextual",
    "Cypher",
    "Dense",
    "Diversify",
    "Feedback",
    "Filter",
    "GgufReranker",
    "Graph",
    "HeadingChunker",
    "Hierarchical",
    "ImageEmbeddings",
    "Index",
    "Iterate",
    "LateInteraction",
    "LearnedSparse",
    "Listwise",
    "MixPassages",
    "ModelChunker",
    "ModelTopicChunker",
    "MultiVector",
    "Order",
    "Passages",
    "Pointwise",
    "ReadFilters",
    "ReadImages",
    "Recency",
    "RecursiveChunker",
    "Rerank",
    "RerankEndpoint",
    "Reranker",
    "Retrieve",
    "RetrieveLabelled",
    "SearchByVector",
    "Searchable",
    "SemanticChunker",
    "SentenceChunker",
    "Subgraph",
    "ToParent",
    "VectorIndex",
    "Weighted",
    "Window",
    "WindowChunker",
    "as_chunker",
    "hybrid",
    "reciprocal_rank_fusion",
]
