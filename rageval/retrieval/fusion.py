"""Reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Sequence

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
