"""One ranking out of several: by reciprocal ranks, by weighted scores, or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

from rageval.types import Hit, Passage


def fuse(rankings: Sequence[Sequence[Hit]], k: int = 60) -> Sequence[Hit]:
    """The only ranking, or several by reciprocal rank fusion."""
    return rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, k)


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], k: int = 60) -> tuple[Hit, ...]:
    """One ranking out of several: score(passage) = sum over rankings of 1 / (k + rank), rank from 1.

    A passage that one ranking names twice counts once, at its better place. Equal scores are ordered by the best
    single rank, then by passage id and text. Source: Cormack, Clarke and Buettcher 2009 (SIGIR), where k = 60.
    """
    scores: dict[tuple[str, str], float] = {}
    best: dict[tuple[str, str], int] = {}
    passages: dict[tuple[str, str], Passage] = {}
    for ranking in rankings:
        rank = 0
        seen: set[tuple[str, str]] = set()
        for hit in ranking:
            key = hit.passage.id, hit.passage.text
            if key in seen:
                continue
            seen.add(key)
            rank += 1
            scores[key] = scores.get(key, 0.0) + 1.0 / (k + rank)
            best[key] = min(rank, best.get(key, rank))
            passages[key] = hit.passage
    order = sorted(scores, key=lambda key: (-scores[key], best[key], key))
    return tuple(Hit(passages[key], scores[key]) for key in order)


def fuse_by_score(rankings: Sequence[Sequence[Hit]], weights: Sequence[float]) -> tuple[Hit, ...]:
    """One ranking out of several: score(passage) = sum over rankings of weight * (score - least) / (most - least).

    Least and most are of the hits of that ranking; where they are equal, each hit counts 1. A passage that a ranking
    does not hold counts 0 there, one that it names twice its better score. Equal sums are ordered by passage id and
    text. Source: Bruch, Gai and Ingber 2023 (arXiv 2210.11934), the convex combination.
    """
    scores: dict[tuple[str, str], float] = {}
    passages: dict[tuple[str, str], Passage] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        own: dict[tuple[str, str], float] = {}
        for hit in ranking:
            key = hit.passage.id, hit.passage.text
            own[key] = max(hit.score, own.get(key, hit.score))
            passages[key] = hit.passage
        least, most = min(own.values(), default=0.0), max(own.values(), default=0.0)
        for key, score in own.items():
            share = (score - least) / (most - least) if most > least else 1.0
            scores[key] = scores.get(key, 0.0) + weight * share
    return tuple(Hit(passages[key], scores[key]) for key in sorted(scores, key=lambda key: (-scores[key], key)))


def take_turns(rankings: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """One ranking out of several: the best passage of each in turn, then the second of each, and so on, each passage
    once. Its score is 1 over its rank.

    For rankings of different things, where the best of one need not be known to another: reciprocal rank fusion puts
    before it what several find halfway down.
    """
    turns = chain.from_iterable(zip_longest(*rankings))
    passages = {(hit.passage.id, hit.passage.text): hit.passage for hit in turns if hit is not None}
    return tuple(Hit(passage, 1.0 / rank) for rank, passage in enumerate(passages.values(), 1))
