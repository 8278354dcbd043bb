"""What an embedder of somebody else's gives, as the rows of unit length that rageval works with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.errors import ExecutionError
from rageval.models.base import Vectors


def unit_vectors(rows: Sequence[Sequence[float]] | NDArray[np.float32], n: int, identity: str) -> Vectors:
    """`n` rows scaled to unit length. Raises ExecutionError, which begins with `identity`, for rows of another number,
    of unequal length, of length 0, or with numbers that are not finite.
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
