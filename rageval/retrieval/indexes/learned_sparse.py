"""Search by terms that a model learned, in place of words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rageval.models.local_sparse import LocalSparse, SparseVector, packaged_sparse
from rageval.pipeline import Query, Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.base import Index
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages
from rageval.types import Hit, Passage


class SparseIndex:
    """Passages by their sparse vectors, in an inverted index; the score is the dot product."""

    def __init__(self, passages: Sequence[Passage], vectors: Sequence[SparseVector]) -> None:
        self.passages = passages
        sizes = [len(terms) for terms, _ in vectors]
        terms = np.concatenate([terms for terms, _ in vectors] or [np.zeros(0, dtype=np.int32)])
        weights = np.concatenate([weights for _, weights in vectors] or [np.zeros(0, dtype=np.float32)])
        order = np.argsort(terms, kind="stable")
        self._terms = terms[order]
        self._rows = np.repeat(np.arange(len(vectors)), sizes)[order]
        self._weights = weights[order]

    def search(self, vector: SparseVector, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents, best first; only those that share a term with the query."""
        scores = np.zeros(len(self.passages), dtype=np.float32)
        for term, weight in zip(*vector, strict=True):
            first, last = np.searchsorted(self._terms, [term, term + 1])
            scores[self._rows[first:last]] += weight * self._weights[first:last]
        return top_hits(scores, self.passages, depth, above=0.0)


@dataclass(frozen=True, slots=True)
class _SearchByTerms:
    """What `LearnedSparse` is once it is built."""

    passages: SparseIndex
    model: LocalSparse

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        (vector,) = await self.model.encode([query.text])
        return self.passages.search(vector, depth)


@dataclass(frozen=True)
class LearnedSparse(Index):
    """The latent terms of the passages, by the packaged embedder's sparse head: see `LocalSparse`.

    Terms stand for meanings of tokens, and those that a query shares with a passage tell why it was found. Nothing is
    kept: each process encodes all passages anew, which takes longer than embedding them. Raises MissingExtraError
    where the extra `local` is not installed.
    """

    chunker: AnyChunker = SentenceChunker()
    encoder: str = dataclasses.field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", packaged_sparse().identity)

    async def build(self, resources: Resources) -> _SearchByTerms:
        passages, model = await resources.get(Passages(self.chunker)), packaged_sparse()
        vectors = await model.encode([embedded_text(passage) for passage in passages])
        return _SearchByTerms(SparseIndex(passages, vectors), model)
