"""What an index is, and what it is once it is built."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from rageval.pipeline import Need, Query, Resources
from rageval.retrieval.chunkers import Chunker
from rageval.types import Document, Hit


class Searchable(Protocol):
    """An index that is built."""

    async def search(self, query: Query, depth: int) -> Sequence[Hit]:
        """Hits on passages of the `depth` best documents, best first."""
        ...


class Index(Protocol):
    """How an index over the passages of a `chunker` is built: a frozen dataclass.

    Equal ones are built once and shared. Inherit from this class: what is left out has a default.
    """

    chunker: Chunker

    @abstractmethod
    async def build(self, resources: Resources) -> Searchable:
        """The index. `await resources.get(Passages(self.chunker))` gives the passages; `resources.embedder` and
        `resources.chat` are there where `needs` names them.
        """
        ...

    def needs(self) -> frozenset[Need]:
        """Which models building and searching use."""
        return frozenset()

    def prompts(self) -> frozenset[str]:
        """The names of the prompt templates that building uses."""
        return frozenset()

    def building_calls(self, documents: Sequence[Document]) -> int:
        """How many chat calls it takes to build the index over these documents."""
        return 0
