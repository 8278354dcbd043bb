"""Passages by the vectors of their parts, compared with those of the question's parts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np

from rageval.models.base import Vectors
from rageval.models.token_vectors import packaged_token_vectors
from rageval.pipeline import Need, Resources
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.rerankers.base import Reranker
from rageval.text import sentences
from rageval.types import Passage, Question


@dataclass(frozen=True)
class LateInteraction(Reranker):
    """The mean, over the parts of the question, of the largest cosine with a part of the passage: from -1 to 1.

    Parts are `sentences`, embedded by the embedder, where the title counts as one; or `tokens`, by the packaged
    multilingual-e5-small (`rageval.models.token_vectors`), whatever the embedder is. With the sum in place of the mean
    the order would be the same. A blank passage has no score. Source: ColBERT's MaxSim (Khattab and Zaharia 2020,
    arXiv 2004.12832), with vectors that were not trained for it.
    """

    of: Literal["sentences", "tokens"] = "sentences"

    def needs(self) -> frozenset[Need]:
        return frozenset({"embed"}) if self.of == "sentences" else frozenset()

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float | None]:
        texts = [embedded_text(passage) for passage in passages]
        shown = [text for text in texts if text]
        if not shown:
            return [None] * len(texts)
        if self.of == "tokens":
            asked, *found = await asyncio.to_thread(_token_vectors, [question.text, *shown])
        else:
            asked, found = await _sentence_vectors(question.text, shown, resources)
        scores = iter([mean_of_largest(asked, one) for one in found])
        return [next(scores) if text else None for text in texts]


def mean_of_largest(asked: Vectors, found: Vectors) -> float | None:
    """The mean of the largest cosine of each row of `asked`, shape (parts, dim), with a row of `found`, shape (others,
    dim); both of unit length. None where one of them has no rows.
    """
    return float((asked @ found.T).max(axis=1).mean()) if len(asked) and len(found) else None


async def _sentence_vectors(question: str, texts: Sequence[str], resources: Resources) -> tuple[Vectors, list[Vectors]]:
    asked = await resources.embedder.embed(_sentences(question), "query")
    parts = [_sentences(text) for text in texts]
    vectors = await resources.embedder.embed([part for some in parts for part in some], "passage")
    bounds = pairwise(accumulate(map(len, parts), initial=0))
    return asked, [vectors[start:end] for start, end in bounds]


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _token_vectors(texts: Sequence[str]) -> list[Vectors]:
    """Those of each text's tokens, of unit length."""
    found = [tokens.vectors for tokens in packaged_token_vectors().vectors(texts)]
    return [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in found]
