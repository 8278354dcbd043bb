"""The stage that turns queries into hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Query, Resources, Shared, Stage, State
from rageval.pipeline.conditions import Condition, meets_all
from rageval.pipeline.documents import DocumentsById
from rageval.pipeline.sizes import total
from rageval.retrieval.chunkers import ModelChunker, most_tokens
from rageval.retrieval.documents import FieldsExist
from rageval.retrieval.fusion import fuse, take_turns
from rageval.retrieval.indexes import HYBRID, Index, Searchable, VectorIndex, as_indexes
from rageval.retrieval.within import search_within
from rageval.types import Document, Hit, Passage

_Allowed: TypeAlias = Callable[[Passage], bool]


@dataclass(frozen=True)
class Retrieve(Stage):
    """Search with every query of the state; put the `k` best passages into the context.

    The ranking goes on to `depth` documents, for the ranking metrics. Rankings of several indexes are joined by
    reciprocal rank fusion with the constant `rrf_k`. Several queries are joined by `combine`: `rrf` fuses one ranking
    per query likewise, `turns` takes the best of each query in turn, `mean` searches once with the mean of their
    embeddings (one index that is searched by vector).

    Only documents that meet all `conditions`, and those of the state, are found: an index is searched deeper until
    enough of its documents do. The step `filter_documents` names the conditions; one whose template names a field that
    the question does not have is left out.
    """

    index: Index | tuple[Index, ...] = HYBRID
    k: int = 5
    depth: int = 100
    combine: Literal["rrf", "turns", "mean"] = "rrf"
    rrf_k: int = 60
    conditions: tuple[Condition, ...] = ()

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
        indexes = self._indexes()
        chunkers = dict.fromkeys(one.chunker for one in indexes if isinstance(one.chunker, ModelChunker))
        return (*indexes, *chunkers)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        tokens = [most_tokens(index.chunker) for index in self._indexes()]
        known = [most for most in tokens if most is not None]
        return ContextSize(self.k, max(known) if len(known) == len(tokens) else None)

    def indexes(self) -> tuple[Shared[object], ...]:
        checked = (FieldsExist(self.conditions),) if self.conditions else ()
        return (*checked, *self._indexes())

    def _indexes(self) -> tuple[Index, ...]:
        return self.index if isinstance(self.index, tuple) else (self.index,)

    async def run(self, state: State, resources: Resources) -> State:
        own = (condition.of(state.question) for condition in self.conditions)
        conditions = [*(one for one in own if one is not None), *state.conditions]
        allowed = await _allowed(conditions, resources) if conditions else None
        if self.combine == "mean":
            hits = await self._search_mean(state.queries, allowed, resources)
        else:
            indexes = [await resources.get(index) for index in self._indexes()]
            rankings = [
                fuse([await self._search(index, query, allowed) for index in indexes], self.rrf_k)
                for query in state.queries
            ]
            hits = fuse(rankings, self.rrf_k) if self.combine == "rrf" else take_turns(rankings)
        if conditions:
            state = state.with_step("filter_documents", conditions=[*map(str, conditions)])
        return state.with_response(hits=tuple(hits), context=tuple(range(min(self.k, len(hits)))))

    async def _search(self, index: Searchable, query: Query, allowed: _Allowed | None) -> Sequence[Hit]:
        if allowed is None:
            return await index.search(query, self.depth)
        return await search_within(lambda depth: index.search(query, depth), self.depth, allowed)

    async def _search_mean(
        self, queries: Sequence[Query], allowed: _Allowed | None, resources: Resources
    ) -> Sequence[Hit]:
        (index,) = self._indexes()
        assert isinstance(index, VectorIndex)
        built = await resources.get(index)
        if allowed is None:
            return await built.search_mean(queries, self.depth)
        return await search_within(lambda depth: built.search_mean(queries, depth), self.depth, allowed)


async def _allowed(conditions: Sequence[Condition], resources: Resources) -> _Allowed:
    documents = await resources.get(DocumentsById())
    allowed = {name for name, document in documents.items() if meets_all(conditions, document)}
    return lambda passage: passage.doc_id in allowed
