"""The stage that turns queries into hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Query, Resources, Stage, State
from rageval.pipeline.sizes import total
from rageval.retrieval.chunkers import ModelChunker, most_tokens
from rageval.retrieval.fusion import fuse
from rageval.retrieval.indexes import HYBRID, Index, VectorIndex, as_indexes
from rageval.types import Document, Hit


@dataclass(frozen=True)
class Retrieve(Stage):
    """Search with every query of the state; put the `k` best passages into the context.

    The ranking goes on to `depth` documents, for the ranking metrics. Rankings of several indexes are joined by
    reciprocal rank fusion with the constant `rrf_k`. Several queries are joined by `combine`: `rrf` fuses one ranking
    per query likewise, `mean` searches once with the mean of their embeddings (one index that is searched by vector).
    """

    index: Index | tuple[Index, ...] = HYBRID
    k: int = 5
    depth: int = 100
    combine: Literal["rrf", "mean"] = "rrf"
    rrf_k: int = 60

    def __post_init__(self) -> None:
        if self.k < 1 or self.depth < self.k:
            raise DeclarationError(f"k: found {self.k} (depth {self.depth}), expected 1 <= k <= depth")
        indexes = as_indexes(self.index)
        first, *others = indexes
        object.__setattr__(self, "index", indexes if others else first)
        if self.combine == "mean" and (others or not isinstance(first, VectorIndex)):
            found = ", ".join(type(index).__name__ for index in indexes)
            raise DeclarationError(f"index: found {found}, expected one that is searched by vector, for combine mean")

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]().union(*(part.needs() for part in self._asking()))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(part.indexing_calls(documents) for part in self._asking())

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return total(*(part.indexing_tokens(documents) for part in self._asking()))

    def all_prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.prompts() for part in self._asking()))

    def _asking(self) -> tuple[Index | ModelChunker, ...]:
        """What may ask models: the indexes, and each of their chunkers once, since indexes share what it cuts."""
        indexes = self.indexes()
        chunkers = dict.fromkeys(one.chunker for one in indexes if isinstance(one.chunker, ModelChunker))
        return (*indexes, *chunkers)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        tokens = [most_tokens(index.chunker) for index in self.indexes()]
        known = [most for most in tokens if most is not None]
        return ContextSize(self.k, max(known) if len(known) == len(tokens) else None)

    def indexes(self) -> tuple[Index, ...]:
        return self.index if isinstance(self.index, tuple) else (self.index,)

    async def run(self, state: State, resources: Resources) -> State:
        if self.combine == "mean":
            hits = await self._search_mean(state.queries, resources)
        else:
            indexes = [await resources.get(index) for index in self.indexes()]
            rankings = [
                fuse([await index.search(query, self.depth) for index in indexes], self.rrf_k)
                for query in state.queries
            ]
            hits = fuse(rankings, self.rrf_k)
        return state.with_response(hits=tuple(hits), context=tuple(range(min(self.k, len(hits)))))

    async def _search_mean(self, queries: Sequence[Query], resources: Resources) -> Sequence[Hit]:
        (index,) = self.indexes()
        assert isinstance(index, VectorIndex)
        return await (await resources.get(index)).search_mean(queries, self.depth)
