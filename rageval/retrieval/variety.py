"""Which of several vectors say something that is to the point and not said yet."""

from __future__ import annotations

import numpy as np

from rageval.models.base import Vectors


def most_marginal(relevances: Vectors, vectors: Vectors, keep: int, weight: float) -> list[int]:
    """The places of `keep` vectors in the order of maximal marginal relevance; of equal ones the first.

    `relevances` has shape (n,), `vectors` (n, dim) of unit length.
    """
    taken: list[int] = []
    nearest = np.zeros(len(vectors))
    while len(taken) < min(keep, len(vectors)):
        gains = weight * relevances - (1.0 - weight) * nearest
        gains[taken] = -np.inf
        best = int(np.argmax(gains))
        similar = vectors @ vectors[best]
        nearest = np.maximum(nearest, similar) if taken else similar
        taken.append(best)
    return taken
