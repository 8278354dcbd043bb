"""Inverted lists and product quantisation: recall beside exact search, exact scores, told where they do not fit."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.experiment.recipes import build_pipeline
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import IndexStore, Resources
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.inverted import InvertedLists
from rageval.types import Document
from tests.unit.retrieval.test_approximate import DOCUMENTS, LatentEmbedder, N, built, recall

pytestmark = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="faiss is not installed")


def found(index: InvertedLists, embedder: Any = None, **given: Any) -> Any:
    return built(index, Resources(DOCUMENTS, embedder=embedder or LatentEmbedder(), **given))


def test_recall_beside_exact_search_grows_with_the_probes() -> None:
    embedder = LatentEmbedder()
    queries, exact = embedder.vectors[N:], built(Dense(), Resources(DOCUMENTS, embedder=embedder))
    recalls = [recall(exact, found(InvertedLists(lists=64, probes=probes)), queries, 10) for probes in (1, 8, 64)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.8
    assert 0.85 < recalls[1] < 0.99
    assert recalls[2] > 0.995  # all lists: what is left is the rounding to two bytes
    assert recall(exact, found(InvertedLists(lists=64, probes=64, bytes=32)), queries, 10) > 0.95


@pytest.mark.parametrize("quantised", [None, 16])
def test_scores_are_exact_and_hits_fill_the_depth(quantised: int | None) -> None:
    embedder = LatentEmbedder()
    index, query = found(InvertedLists(lists=100, probes=1, bytes=quantised)), embedder.vectors[N]
    hits = index.search(query, 500)
    cosines = [float(embedder.vectors[int(hit.passage.text)].astype(np.float64) @ query) for hit in hits]
    np.testing.assert_allclose([hit.score for hit in hits], cosines, atol=1e-6)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.passage.doc_id for hit in hits}) == 500
    assert len(index.search(query, N + 5)) == N


def test_a_stored_index_finds_the_same_and_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, embedder = InvertedLists(bytes=16), LatentEmbedder()
    in_memory = found(index)
    stored = found(index, indexes=IndexStore(tmp_path, 100))

    def refuse(*_: object) -> Any:
        raise AssertionError("made again")

    monkeypatch.setattr(InvertedLists, "_make", refuse)
    again = found(index, indexes=IndexStore(tmp_path, 100))
    for query in embedder.vectors[N : N + 10]:
        assert stored.search(query, 20) == again.search(query, 20) == in_memory.search(query, 20)


def test_a_handful_of_passages_has_one_list_or_few() -> None:
    documents = (Document("a", "Cats chase mice."), Document("b", "Dogs sleep."), Document("c", "船在航行。"))
    index = built(InvertedLists(), Resources(documents, embedder=HashEmbedder(32)))
    query = HashEmbedder(32)
    vector = built(Dense(SentenceChunker()), Resources(documents, embedder=query)).vectors[2]
    assert [hit.passage.doc_id for hit in index.search(vector, 1)] == ["c"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lists": 0}, "ivf.lists: found 0, expected at least 1"),
        ({"probes": 0}, "ivf.probes: found 0, expected at least 1"),
        ({"bytes": 0}, "ivf.bytes: found 0, expected at least 1"),
        ({"lists": 5000}, "ivf.lists: found 5000, expected at most 4000, the passages that there are"),
        ({"bytes": 7}, "ivf.bytes: found 7 for 4000 vectors of length 64, expected a divisor of the length"),
    ],
)
def test_settings_that_do_not_fit_are_told(settings: dict[str, int], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        found(InvertedLists(**settings))


def test_a_file_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = build_pipeline("naive", {"retriever": {"ivf": {"probes": 8, "bytes": 48}}}, tmp_path)
    assert InvertedLists(probes=8, bytes=48) in pipeline.stage.indexes()
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "faiss" else real(name))
    with pytest.raises(MissingExtraError, match=r"the index ivf needs .*faiss.*pip install .*\[large\]'"):
        InvertedLists()
