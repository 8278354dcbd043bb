"""Passages that end where the next sentence is about something else, by the embeddings of the two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.models.base import Vectors
from rageval.retrieval.chunkers.by_asking import JoinByVectors


@dataclass(frozen=True)
class SemanticChunker(JoinByVectors):
    """Neighbouring sentences are joined while their embeddings are similar, up to `tokens` estimated tokens a passage.

    A passage ends where the cosine of two neighbours is below a threshold: `similarity` itself (-1 to 1), or the
    `percentile` (0 to 100) of the document's cosines (5: about the least similar 5% of the joins are cut). By default
    the threshold of each document is the one that leaves passages of `tokens` / 2 on average: the sizes that models
    give to cosines differ. What is still longer than `tokens` is cut at its least similar neighbours, again and again.

    Sources: Kamradt 2023 (percentile; he embeds each sentence with its neighbours, here it is embedded alone), Smith
    and Troynikov 2024 (the threshold searched for so that sizes fit).
    """

    similarity: float | None = None
    percentile: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.similarity is not None and self.percentile is not None:
            raise DeclarationError("similarity: found beside percentile, expected one of them")
        if self.similarity is not None and not -1.0 <= self.similarity <= 1.0:
            raise DeclarationError(f"similarity: found {self.similarity}, expected a cosine from -1 to 1")
        if self.percentile is not None and not 0.0 <= self.percentile <= 100.0:
            raise DeclarationError(f"percentile: found {self.percentile}, expected 0 to 100")

    def starts(self, vectors: Vectors, sizes: Sequence[int]) -> list[int]:
        joins = np.einsum("nd,nd->n", vectors[:-1], vectors[1:])  # the join of piece n with piece n + 1
        cuts = [0, *(int(n) + 1 for n in self._cut(joins, sum(sizes))), len(sizes)]
        ends = np.cumsum([0, *sizes])
        left = [*pairwise(cuts)]
        found: list[int] = []
        while left:
            first, last = left.pop()
            if ends[last] - ends[first] <= self.tokens:
                found.append(first)
            else:
                weakest = first + 1 + int(np.argmin(joins[first : last - 1]))
                left += [(first, weakest), (weakest, last)]
        return sorted(found)

    def _cut(self, joins: NDArray[np.floating], tokens: int) -> NDArray[np.intp]:
        """The joins that are cut, rising."""
        if self.similarity is not None:
            return np.flatnonzero(joins < self.similarity)
        if self.percentile is not None:
            return np.flatnonzero(joins < np.percentile(joins, self.percentile))
        wanted = math.ceil(2 * tokens / self.tokens) - 1
        return np.sort(np.argsort(joins, kind="stable")[:wanted])
