"""Clusters of vectors that look the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Vectors
from rageval.retrieval.indexes.by_vector import mean_vector

_ROUNDS = 20
_ROWS_AT_ONCE = 8192


def cluster(vectors: Vectors, count: int) -> list[NDArray[np.intp]]:
    """The rows of `count` clusters of unit vectors, shape (n, dim): each row is in one, and no cluster is empty.

    Spherical k-means (Dhillon and Modha 2001) from k-means++ with a fixed seed, at most 20 rounds, so the same vectors
    give the same clusters. A cluster that runs empty gets the row that is furthest from the centre of its own. With
    count >= n every row is a cluster.
    """
    if count >= len(vectors):
        return [np.array([row], dtype=np.intp) for row in range(len(vectors))]
    centres = _spread(vectors, count)
    owners = np.full(len(vectors), -1, dtype=np.intp)
    for _ in range(_ROUNDS):
        nearest, nearness = _nearest(vectors, centres)
        _fill(nearest, nearness, count)
        if np.array_equal(nearest, owners):
            break
        owners = nearest
        centres = np.stack([mean_vector(vectors[owners == one]) for one in range(count)])
    return [np.flatnonzero(owners == one) for one in range(count)]


def _spread(vectors: Vectors, count: int) -> Vectors:
    """k-means++: each next centre is drawn in proportion to its squared distance from those before, 2 - 2 cos."""
    rng = np.random.default_rng(0)
    chosen = [int(rng.integers(len(vectors)))]
    distance = np.maximum(2.0 - 2.0 * (vectors @ vectors[chosen[0]]), 0.0).astype(np.float64)
    while len(chosen) < count:
        distance[chosen] = 0.0
        total = float(distance.sum())
        left = np.setdiff1d(np.arange(len(vectors)), chosen)
        row = int(rng.choice(len(vectors), p=distance / total)) if total > 0.0 else int(left[0])
        chosen.append(row)
        distance = np.minimum(distance, np.maximum(2.0 - 2.0 * (vectors @ vectors[row]), 0.0))
    return vectors[chosen]


def _nearest(vectors: Vectors, centres: Vectors) -> tuple[NDArray[np.intp], Vectors]:
    owners, nearness = list[NDArray[np.intp]](), list[Vectors]()
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        cosines = vectors[first : first + _ROWS_AT_ONCE] @ centres.T
        owners.append(np.argmax(cosines, axis=1))
        nearness.append(np.max(cosines, axis=1))
    return np.concatenate(owners), np.concatenate(nearness)


def _fill(owners: NDArray[np.intp], nearness: Vectors, count: int) -> None:
    sizes = np.bincount(owners, minlength=count)
    for empty in np.flatnonzero(sizes == 0):
        row = int(np.argmin(np.where(sizes[owners] > 1, nearness, np.inf)))
        sizes[owners[row]] -= 1
        owners[row] = empty
        sizes[empty] = 1
        nearness[row] = 1.0
