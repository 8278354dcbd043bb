"""Reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.types import Hit, Passage


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], k: int = 60) -> tuple[Hit, ...]:
    """One ranking out of several: score(passage) = sum over rankings of 1 / (k + rank), rank from 1.

    A passage that one ranking names twice counts once, at its better place. Equal scores are ordered by the best
    single rank, then by passage id. Source: Cormack, Clarke and Buettcher 2009 (SIGIR), where k = 60.
    """
    scores: dict[str, float] = {}
    best: dict[str, int] = {}
    passages: dict[str, Passage] = {}
    for ranking in rankings:
        rank = 0
        seen: set[str] = set()
        for hit in ranking:
            key = hit.passage.id
            if key in seen:
                continue
            seen.add(key)
            rank += 1
            scores[key] = scores.get(key, 0.0) + 1.0 / (k + rank)
            best[key] = min(rank, best.get(key, rank))
            passages[key] = hit.passage
    order = sorted(scores, key=lambda key: (-scores[key], best[key], key))
    return tuple(Hit(passages[key], scores[key]) for key in order)
