"""Documents about something else than all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rageval.corpus.faults import Fault
from rageval.models.base import Vectors
from rageval.types import Document

FEWEST_DOCUMENTS = 10
HEAD = 300  # characters that are embedded: enough for a topic, and a short one costs a fifth of a whole page
_NEIGHBOURS = 5
_DEVIATIONS = 4.5
_LEAST_GAP = 0.01
_BLOCK = 1024


def embedded_text(document: Document) -> str:
    """What is embedded of a document: its title and its beginning."""
    return f"{document.title}\n{document.text[:HEAD]}"


def outlier_faults(documents: Sequence[Document], vectors: Vectors) -> list[Fault]:
    """Documents whose mean cosine to the five nearest of their language is far below what is usual there: by more than
    4.5 robust standard deviations (1.4826 times the median absolute deviation), and by 0.01.

    A language with fewer than ten documents has no outliers. Across languages cosines do not compare: a translation is
    nearer than any other document.
    """
    faults: list[tuple[int, Fault]] = []
    for language in {document.language for document in documents}:
        places = [place for place, document in enumerate(documents) if document.language == language]
        if len(places) >= FEWEST_DOCUMENTS:
            near = nearness(vectors[places])
            middle = float(np.median(near))
            spread = 1.4826 * float(np.median(np.abs(near - middle)))
            limit = middle - max(_DEVIATIONS * spread, _LEAST_GAP)
            for place, value in zip(places, map(float, near), strict=True):
                if value < limit:
                    note = f"cosine {value:.2f} to its nearest, {middle:.2f} is usual"
                    faults.append((place, Fault("outlier", documents[place].id, note)))
    return [fault for _, fault in sorted(faults, key=lambda one: one[0])]


def nearness(vectors: Vectors) -> Vectors:
    """The mean cosine of each unit vector to its five nearest others, in blocks of rows."""
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        found[start : start + _BLOCK] = np.sort(block, axis=1)[:, -_NEIGHBOURS:].mean(axis=1)
    return found
