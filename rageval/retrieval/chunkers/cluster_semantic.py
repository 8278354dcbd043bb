"""Passages whose sentences are as similar to one another as a bound on their size allows, over the whole document."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from rageval.models.base import Vectors
from rageval.retrieval.chunkers.by_asking import JoinByVectors


@dataclass(frozen=True)
class ClusterSemanticChunker(JoinByVectors):
    """The cut into passages of at most `tokens` estimated tokens that maximises the similarity within passages.

    A passage is worth the sum, over all pairs of its sentences, of their cosine less the mean cosine of all pairs of
    the document: joining sentences that are more alike than two of the document are on average is worth something,
    joining others costs. The best cut is found exactly, by dynamic programming. Source: Smith and Troynikov 2024
    (ClusterSemanticChunker), who cut pieces of 50 tokens where this takes sentences.
    """

    def starts(self, vectors: Vectors, sizes: Sequence[int]) -> list[int]:
        # The cosines of all pairs within pieces first to last are |sum of their vectors|² less one for each piece.
        count = len(sizes)
        ends = [*accumulate(sizes, initial=0)]
        sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
        mean = (np.square(sums[-1]).sum() - count) / (count * count - count)
        best = np.zeros(count + 1)
        first_of = np.zeros(count + 1, dtype=np.intp)
        for last in range(1, count + 1):
            firsts = np.arange(bisect_left(ends, ends[last] - self.tokens), last)
            pieces = last - firsts
            alike = np.square(sums[last] - sums[firsts]).sum(axis=1) - pieces
            worth = best[firsts] + alike - mean * (pieces * pieces - pieces)
            chosen = int(np.argmax(worth))
            best[last], first_of[last] = worth[chosen], firsts[chosen]
        starts = [int(first_of[count])]
        while starts[-1] > 0:
            starts.append(int(first_of[starts[-1]]))
        return starts[::-1]
