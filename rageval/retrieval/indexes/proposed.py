"""Approximate search: something quick proposes passages, exact cosines put them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Vectors
from rageval.retrieval.indexes.nearest import exact_cosines
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.types import Hit, Passage

Propose: TypeAlias = Callable[[Vectors, int], NDArray[np.integer]]
"""About so many rows that may be nearest to a unit vector of shape (dim,), each once, in any order; all rows where as
many are asked for."""


class ProposedIndex:
    """Passages by their unit vectors, shape (passages, dim); the score is the cosine of those that are proposed."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors, propose: Propose) -> None:
        self.passages = passages
        self.vectors = vectors
        self._propose = propose

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of about the `depth` documents nearest to a unit vector of shape (dim,), nearest first.

        Some of the nearest may be missing; the scores are exact. More passages are asked for until `depth` documents
        are among them.
        """
        size = len(self.passages)
        wanted = min(size, depth * 2)
        while True:
            found = np.sort(self._propose(vector, wanted)).astype(np.intp)
            hits = top_hits(exact_cosines(self.vectors, found, vector), self.passages, depth, positions=found)
            if wanted == size or len({hit.passage.doc_id for hit in hits}) >= depth:
                return hits
            wanted = min(size, wanted * 4)
