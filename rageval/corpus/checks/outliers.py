"""Documents about something else than all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rageval.corpus.faults import Fault
from rageval.models.base import Vectors
from rageval.types import Document

FEWEST_DOCUMENTS = 10
HEAD = 1500  # characters that are embedded
_NEIGHBOURS = 3
_DEVIATIONS = 4.0
_LEAST_GAP = 0.02
_BLOCK = 1024


def embedded_text(document: Document) -> str:
    """What is embedded of a document: its title and its beginning."""
    return f"{document.title}\n{document.text[:HEAD]}"


def outlier_faults(documents: Sequence[Document], vectors: Vectors) -> list[Fault]:
    """Documents whose mean cosine to their three nearest others is far below that of the rest: by more than four robust
    standard deviations (1.4826 times the median absolute deviation) and 0.02. Fewer than ten documents have no outliers.
    """
    if len(documents) < FEWEST_DOCUMENTS:
        return []
    near = nearness(vectors)
    middle = float(np.median(near))
    spread = 1.4826 * float(np.median(np.abs(near - middle)))
    limit = middle - max(_DEVIATIONS * spread, _LEAST_GAP)
    return [
        Fault("outlier", document.id, f"cosine {value:.2f} to its nearest, {middle:.2f} is usual")
        for document, value in zip(documents, map(float, near), strict=True)
        if value < limit
    ]


def nearness(vectors: Vectors) -> Vectors:
    """The mean cosine of each unit vector to its three nearest others, in blocks of rows."""
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        found[start : start + _BLOCK] = np.sort(block, axis=1)[:, -_NEIGHBOURS:].mean(axis=1)
    return found
