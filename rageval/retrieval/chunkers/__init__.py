"""Chunkers cut documents into passages; `CHUNKERS` are those that can be called by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeAlias

from rageval.io.plugins import Part
from rageval.retrieval.chunkers.base import Chunker, most_tokens
from rageval.retrieval.chunkers.by_asking import ModelChunker, without_model
from rageval.retrieval.chunkers.by_model import ModelTopicChunker
from rageval.retrieval.chunkers.cluster_semantic import ClusterSemanticChunker
from rageval.retrieval.chunkers.foreign import as_chunker
from rageval.retrieval.chunkers.frameworks import chonkie, langchain, llama_index
from rageval.retrieval.chunkers.headings import HeadingChunker
from rageval.retrieval.chunkers.recursive import RecursiveChunker
from rageval.retrieval.chunkers.semantic import SemanticChunker
from rageval.retrieval.chunkers.sentences import SentenceChunker
from rageval.retrieval.chunkers.windows import WindowChunker

CHUNKERS: Mapping[str, Callable[..., Chunker]] = {
    "sentences": SentenceChunker,
    "recursive": RecursiveChunker,
    "headings": HeadingChunker,
    "windows": WindowChunker,
    "semantic": SemanticChunker,
    "cluster_semantic": ClusterSemanticChunker,
    "by_model": ModelTopicChunker,
    "langchain": langchain,
    "llama_index": llama_index,
    "chonkie": chonkie,
}

AnyChunker: TypeAlias = Annotated[Chunker, Part("chunkers", CHUNKERS, as_chunker)]
"""A chunker as a setting: in a file by name or path."""

__all__ = [
    "CHUNKERS",
    "AnyChunker",
    "Chunker",
    "ClusterSemanticChunker",
    "HeadingChunker",
    "ModelChunker",
    "ModelTopicChunker",
    "RecursiveChunker",
    "SemanticChunker",
    "SentenceChunker",
    "WindowChunker",
    "as_chunker",
    "most_tokens",
    "without_model",
]
