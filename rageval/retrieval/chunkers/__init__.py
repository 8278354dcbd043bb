"""Chunkers cut documents into passages; `CHUNKERS` are those that can be called by name."""

from collections.abc import Callable, Mapping

from rageval.retrieval.chunkers.base import Chunker, most_tokens
from rageval.retrieval.chunkers.foreign import as_chunker
from rageval.retrieval.chunkers.sentences import SentenceChunker

CHUNKERS: Mapping[str, Callable[..., Chunker]] = {"sentences": SentenceChunker}

__all__ = ["CHUNKERS", "Chunker", "SentenceChunker", "as_chunker", "most_tokens"]
