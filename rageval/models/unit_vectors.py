"""Scales vectors from third-party embedders to rows of unit length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.errors import ExecutionError
from rageval.models.base import Vectors


def unit_vectors(rows: Sequence[Sequence[float]] | NDArray[np.float32], n: int, identity: str) -> Vectors:
    """Return `n` rows scaled to unit length. Raises ExecutionError, with a message that begins with `identity`, if
    there are not `n` rows, or if rows differ in length, have norm 0 or hold numbers that are not finite.
    """
    try:
        vectors = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError):
        vectors = np.zeros(0, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != n or not np.isfinite(vectors).all():
        raise ExecutionError(f"{identity}: expected {n} finite vectors of one length, got shape {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ExecutionError(f"{identity}: a vector has length 0, so it has no direction")
    return vectors / lengths
