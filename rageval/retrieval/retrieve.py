"""The stage that turns queries into hits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Query, Resources, Stage, State
from rageval.retrieval.chunkers import as_chunker, most_tokens
from rageval.retrieval.fusion import fuse
from rageval.retrieval.indexes import Index, VectorIndex
from rageval.types import Document, Hit


@dataclass(frozen=True)
class Retrieve(Stage):
    """Search with every query of the state; put the `k` best passages into the context.

    The ranking goes on to `depth` documents, for the ranking metrics. Rankings of several indexes are joined by
    reciprocal rank fusion with the constant `rrf_k`. Several queries are joined by `combine`: `rrf` fuses one ranking
    per query likewise, `mean` searches once with the mean of their embeddings (one index that is searched by vector).
    """

    index: Index | tuple[Index, ...]
    k: int = 5
    depth: int = 100
    combine: Literal["rrf", "mean"] = "rrf"
    rrf_k: int = 60

    def __post_init__(self) -> None:
        if self.k < 1 or self.depth < self.k:
            raise DeclarationError(f"k: found {self.k} (depth {self.depth}), expected 1 <= k <= depth")
        given = [*self.index] if isinstance(self.index, tuple) else [self.index]
        object.__setattr__(self, "index", tuple(map(checked_index, given)))
        if not given:
            raise DeclarationError("index: found none, expected at least one")
        if self.combine == "mean" and (len(given) > 1 or not isinstance(given[0], VectorIndex)):
            found = ", ".join(type(index).__name__ for index in given)
            raise DeclarationError(f"index: found {found}, expected one that is searched by vector, for combine mean")

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]().union(*(index.needs() for index in self.indexes()))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(index.building_calls(documents) for index in self.indexes())

    def all_prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(index.prompts() for index in self.indexes()))

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        tokens = [most_tokens(index.chunker) for index in self.indexes()]
        known = [most for most in tokens if most is not None]
        return ContextSize(self.k, max(known) if len(known) == len(tokens) else None)

    def indexes(self) -> tuple[Index, ...]:
        return cast("tuple[Index, ...]", self.index)

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


def checked_index(given: object) -> Index:
    """The index, whose chunker may be a splitter of another framework. Raises DeclarationError where it is none."""
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("build", "needs")):
        found = repr(given) if isinstance(given, str | type) else f"a {type(given).__name__}"
        raise DeclarationError(f"index: found {found}, expected an index, such as BM25()")
    index = cast("Index", given)
    chunker = as_chunker(index.chunker)
    if chunker is not index.chunker:
        index = dataclasses.replace(cast("Any", index), chunker=chunker)
    try:
        hash(index)
    except TypeError as error:
        raise DeclarationError(
            f"index: found a {type(given).__name__} with {error}, expected a frozen dataclass"
        ) from None
    return index
