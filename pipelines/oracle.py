"""The labelled passages in the prompt: the ceiling that no retriever can pass."""

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import AnyChunker, RetrieveLabelled
from rageval.retrieval.settings import choose_chunker


def build(k: int = 5, chunk_tokens: int = 384, overlap: int = 0, chunker: AnyChunker | None = None) -> Stage:
    """`k` labelled passages at most."""
    return RetrieveLabelled(k, choose_chunker(chunker, chunk_tokens, overlap)) >> Answer()
