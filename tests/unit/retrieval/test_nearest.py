"""Exact search over very many vectors: blocks of rows, queries in batches, the same hits in any company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query
from rageval.retrieval.indexes import nearest
from rageval.retrieval.indexes.by_vector import SearchInBatches
from rageval.retrieval.indexes.dense import DenseIndex
from rageval.retrieval.indexes.nearest import exact_cosines, nearest_rows
from rageval.types import Hit, Passage


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_ROWS_AT_ONCE", 64)


def made(rows: int = 1000, copies: int = 1) -> tuple[DenseIndex, Vectors]:
    rng = np.random.default_rng(5)
    vectors = np.repeat(unit(rng.normal(size=(rows // copies, 24))), copies, axis=0)
    passages = [Passage(f"d{i}", 0, 1, "x") for i in range(len(vectors))]
    return DenseIndex(passages, vectors), unit(rng.normal(size=(9, 24)))


def test_the_nearest_rows_are_those_of_a_sort_of_all() -> None:
    index, queries = made()
    counts = [1, 2, 3, 10, 100, 999, 1000, 5000, 7]
    for query, count, rows in zip(queries, counts, nearest_rows(index.vectors, queries, counts), strict=True):
        cosines = index.vectors.astype(np.float64) @ query.astype(np.float64)
        assert set(np.argsort(-cosines)[:count].tolist()) <= set(rows.tolist())
        assert rows.tolist() == sorted(set(rows.tolist()))
        assert len(rows) <= min(count, 1000) + 5
        np.testing.assert_allclose(exact_cosines(index.vectors, rows, query), cosines[rows], atol=1e-7)


def test_all_ties_at_the_edge_are_kept_in_the_order_of_the_corpus() -> None:
    index, queries = made(copies=10)
    hits = index.search(queries[0], 25)
    numbers = [int(hit.passage.doc_id[1:]) for hit in hits]
    assert numbers[:10] == list(range(numbers[0], numbers[0] + 10))
    assert len({hit.score for hit in hits}) == 3


def test_what_is_found_does_not_depend_on_the_batch() -> None:
    index, queries = made(copies=2)
    depths = [5, 50, 1, 500, 20, 3, 1000, 5, 2000]
    together = index.search_many(queries, depths)
    alone = [index.search(query, depth) for query, depth in zip(queries, depths, strict=True)]
    assert together == alone
    backwards = index.search_many(queries[::-1], depths[::-1])
    assert backwards[::-1] == alone


def test_depth_counts_documents() -> None:
    vectors = unit(np.array([[1.0, 0.001 * n] for n in range(200)] + [[0.0, 1.0]]))
    passages = [Passage("many", n, n + 1, "x") for n in range(200)] + [Passage("one", 0, 1, "x")]
    hits = DenseIndex(passages, vectors).search(unit(np.array([1.0, 0.0])), 2)
    assert {hit.passage.doc_id for hit in hits} == {"many", "one"}


class Watched(DenseIndex):
    """Notes how many queries each pass had; fails in the passes that are told to."""

    def __init__(self, index: DenseIndex, failing: Sequence[int] = ()) -> None:
        super().__init__(index.passages, index.vectors)
        self.batches: list[int] = []
        self._failing = failing

    def search_many(self, vectors: Vectors, depths: Sequence[int]) -> list[tuple[Hit, ...]]:
        self.batches.append(len(depths))
        if len(self.batches) - 1 in self._failing:
            raise MemoryError("too many")
        return super().search_many(vectors, depths)


def searched(index: Watched, texts: Sequence[str], cancelled: Sequence[int] = ()) -> list[Any]:
    async def run() -> list[Any]:
        built = SearchInBatches(index, HashEmbedder(24))
        tasks = [asyncio.create_task(built.search(Query(text), 5)) for text in texts]
        await asyncio.sleep(0)
        for number in cancelled:
            tasks[number].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


TEXTS = [f"question {n}" for n in range(150)]


def test_queries_that_wait_share_a_pass() -> None:
    index = Watched(made()[0])
    found = searched(index, TEXTS)
    assert sum(index.batches) == 150
    assert len(index.batches) <= 5
    assert max(index.batches) <= 64
    vectors = asyncio.run(HashEmbedder(24).embed(TEXTS, "query"))
    assert found == [DenseIndex(index.passages, index.vectors).search(vector, 5) for vector in vectors]


def test_a_pass_that_fails_fails_one_query_and_the_others_are_searched_again() -> None:
    index = Watched(made()[0], failing=[1])
    found = searched(index, TEXTS)
    assert sum(isinstance(one, MemoryError) for one in found) == 1
    assert sum(isinstance(one, tuple) for one in found) == 149


def test_a_query_that_nobody_waits_for_any_more_holds_up_nobody() -> None:
    index = Watched(made()[0])
    found = searched(index, TEXTS, cancelled=[0, 1, 70])
    assert [n for n, one in enumerate(found) if isinstance(one, asyncio.CancelledError)] == [0, 1, 70]
    assert sum(isinstance(one, tuple) for one in found) == 147
