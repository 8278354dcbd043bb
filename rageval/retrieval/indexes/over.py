"""Indexes that are made of other indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Query
from rageval.pipeline.sizes import total
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker, as_chunker
from rageval.retrieval.fusion import fuse
from rageval.retrieval.indexes.base import Index, Searchable, as_indexes, with_chunker
from rageval.types import Document, Hit


@dataclass(frozen=True)
class OverIndexes(Index):
    """An index made of one or several others over the passages of one chunker. Inherit from it as a frozen dataclass.

    The chunker is given here or in the indexes. Raises DeclarationError where there are several.
    """

    index: Index | tuple[Index, ...]
    chunker: AnyChunker = SentenceChunker()

    def __post_init__(self) -> None:
        inner = as_indexes(self.index)
        chunkers = dict.fromkeys(one for one in (as_chunker(self.chunker), *(index.chunker for index in inner)))
        chunkers.pop(SentenceChunker(), None)
        chunker, *others = chunkers or [SentenceChunker()]
        if others:
            raise DeclarationError(f"chunker: found {1 + len(others)} different ones, expected one for all indexes")
        object.__setattr__(self, "chunker", chunker)
        object.__setattr__(self, "index", tuple(with_chunker(one, chunker) for one in inner))

    def inner(self) -> tuple[Index, ...]:
        """The indexes that it is made of."""
        return self.index if isinstance(self.index, tuple) else (self.index,)

    def needs(self) -> frozenset[Need]:
        return frozenset[Need]().union(*(index.needs() for index in self.inner()))

    def prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(index.prompts() for index in self.inner()))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(index.indexing_calls(documents) for index in self.inner())

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return total(*(index.indexing_tokens(documents) for index in self.inner()))


async def search_all(indexes: Sequence[Searchable], query: Query, depth: int) -> Sequence[Hit]:
    """The rankings of several built indexes as one, by reciprocal rank."""
    return fuse([await index.search(query, depth) for index in indexes])
