"""The phrases that a passage is about, chosen by their embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rageval.pipeline import Resources
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.variety import most_marginal
from rageval.retrieval.views.base import View
from rageval.text.phrases import phrases
from rageval.types import Document, Passage

_CANDIDATES_A_PHRASE = 4
_RELEVANCE = 0.5


@dataclass(frozen=True)
class KeyPhrases(View):
    """The `n` phrases of a passage that are nearest to it and repeat each other least.

    The candidates are the 4 * `n` first of `rageval.text.phrases`, of title and text; maximal marginal relevance with
    weight 0.5 chooses among them. Source: KeyBERT (Grootendorst 2020), with noun phrases as candidates.
    """

    n: int = 8

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        candidates = [phrases(embedded_text(one), _CANDIDATES_A_PHRASE * self.n) for one in passages]
        distinct = [*dict.fromkeys(phrase for some in candidates for phrase in some)]
        if not distinct:
            return candidates
        place = {phrase: row for row, phrase in enumerate(distinct)}
        vectors = await resources.embedder.embed(distinct, "passage")
        wholes = await resources.embedder.embed([embedded_text(one) for one in passages], "passage")
        chosen: list[list[str]] = []
        for some, whole in zip(candidates, wholes, strict=True):
            own = vectors[np.array([place[phrase] for phrase in some], dtype=np.intp)]
            chosen.append([some[one] for one in most_marginal(own @ whole, own, self.n, _RELEVANCE)])
        return chosen
