"""Exact search over embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.retrieval.chunking import Chunking
from rageval.retrieval.large_passages import LargePassages
from rageval.retrieval.ranking import top_hits
from rageval.retrieval.stored_index import IndexWriter
from rageval.types import Hit, Json, Passage

_PASSAGES_AT_ONCE = 32_768


class DenseIndex:
    """Passages by their unit vectors, shape (passages, dim); the score is the cosine, and every vector is compared."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        self.passages = passages
        self.vectors = vectors

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` documents nearest to a unit vector of shape (dim,), nearest first."""
        return top_hits(self.vectors @ vector, self.passages, depth)


def embedded_text(passage: Passage) -> str:
    """What is embedded for a passage: its title, where it has one, and its text."""
    return f"{passage.title}\n{passage.text}".strip()


def mean_vector(vectors: Vectors) -> Vectors:
    """The mean of unit vectors, shape (n, dim), scaled to unit length again; a zero mean stays zero."""
    mean = vectors.mean(axis=0)
    norm = float(np.linalg.norm(mean))
    return mean if norm == 0.0 else (mean / norm).astype(np.float32)


@dataclass(frozen=True)
class Dense:
    """The dense index of a chunking, built once with the experiment's embedder; that of a large corpus lies on disk."""

    chunking: Chunking = Chunking()

    async def build(self, resources: Resources) -> DenseIndex:
        passages = await resources.get(self.chunking)
        embedder = resources.embedder
        if not isinstance(passages, LargePassages):
            return DenseIndex(passages, await embedder.embed([embedded_text(p) for p in passages], "passage"))

        async def write(writer: IndexWriter) -> None:
            for first in range(0, len(passages), _PASSAGES_AT_ONCE):
                texts = [embedded_text(passage) for passage in passages[first : first + _PASSAGES_AT_ONCE]]
                writer.append("vectors", await embedder.embed(texts, "passage"))

        settings: dict[str, Json] = {"embedder": embedder.identity, "text": "title, line break, text"}
        arrays = await passages.stored("dense", settings, {"vectors": "<f4"}, write)
        return DenseIndex(passages, arrays["vectors"])
