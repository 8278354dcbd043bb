"""The OpenAI embeddings protocol as JSON: from a reply's body to a vector for each text, or why it has none."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rageval.errors import ExecutionError
from rageval.models.wire import one_line

Vector: TypeAlias = NDArray[np.float32]


class PartlyEmbeddedError(ExecutionError):
    """Some of the texts have no vector. `vectors` has those of the others, by their positions."""

    def __init__(self, message: str, vectors: Mapping[int, Vector]) -> None:
        super().__init__(message)
        self.vectors = vectors


def read_vectors(body: Any, n: int, endpoint: str) -> list[Vector | str]:
    """Return, for each of `n` texts in order, its vector of unit length, shape (dim,), or why it has none.

    Vectors are lists of numbers, or base64 of little-endian float32. They are put in the order of `index`, or left as
    they are where no index tells anything: it is absent, or the same everywhere. Raises ExecutionError for a body that
    holds no list of `n` embeddings, or whose indexes contradict each other.
    """
    try:
        items = cast("list[dict[str, Any]]", body["data"])
        raw = [item["embedding"] for item in items]
        given = [item.get("index") for item in items]
    except (KeyError, TypeError, AttributeError):
        raise ExecutionError(f"{endpoint}: the reply is not a list of embeddings: {one_line(body)}") from None
    if len(raw) != n:
        raise ExecutionError(f"{endpoint}: found {len(raw)} vectors in the reply, expected one for each of {n} texts")
    read = [_vector(one) for one in raw]
    return [read[position] for position in _order(given, endpoint)]


def _order(given: Sequence[object], endpoint: str) -> list[int]:
    """The positions of the items in the order of the texts."""
    n = len(given)
    if all(one == given[0] for one in given):
        return [*range(n)]
    if not all(isinstance(one, int) for one in given) or sorted(cast("Sequence[int]", given)) != [*range(n)]:
        raise ExecutionError(f"{endpoint}: found the indexes {one_line(given)}, expected 0 to {n - 1}, each once")
    return sorted(range(n), key=lambda position: cast("int", given[position]))


def _vector(raw: object) -> Vector | str:
    """The vector scaled to unit length, or what is wrong with it."""
    if raw is None:
        return "the vector is null"
    try:
        if isinstance(raw, str):
            vector = np.frombuffer(base64.b64decode(raw, validate=True), dtype="<f4").astype(np.float32)
        else:
            with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, which is told below
                vector = np.array(raw, dtype=np.float32)
    except (TypeError, ValueError, OverflowError, binascii.Error):
        return f"the vector is not a list of numbers: {one_line(raw)[:60]}"
    if vector.ndim != 1 or not vector.size:
        return "the vector is empty" if not vector.size else f"the vector has the shape {vector.shape}"
    if not np.isfinite(vector).all():
        return "the vector holds a number that is not finite"
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / np.float64(length)).astype(np.float32) if length > 0.0 else "the vector has length 0"
