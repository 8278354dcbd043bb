"""The nearest of very many vectors to several queries at once: blocks of rows, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Vectors

_ROWS_AT_ONCE = 16_384
_ROUNDING = 1e-4  # products of unit vectors in float32 differ by less, whatever the order of summation


def nearest_rows(vectors: Vectors, queries: Vectors, counts: Sequence[int]) -> list[NDArray[np.intp]]:
    """For each query the rows that may be among its nearest: positions, rising.

    `vectors` have the shape (rows, dim), `queries` (n, dim), all of unit length; `counts` (n) says how many are wanted.
    Every one of the `count` nearest by exact cosine is there, with its ties and a few that are as near within float32's
    rounding: `exact_cosines` decides between them. Reads each row once for all queries, and holds one block of products
    at a time.
    """
    kept = [_Kept(min(count, len(vectors))) for count in counts]
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        products = vectors[first : first + _ROWS_AT_ONCE] @ queries.T
        for one, scores in zip(kept, np.ascontiguousarray(products.T), strict=True):
            one.add(first, scores)
    return [one.rows() for one in kept]


def exact_cosines(vectors: Vectors, rows: NDArray[np.intp], query: Vectors) -> NDArray[np.float32]:
    """The cosines of these rows with a query, summed in float64 and rounded: the same whatever stands beside a row."""
    return (vectors[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)


class _Kept:
    """The best rows for one query so far."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._edge = -np.inf
        self._rows: list[NDArray[np.intp]] = []
        self._scores: list[NDArray[np.float32]] = []
        self._held = 0

    def add(self, first: int, scores: NDArray[np.float32]) -> None:
        found = np.flatnonzero(scores >= self._edge)
        self._rows.append(found + first)
        self._scores.append(scores[found])
        self._held += len(found)
        if self._held > 4 * self._count:
            self._drop()

    def rows(self) -> NDArray[np.intp]:
        self._drop()
        return np.concatenate(self._rows) if self._rows else np.zeros(0, dtype=np.intp)

    def _drop(self) -> None:
        """Leave out what `count` others are surely nearer than."""
        if self._held <= self._count:
            return
        rows, scores = np.concatenate(self._rows), np.concatenate(self._scores)
        self._edge = float(np.partition(scores, self._held - self._count)[self._held - self._count]) - _ROUNDING
        still = scores >= self._edge
        self._rows, self._scores = [rows[still]], [scores[still]]
        self._held = int(still.sum())
