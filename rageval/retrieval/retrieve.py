"""The stage that turns queries into hits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rageval.errors import DeclarationError
from rageval.pipeline import ContextSize, Need, Query, Resources, Shared, Stage, State
from rageval.retrieval.approximate import ApproximateDense, need_approximate
from rageval.retrieval.bm25 import BM25
from rageval.retrieval.chunking import Chunking
from rageval.retrieval.dense import Dense, mean_vector
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.types import Hit

Retriever: TypeAlias = Literal["bm25", "dense", "hybrid"]
DenseSearch: TypeAlias = Literal["exact", "approximate"]


@dataclass(frozen=True)
class Retrieve(Stage):
    """Search with every query of the state; put the `k` best passages into the context.

    `retriever` is `bm25`, `dense` (cosine of embeddings) or `hybrid` (both, joined by reciprocal rank fusion). The
    ranking goes on to `depth` documents, for the ranking metrics. Several queries are joined by `combine`: `rrf` fuses
    one ranking per query (constant `rrf_k`), `mean` searches once with the mean of their embeddings (dense only).
    `dense_search` is `exact`, which compares every vector, or `approximate`, which may miss some (extra `large`).
    """

    retriever: Retriever = "hybrid"
    k: int = 5
    depth: int = 100
    chunking: Chunking = Chunking()
    combine: Literal["rrf", "mean"] = "rrf"
    rrf_k: int = 60
    dense_search: DenseSearch = "exact"

    def __post_init__(self) -> None:
        if self.k < 1 or self.depth < self.k:
            raise DeclarationError(f"k: found {self.k} (depth {self.depth}), expected 1 <= k <= depth")
        if self.combine == "mean" and self.retriever != "dense":
            raise DeclarationError(f"retriever: found {self.retriever}, expected dense where combine is mean")
        if self.dense_search == "approximate":
            if self.retriever == "bm25":
                raise DeclarationError("dense_search: found approximate, expected the retriever dense or hybrid for it")
            need_approximate()

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset() if self.retriever == "bm25" else frozenset({"embed"})

    def context_size(self) -> ContextSize:
        return ContextSize(self.k, self.chunking.tokens)

    def indexes(self) -> tuple[Shared[object], ...]:
        lexical = () if self.retriever == "dense" else (BM25(self.chunking),)
        return lexical if self.retriever == "bm25" else (*lexical, self._dense())

    def _dense(self) -> Dense | ApproximateDense:
        return Dense(self.chunking) if self.dense_search == "exact" else ApproximateDense(self.chunking)

    async def run(self, state: State, resources: Resources) -> State:
        if self.combine == "mean":
            hits = await self._search_mean(state.queries, resources)
        else:
            rankings = [await self._search(query, resources) for query in state.queries]
            hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, self.rrf_k)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))

    async def _search(self, query: Query, resources: Resources) -> tuple[Hit, ...]:
        rankings: list[tuple[Hit, ...]] = []
        if self.retriever != "dense":
            rankings.append((await resources.get(BM25(self.chunking))).search(query.text, self.depth))
        if self.retriever != "bm25":
            index = await resources.get(self._dense())
            vectors = await resources.embedder.embed([query.text], query.kind)
            rankings.append(index.search(vectors[0], self.depth))
        return rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, self.rrf_k)

    async def _search_mean(self, queries: tuple[Query, ...], resources: Resources) -> tuple[Hit, ...]:
        index = await resources.get(self._dense())
        vectors = [(await resources.embedder.embed([query.text], query.kind))[0] for query in queries]
        return index.search(mean_vector(np.stack(vectors)), self.depth)
