"""Scores of several indexes, added with weights."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources
from rageval.retrieval import BM25, HYBRID, Dense, Weighted
from rageval.retrieval.fusion import fuse_by_score
from rageval.types import Document, Hit, Passage


def ranking(**scores: float) -> list[Hit]:
    return [Hit(Passage(name, 0, 1, name), score) for name, score in scores.items()]


def fused(rankings: Sequence[Sequence[Hit]], weights: Sequence[float]) -> dict[str, float]:
    return {hit.passage.text: hit.score for hit in fuse_by_score(rankings, weights)}


def test_scores_are_scaled_within_their_ranking_and_weighed() -> None:
    """a: .75 · 1; b: .75 · (4 - 2) / (10 - 2) + .25 · 1; c: .25 · (.5 - .4) / (.9 - .4); d, e: 0."""
    words, vectors = ranking(a=10.0, b=4.0, d=2.0), ranking(b=0.9, c=0.5, e=0.4)
    found = fused([words, vectors], [0.75, 0.25])
    assert found == pytest.approx({"a": 0.75, "b": 0.1875 + 0.25, "c": 0.05, "d": 0.0, "e": 0.0})
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert list(fused([words, vectors], [0.0, 1.0]))[:2] == ["b", "c"]


def test_equal_scores_repeated_passages_and_empty_rankings() -> None:
    assert fused([ranking(a=3.0, b=3.0), []], [0.5, 0.5]) == {"a": 0.5, "b": 0.5}
    assert fused([[*ranking(a=1.0), *ranking(b=0.5), *ranking(a=0.0)]], [1.0]) == pytest.approx({"a": 1.0, "b": 0.0})
    assert fused([[], []], [0.5, 0.5]) == {}


def test_the_weight_of_one_alone_gives_its_ranking() -> None:
    documents = (Document("a", "cats chase mice"), Document("b", "dogs chase cats and cats"), Document("c", "向量检索"))
    resources = Resources(documents, embedder=HashEmbedder())

    async def names(index: BM25 | Dense | Weighted) -> list[str]:
        return [hit.passage.doc_id for hit in await (await resources.get(index)).search(Query("cats"), 3)]

    async def both() -> None:
        assert (await names(Weighted(HYBRID, weights=(0.0, 1.0))))[0] == (await names(Dense()))[0]
        assert (await names(Weighted(HYBRID, weights=(1.0, 0.0))))[:2] == await names(BM25())

    asyncio.run(both())


@pytest.mark.parametrize(
    ("weights", "problem"),
    [((1.0,), "expected one for each of 2 indexes"), ((0.0, 0.0), "not all of them 0"), ((-1.0, 1.0), "from 0 to 1")],
)
def test_impossible_weights(weights: tuple[float, ...], problem: str) -> None:
    with pytest.raises(DeclarationError, match=f"weights: found .*{problem}"):
        Weighted(HYBRID, weights=weights)
