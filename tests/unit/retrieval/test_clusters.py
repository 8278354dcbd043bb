"""Clusters of vectors."""

from __future__ import annotations

import numpy as np
import pytest

from rageval.retrieval.clusters import cluster


def unit(*angles: float) -> np.ndarray:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def as_sets(vectors: np.ndarray, count: int) -> set[frozenset[int]]:
    return {frozenset(map(int, rows)) for rows in cluster(vectors, count)}


def test_what_looks_the_same_way_is_one_cluster() -> None:
    vectors = unit(0.0, 2.0, 0.05, 2.05, 4.0, 0.1, 4.1)
    assert as_sets(vectors, 3) == {frozenset({0, 2, 5}), frozenset({1, 3}), frozenset({4, 6})}


def test_the_same_vectors_give_the_same_clusters_and_each_row_one() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = cluster(vectors, 17), cluster(vectors, 17)
    assert [rows.tolist() for rows in first] == [rows.tolist() for rows in second]
    assert sorted(row for rows in first for row in rows) == [*range(300)]
    assert min(map(len, first)) >= 1


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (3, 3), (4, 4), (9, 4)])
def test_equal_vectors_fill_every_cluster(count: int, rows: int) -> None:
    found = cluster(unit(1.0, 1.0, 1.0, 1.0), count)
    assert len(found) == rows
    assert all(len(one) for one in found)


def test_no_vectors() -> None:
    assert cluster(np.zeros((0, 4), dtype=np.float32), 0) == []
