"""Which answers of a log are judged: a random sample, also within strata, the same at every call."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.sampled import Design, allocate

FEWEST = 5
"""Answers drawn from each stratum at least, where it has as many."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`taken` are the numbers of the answers, in order; `strata` has the stratum of every answer of the log, and
    `names` are those of the strata.
    """

    taken: NDArray[np.int64]
    strata: NDArray[np.int64]
    design: Design
    names: tuple[str, ...]


def draw(strata: Sequence[str], n: int | None, seed: int) -> Sample:
    """A sample of `n` answers of a log, of which `strata` has the stratum of each; all of them where n is None or more.

    The answers of a stratum have the same probability: the order is that of a digest of seed and number, which knows
    nothing of the answers. From each stratum at least `FEWEST` are drawn, the rest in proportion.
    """
    names, codes = np.unique(np.asarray(strata, dtype=object).astype(str), return_inverse=True)
    codes = codes.astype(np.int64)
    sizes = np.bincount(codes, minlength=names.size)
    if n is None or n >= len(strata):
        return Sample(np.arange(len(strata)), codes, Design(sizes, sizes), tuple(names.tolist()))
    drawn = allocate(sizes.tolist(), n, FEWEST if names.size > 1 else 0)
    order = sorted(range(len(strata)), key=lambda number: _key(seed, number))
    left = [*drawn]
    taken: list[int] = []
    for number in order:
        if left[codes[number]]:
            left[codes[number]] -= 1
            taken.append(number)
    return Sample(np.array(sorted(taken)), codes, Design(np.array(drawn), sizes), tuple(names.tolist()))


def _key(seed: int, number: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=8).digest()
