"""What every function over arrays asks of its arguments first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def is_binary(x: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(np.all((x == 0.0) | (x == 1.0)))


def check_values(values: Sequence[float] | Floats, name: str) -> Floats:
    """As an array. Raises ValueError for anything but one or more finite numbers in a row."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"{name}: found an array of shape {x.shape}, expected one or more values in a row")
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{name}: found values that are not finite, expected numbers")
    return x


def check_level(level: float, name: str) -> None:
    """Raises ValueError for a level that is no probability."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"{name}: found level {level}, expected 0 < level < 1")
