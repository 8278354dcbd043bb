"""What an index is, and what it is once it is built."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, cast, runtime_checkable

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Query, Resources
from rageval.retrieval.chunkers import Chunker, SentenceChunker, as_chunker
from rageval.types import Document, Hit


class Searchable(Protocol):
    """An index that is built."""

    async def search(self, query: Query, depth: int) -> Sequence[Hit]:
        """Hits on passages of the `depth` best documents, best first."""
        ...


@runtime_checkable
class Index(Protocol):
    """How an index over the passages of a `chunker` is built: a frozen dataclass.

    Equal indexes are built once and shared. Inherit from this class: every method but `build` has a default.
    """

    chunker: Chunker

    @abstractmethod
    async def build(self, resources: Resources) -> Searchable:
        """The index. `await resources.get(Passages(self.chunker))` gives the passages; `resources.embedder` and
        `resources.chat` are there where `needs` names them.
        """
        ...

    def needs(self) -> frozenset[Need]:
        """Which models building and searching use; those of the chunker are not among them."""
        return frozenset()

    def prompts(self) -> frozenset[str]:
        """The names of the prompt templates that building uses."""
        return frozenset()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        """How many chat calls it takes to build the index over these documents."""
        return 0

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        """Estimated tokens, at most, of all prompts of these calls together; None where that is not known."""
        return None if self.indexing_calls(documents) else 0


def as_indexes(given: object, at: str = "index") -> tuple[Index, ...]:
    """The indexes that are given, one or a tuple of them; their chunkers may be splitters of other frameworks.

    Raises DeclarationError, whose text begins with `at`, for anything else.
    """
    if isinstance(given, tuple):
        found = tuple(index for one in cast("tuple[object, ...]", given) for index in as_indexes(one, at))
        if not found:
            raise DeclarationError(f"{at}: found none, expected at least one index")
        return found
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("build", "needs")):
        what = repr(given) if isinstance(given, str | type) else f"a {type(given).__name__}"
        raise DeclarationError(f"{at}: found {what}, expected an index, such as BM25()")
    index = cast("Index", given)
    chunker = as_chunker(index.chunker)
    if chunker is not index.chunker:
        index = dataclasses.replace(cast("Any", index), chunker=chunker)
    try:
        hash(index)
    except TypeError as error:
        what = f"a {type(given).__name__} with an {error}"
        raise DeclarationError(f"{at}: found {what}, expected a frozen dataclass") from None
    return (index,)


def with_chunker(index: Index, chunker: Chunker) -> Index:
    """The index over the passages of that chunker, where it has only the default one.

    Raises DeclarationError where it has another.
    """
    if chunker in (index.chunker, SentenceChunker()):
        return index
    if index.chunker != SentenceChunker():
        raise DeclarationError("chunker: found one here and another in the retriever's settings, expected one of them")
    return dataclasses.replace(cast("Any", index), chunker=chunker)
