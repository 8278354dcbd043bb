"""Which passages are asked about: all documents in turn, and all topics in proportion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Vectors
from rageval.scores.random_order import in_random_order, random_numbers
from rageval.text import count_tokens
from rageval.types import Passage

_FEWEST_TOKENS = 12
_ROUNDS = 20
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Source:
    """A passage to ask about. `draw` counts from 0 how often it was drawn before."""

    passage: Passage
    draw: int


def worth_asking(passages: Sequence[Passage]) -> list[Passage]:
    """The passages that say something: at least 12 estimated tokens, each Chinese character one; all that are not blank
    where none has as many.
    """
    filled = [one for one in passages if one.text.strip()]
    return [one for one in filled if count_tokens(one.text) >= _FEWEST_TOKENS] or filled


def find_topics(vectors: Vectors, seed: int) -> NDArray[np.intp]:
    """The topic of each document, by k-means over unit vectors of shape (documents, dim), k the root of half their
    number. The first centres are drawn by k-means++ (Arthur and Vassilvitskii 2007) with the seed.
    """
    n = len(vectors)
    k = max(1, round(math.sqrt(n / 2)))
    draw = np.random.default_rng(seed)
    centres = [vectors[draw.integers(n)]]
    far = np.full(n, np.inf)
    while len(centres) < k:
        far = np.minimum(far, np.clip(1.0 - vectors @ centres[-1], 0.0, None).astype(np.float64))
        if far.sum() <= _NOTHING:
            break
        centres.append(vectors[draw.choice(n, p=far / far.sum())])
    centre = np.stack(centres)
    topics = np.argmax(vectors @ centre.T, axis=1)
    for _ in range(_ROUNDS):
        for topic in range(len(centre)):
            if (topics == topic).any():
                mean = vectors[topics == topic].sum(axis=0)
                centre[topic] = mean / max(float(np.linalg.norm(mean)), _NOTHING)
        moved = np.argmax(vectors @ centre.T, axis=1)
        if (moved == topics).all():
            break
        topics = moved
    return topics


def sources_in_turn(
    passages: Mapping[str, Sequence[Passage]], topics: Mapping[str, int], seed: int
) -> Iterator[Source]:
    """Passages without end: every document once before any comes twice, and topics in proportion at every point.

    `passages` and `topics` are by document id. A document's passages come in a random order, each once before any comes
    twice. Raises ValueError without a passage.
    """
    by_id = {passage.id: passage for own in passages.values() for passage in own}
    orders = {doc_id: in_random_order(seed, doc_id, [one.id for one in own]) for doc_id, own in passages.items() if own}
    if not orders:
        raise ValueError("no passages")
    for turn in count():
        for doc_id in _interleaved([*orders], topics, f"{seed}:{turn}"):
            own = orders[doc_id]
            yield Source(by_id[own[turn % len(own)]], turn // len(own))


def _interleaved(documents: Sequence[str], topics: Mapping[str, int], seed: str) -> list[str]:
    """The documents in an order of which every beginning has the topics in proportion, up to chance at its end."""
    members: dict[int, list[str]] = {}
    for doc_id in documents:
        members.setdefault(topics[doc_id], []).append(doc_id)
    places: dict[str, float] = {}
    for topic in sorted(members):
        own = in_random_order(seed, "documents", members[topic])
        offset, _ = random_numbers(seed, "topics", str(topic))
        places.update({doc_id: (rank + offset) / len(own) for rank, doc_id in enumerate(own)})
    return sorted(documents, key=lambda doc_id: (places[doc_id], doc_id))
