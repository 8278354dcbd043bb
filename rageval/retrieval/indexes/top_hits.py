"""From a score per passage to a ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rageval.types import Hit, Passage


def top_hits(
    scores: NDArray[np.floating],
    passages: Sequence[Passage],
    depth: int,
    *,
    above: float = -np.inf,
    positions: NDArray[np.integer] | None = None,
) -> tuple[Hit, ...]:
    """The best passages, best first, until `depth` different documents are among them.

    The scores are of all passages, or of those at `positions` (rising) alone. Only scores greater than `above` count.
    Equal scores keep the order of the corpus, so rankings are reproducible.
    """
    size = len(scores)
    wanted = min(size, depth * 2)
    while True:
        candidates = np.arange(size) if wanted >= size else _largest(scores, wanted)
        order = candidates[np.argsort(-scores[candidates], kind="stable")]
        hits: list[Hit] = []
        documents: set[str] = set()
        rows = order if positions is None else positions[order]
        for row, score in zip(map(int, rows), map(float, scores[order]), strict=True):
            if score <= above:
                return tuple(hits)
            passage = passages[row]
            if len(documents) == depth and passage.doc_id not in documents:
                return tuple(hits)
            documents.add(passage.doc_id)
            hits.append(Hit(passage, score))
        if wanted >= size:
            return tuple(hits)
        wanted = min(size, wanted * 4)


def _largest(scores: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Positions of all scores that reach the `count`-th largest, in corpus order: ties at the edge are all kept."""
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    return np.flatnonzero(scores >= edge)
