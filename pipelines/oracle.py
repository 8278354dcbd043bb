"""The labelled passages in the prompt: the ceiling that no retriever can pass."""

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import RetrieveLabelled, SentenceChunker


def build(k: int = 5, chunk_tokens: int = 384, overlap: int = 0) -> Stage:
    """`k` labelled passages at most."""
    return RetrieveLabelled(k, SentenceChunker(chunk_tokens, overlap)) >> Answer()
