"""Exact search over embeddings."""

import asyncio

import numpy as np
import pytest

from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes.by_vector import embedded_text, mean_vector
from rageval.retrieval.indexes.dense import Dense, DenseIndex
from rageval.types import Document, Passage


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def test_every_vector_is_compared() -> None:
    rng = np.random.default_rng(3)
    vectors, query = unit(rng.normal(size=(500, 16))), unit(rng.normal(size=16))
    passages = [Passage(f"d{i}", 0, 1, "x") for i in range(500)]
    hits = DenseIndex(passages, vectors).search(query, 20)
    cosines = vectors.astype(np.float64) @ query.astype(np.float64)
    assert [int(hit.passage.doc_id[1:]) for hit in hits] == np.argsort(-cosines)[:20].tolist()
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(cosines)[::-1][:20], atol=1e-6)


def test_mean_vector_is_the_direction_between() -> None:
    mean = mean_vector(np.array([[1, 0], [0, 1]], dtype=np.float32))
    np.testing.assert_allclose(mean, [0.5**0.5, 0.5**0.5], rtol=1e-6)
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean_vector(np.array([[1, 0], [-1, 0]], dtype=np.float32)), [0, 0])


@pytest.mark.parametrize(
    ("passage", "text"),
    [
        (Passage("d", 0, 4, "text", "Title"), "Title\ntext"),
        (Passage("d", 0, 4, "text"), "text"),
        (Passage("d", 0, 0, "", "Title"), "Title"),
    ],
)
def test_titles_are_embedded_with_the_text(passage: Passage, text: str) -> None:
    assert embedded_text(passage) == text


def test_an_index_is_built_once_over_the_passages_of_its_chunker() -> None:
    embedder = HashEmbedder()
    resources = Resources((Document("d", "检索增强。生成答案。"), Document("e", "cats", title="T")), embedder=embedder)

    async def run() -> list[str]:
        index = await resources.get(Dense(SentenceChunker(8)))
        assert await resources.get(Dense(SentenceChunker(8))) is index
        return [hit.passage.id for hit in await index.search(Query("生成答案"), 5)]

    assert asyncio.run(run())[0] == "d#5-10"
    assert embedder.texts[:3] == ["检索增强。", "生成答案。", "T\ncats"]
