"""The retrieval stage: which rankings it makes of the queries, and how it joins them."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources, State
from rageval.retrieval import BM25, Dense, Retrieve, SentenceChunker, hybrid
from rageval.types import Document, Question, Response

TEXTS = {
    "cat": "Cats chase mice in the barn.",
    "dog": "Dogs chase cats in the garden.",
    "bird": "Birds sing in the garden at dawn.",
    "vector": "向量检索使用近似最近邻索引。",
    "words": "词法检索使用倒排索引。",
}
DOCUMENTS = tuple(Document(name, text) for name, text in TEXTS.items())


def run(stage: Retrieve, *queries: str | Query, embedder: HashEmbedder | None = None) -> Response:
    given = tuple(query if isinstance(query, Query) else Query(query) for query in queries)
    resources = Resources(DOCUMENTS, embedder=embedder or HashEmbedder())
    return asyncio.run(stage.run(State(Question("q", given[0].text), given), resources)).response


def names(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]


def vectors(*texts: str) -> np.ndarray:
    return asyncio.run(HashEmbedder().embed(texts, "query"))


def by_cosine(query: np.ndarray) -> list[str]:
    return [list(TEXTS)[i] for i in np.argsort(-(vectors(*TEXTS.values()) @ query), kind="stable")]


def fused(*rankings: list[str], k: int) -> dict[str, float]:
    """Reciprocal rank fusion in the plainest way."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (k + rank)
    return scores


def test_bm25_needs_no_embedder_and_finds_both_languages() -> None:
    stage = Retrieve(BM25(), k=1)
    assert stage.needs(generate=True) == frozenset()
    english = asyncio.run(stage.run(State(Question("q", "mice"), (Query("mice"),)), Resources(DOCUMENTS))).response
    assert names(english) == ["cat"]
    assert english.context == (0,)
    assert names(run(stage, "倒排索引"))[0] == "words"


def test_dense_ranks_by_cosine() -> None:
    query = "cats in the garden"
    response = run(Retrieve(Dense(), k=2), query)
    assert names(response) == by_cosine(vectors(query)[0])
    assert response.context == (0, 1)


def test_hybrid_fuses_both() -> None:
    query = "cats in the garden"
    expected = fused(names(run(Retrieve(BM25()), query)), names(run(Retrieve(Dense()), query)), k=7)
    response = run(Retrieve(hybrid(), rrf_k=7), query)
    assert {hit.passage.doc_id: hit.score for hit in response.hits} == pytest.approx(expected)
    assert [hit.score for hit in response.hits] == sorted(expected.values(), reverse=True)


def test_several_queries_are_fused_one_ranking_each() -> None:
    stage = Retrieve(BM25(), rrf_k=60)
    expected = fused(names(run(stage, "cats")), names(run(stage, "garden")), k=60)
    assert {hit.passage.doc_id: hit.score for hit in run(stage, "cats", "garden").hits} == pytest.approx(expected)


def test_mean_searches_once_with_the_mean_embedding() -> None:
    queries = ("mice", "birds at dawn", "倒排索引")
    response = run(Retrieve(Dense(), combine="mean"), *queries)
    mean = vectors(*queries).astype(np.float64).mean(axis=0)
    mean /= np.linalg.norm(mean)
    expected = dict(zip(TEXTS, vectors(*TEXTS.values()) @ mean, strict=True))
    assert {hit.passage.doc_id: hit.score for hit in response.hits} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("combine", ["mean", "rrf"])
def test_queries_are_embedded_as_what_they_are(combine: Any) -> None:
    kinds: list[str] = []

    class Watching(HashEmbedder):
        async def embed(self, texts: Any, kind: Any) -> Any:
            kinds.append(kind)
            return await super().embed(texts, kind)

    run(Retrieve(Dense(), combine=combine), "mice", Query("Mice are small.", "passage"), embedder=Watching())
    assert kinds == ["passage", "query", "passage"], "the index first, then the two queries"


def test_depth_limits_documents_and_k_the_context() -> None:
    response = run(Retrieve(Dense(), k=2, depth=3), "cats")
    assert len(response.hits) == 3
    assert response.context == (0, 1)
    assert run(Retrieve(BM25(), k=5), "mice").context == (0,)
    assert run(Retrieve(BM25()), "zebra") == Response()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"k": 0}, "k: found 0"),
        ({"k": 11, "depth": 10}, r"k: found 11 \(depth 10\)"),
        ({"combine": "mean"}, "index: found BM25, Dense, expected one that is searched by vector"),
        ({"index": BM25(), "combine": "mean"}, "index: found BM25, expected one that is searched by vector"),
        ({"index": ()}, "index: found none"),
        ({"index": "bm25"}, r"index: found 'bm25', expected an index, such as BM25\(\)"),
        ({"index": BM25}, "index: found <class"),
        ({"index": (BM25(), SentenceChunker())}, "index: found a SentenceChunker"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        replace(Retrieve(hybrid()), **settings)
