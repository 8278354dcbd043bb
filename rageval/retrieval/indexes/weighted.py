"""Several indexes, whose scores are added with weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import Query, Resources
from rageval.retrieval.fusion import fuse_by_score
from rageval.retrieval.indexes.base import Searchable
from rageval.retrieval.indexes.over import OverIndexes
from rageval.types import Hit


@dataclass(frozen=True, slots=True)
class _Weighted:
    indexes: Sequence[Searchable]
    weights: Sequence[float]

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        return fuse_by_score([await index.search(query, depth) for index in self.indexes], self.weights)


@dataclass(frozen=True)
class Weighted(OverIndexes):
    """Several indexes, whose scores, each scaled to 0 to 1 within its ranking, are added with `weights`.

    What reciprocal rank fusion loses, how much better one passage is than the next, is kept here; so the weights
    matter, and are to be chosen on questions of their own. See `fuse_by_score`.
    """

    weights: tuple[float, ...] = (0.5, 0.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        found = list(self.weights)
        if len(found) != len(self.inner()):
            raise DeclarationError(f"weights: found {found}, expected one for each of {len(self.inner())} indexes")
        if any(not 0.0 <= weight <= 1.0 for weight in found) or not any(found):
            raise DeclarationError(f"weights: found {found}, expected numbers from 0 to 1, not all of them 0")

    async def build(self, resources: Resources) -> _Weighted:
        return _Weighted([await resources.get(index) for index in self.inner()], self.weights)
