"""What stores and indexes of other frameworks share as retrieval stages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.pipeline import Resources, Shared, Stage, State
from rageval.pipeline.documents import DocumentsById
from rageval.retrieval import reciprocal_rank_fusion
from rageval.types import Document, Hit, Json

_MOST_READ = 100_000
_AT_ONCE = 10_000


def describe_documents(documents: Iterable[tuple[str, object]]) -> Json:
    """A digest of texts and their metadata, in whatever order."""
    digests: list[Json] = [*sorted(fingerprint(describe(document)) for document in documents)]
    return fingerprint(digests)


def read_chroma(collection: Any) -> list[tuple[str, Mapping[str, object]]] | None:
    """Text and metadata of what a collection of Chroma's holds; None where it cannot be read, or is too much."""
    found: list[tuple[str, Mapping[str, object]]] = []
    try:
        size = int(collection.count())
        for offset in range(0, size if size <= _MOST_READ else 0, _AT_ONCE):
            some = collection.get(limit=_AT_ONCE, offset=offset, include=["documents", "metadatas"])
            found += [(text or "", data or {}) for text, data in zip(some["documents"], some["metadatas"], strict=True)]
    except Exception:  # noqa: BLE001 (whatever a client raises; or it is no collection)
        return None
    return found if size <= _MOST_READ else None


@dataclass(frozen=True)
class FrameworkSearch(Stage):
    """Search with every query of the state, by `_search`; the `k` best hits are the context.

    `depth` hits are ranked. Several queries are joined by reciprocal rank fusion. `source` identifies what is searched
    in fingerprints. Raises DeclarationError unless 1 <= k <= depth.
    """

    source: str
    k: int
    depth: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.depth:
            raise DeclarationError(f"k: found {self.k} (depth {self.depth}), expected 1 <= k <= depth")

    def identity_fields(self) -> dict[str, object]:
        return {"source": self.source, "k": self.k, "depth": self.depth}

    def indexes(self) -> tuple[Shared[object], ...]:
        return (DocumentsById(),)

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        documents = await resources.get(DocumentsById())
        rankings = [await self._search(query.text, documents) for query in state.queries]
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))

    @abstractmethod
    async def _search(self, text: str, documents: Mapping[str, Document]) -> tuple[Hit, ...]:
        """The `depth` best hits for one query; `documents` are those of the benchmark by their ids."""
