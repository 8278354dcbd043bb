"""Approximate search: asked for, measured against exact search, never confused with it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.experiment.recipes import build_pipeline
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import IndexStore, Pipeline, Resources
from rageval.retrieval import BM25, Retrieve, SentenceChunker, hybrid
from rageval.retrieval.indexes.approximate import ApproximateDense
from rageval.retrieval.indexes.dense import Dense, DenseIndex
from rageval.retrieval.indexes.proposed import ProposedIndex
from rageval.retrieval.settings import retrieve
from rageval.types import Document, Question

needs_usearch = pytest.mark.skipif(importlib.util.find_spec("usearch") is None, reason="usearch is not installed")

N, DIM, LATENT = 4000, 64, 12


class LatentEmbedder(HashEmbedder):
    """Vectors near a space of few dimensions, as those of trained embedders are; a text is the number of its vector."""

    def __init__(self) -> None:
        super().__init__(DIM)
        rng = np.random.default_rng(11)
        vectors = rng.normal(size=(N + 50, LATENT)) @ rng.normal(size=(LATENT, DIM))
        vectors += 0.3 * rng.normal(size=vectors.shape)
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    async def embed(self, texts: Any, kind: Any) -> Any:
        return self.vectors[[int(text) for text in texts]]


DOCUMENTS = tuple(Document(f"d{i}", str(i)) for i in range(N))


def built(shared: Any, given: Resources) -> Any:
    async def build() -> Any:
        return (await given.get(shared)).passages

    return asyncio.run(build())


def recall(exact: DenseIndex, approximate: ProposedIndex, queries: np.ndarray, k: int) -> float:
    found = 0
    for query in queries:
        wanted = np.argsort(-(exact.vectors.astype(np.float64) @ query))[:k]
        hits = approximate.search(query, k)
        found += len({f"d{i}" for i in wanted} & {hit.passage.doc_id for hit in hits})
    return found / (k * len(queries))


@needs_usearch
def test_recall_beside_exact_search(tmp_path: Path) -> None:
    embedder = LatentEmbedder()
    queries = embedder.vectors[N:]
    given = Resources(DOCUMENTS, embedder=embedder, indexes=IndexStore(tmp_path, 100))
    exact, approximate = built(Dense(), given), built(ApproximateDense(), given)
    assert recall(exact, approximate, queries, 10) > 0.98
    assert recall(exact, approximate, queries, 100) > 0.95


@needs_usearch
def test_scores_are_exact_and_hits_fill_the_depth(tmp_path: Path) -> None:
    embedder = LatentEmbedder()
    index = built(ApproximateDense(), Resources(DOCUMENTS, embedder=embedder))
    query = embedder.vectors[N]
    hits = index.search(query, 100)
    cosines = [float(embedder.vectors[int(hit.passage.text)].astype(np.float64) @ query) for hit in hits]
    np.testing.assert_allclose([hit.score for hit in hits], cosines, atol=1e-6)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.passage.doc_id for hit in hits}) == 100
    assert len(index.search(query, N + 5)) > 0.99 * N


@needs_usearch
def test_depth_counts_documents() -> None:
    """The first document has the 60 nearest passages; another one must be found behind them."""
    documents = (Document("many", " ".join(f"Same words number{i} here." for i in range(60))), Document("one", "Same."))
    given = Resources(documents, embedder=HashEmbedder(32))
    index = built(ApproximateDense(SentenceChunker(8)), given)
    query = asyncio.run(HashEmbedder(32).embed(["same words here"], "query"))[0]
    assert {hit.passage.doc_id for hit in index.search(query, 2)} == {"many", "one"}


@needs_usearch
def test_stored_graph_gives_the_same_hits_and_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = LatentEmbedder()
    in_memory = built(ApproximateDense(), Resources(DOCUMENTS, embedder=embedder))
    stored = built(ApproximateDense(), Resources(DOCUMENTS, embedder=embedder, indexes=IndexStore(tmp_path, 100)))

    def refuse(*_: object) -> Any:
        raise AssertionError("made again")

    monkeypatch.setattr("rageval.retrieval.indexes.approximate._make_graph", refuse)
    again = built(ApproximateDense(), Resources(DOCUMENTS, embedder=embedder, indexes=IndexStore(tmp_path, 100)))
    for query in embedder.vectors[N : N + 10]:
        hits = in_memory.search(query, 20)
        assert stored.search(query, 20) == again.search(query, 20) == hits


@needs_usearch
def test_a_pipeline_that_asks_for_it_says_so() -> None:
    exact, approximate = Retrieve(Dense()), Retrieve(ApproximateDense())
    assert approximate.spec() != exact.spec()
    assert approximate.indexes() == (ApproximateDense(SentenceChunker()),)
    given = Resources(DOCUMENTS, embedder=LatentEmbedder())
    hits = asyncio.run(Pipeline("p", approximate).answer(Question("q", str(N)), given)).hits
    best = asyncio.run(Pipeline("p", exact).answer(Question("q", str(N)), given)).hits
    assert hits[0] == best[0]


def test_nothing_approximate_in_bm25() -> None:
    with pytest.raises(
        DeclarationError, match="dense_search: found approximate, expected the retriever dense or hybrid"
    ):
        retrieve(BM25(), dense_search="approximate")


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "usearch" else real(name))
    with pytest.raises(MissingExtraError, match=r"dense_search: approximate needs .*usearch.*pip install .*\[large\]'"):
        ApproximateDense()
    with pytest.raises(MissingExtraError, match="dense_search: approximate"):
        retrieve(hybrid(), dense_search="approximate")
    retrieve(hybrid())


@needs_usearch
def test_a_recipe_passes_it_on_and_is_labelled_with_it(tmp_path: Path) -> None:
    pipeline = build_pipeline("naive", {"dense_search": "approximate"}, tmp_path)
    assert pipeline.label == "naive(dense_search=approximate)"
    assert "ApproximateDense" in json.dumps(pipeline.stage.spec())
