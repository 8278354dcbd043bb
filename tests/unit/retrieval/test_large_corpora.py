"""Corpora above the threshold: the same results as in memory, from indexes that are made once and read from disk."""

from __future__ import annotations

import asyncio
import logging
import math
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder
from rageval.models.vector_cache import CachedEmbedder
from rageval.pipeline import IndexStore, Pipeline, Resources, Shared
from rageval.retrieval import MultiVector, Passages, Retrieve, SentenceChunker
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.indexes.bm25 import BM25, BM25Index
from rageval.retrieval.indexes.dense import Dense, DenseIndex
from rageval.retrieval.stored.large_bm25 import BM25_ARRAYS, LargeBM25Index, write_bm25
from rageval.retrieval.stored.large_passages import PASSAGE_ARRAYS, LargePassages
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, stored_index
from rageval.retrieval.words import Words
from rageval.types import Document, Passage, Question
from tests.unit.retrieval.test_bm25 import bm25

SPLIT = Words(cut=lambda text, language: text.split())

CHUNKER = SentenceChunker(8)
PASSAGES = Passages(CHUNKER)
SENTENCES = (
    "Cats chase mice.",
    "向量检索使用倒排索引。",
    "Dogs sleep all day.",
    "混合检索结合词法与向量。",
    "Ships sail.",
)
DOCUMENTS = tuple(
    Document(f"d{i}", " ".join(SENTENCES[(i * k) % 5] for k in range(1, 4)) + f" Number {i}.", f"Title {i % 7}")
    for i in range(40)
)
QUERIES = ("cats and mice", "倒排索引", "向量 ships", "number 7", "title", "zebra", "")


def resources(folder: Path, large: int = 10, **given: Any) -> Resources:
    return Resources(DOCUMENTS, **{"embedder": HashEmbedder(32), "indexes": IndexStore(folder, large), **given})


def built(shared: Shared[Any], given: Resources) -> Any:
    async def build() -> Any:
        found = await given.get(shared)
        return found if isinstance(shared, Passages) else found.passages

    return asyncio.run(build())


class Refusing(HashEmbedder):
    """Goes by the name of a `HashEmbedder(32)`, and embeds nothing."""

    def __init__(self) -> None:
        super().__init__(32)

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        raise AssertionError(f"embedded {texts}")


def refuse(*_: object) -> Any:
    raise AssertionError("made again")


def test_passages_are_those_in_memory(tmp_path: Path) -> None:
    large = built(PASSAGES, resources(tmp_path))
    small = built(PASSAGES, Resources(DOCUMENTS))
    assert isinstance(large, LargePassages)
    assert isinstance(small, tuple)
    assert tuple(large) == small
    assert (len(large), large[-1], large[3:5]) == (len(small), small[-1], list(small[3:5]))
    with pytest.raises(IndexError):
        large[len(small)]


def test_text_of_a_whole_document_is_not_copied(tmp_path: Path) -> None:
    documents = tuple(Document(f"d{i}", "One sentence stands here.") for i in range(20))
    passages = built(Passages(SentenceChunker()), Resources(documents, indexes=IndexStore(tmp_path, 1)))
    assert all(passage.text is document.text for passage, document in zip(passages, documents, strict=True))


def test_the_threshold_counts_passages(tmp_path: Path) -> None:
    n = len(built(PASSAGES, Resources(DOCUMENTS)))
    given = resources(tmp_path, n)
    assert isinstance(built(PASSAGES, given), tuple)
    assert isinstance(built(BM25(CHUNKER), resources(tmp_path, n)), BM25Index)
    assert not list(tmp_path.iterdir())
    assert isinstance(built(PASSAGES, resources(tmp_path, n - 1)), LargePassages)
    assert isinstance(built(BM25(CHUNKER), resources(tmp_path, n - 1)), LargeBM25Index)
    assert IndexStore(tmp_path).large == 100_000


@pytest.mark.parametrize("retriever", ["bm25", "dense", "hybrid"])
@pytest.mark.parametrize("depth", [3, 100])
def test_a_pipeline_finds_what_it_finds_in_memory(
    tmp_path: Path, retriever: Literal["bm25", "dense", "hybrid"], depth: int
) -> None:
    pipeline = Pipeline("p", Retrieve(INDEXES[retriever](CHUNKER), 3, depth))
    for query in QUERIES[:-1]:
        small, large = (
            asyncio.run(pipeline.answer(Question("q", query), given)).hits
            for given in (Resources(DOCUMENTS, embedder=HashEmbedder(32)), resources(tmp_path))
        )
        assert [hit.passage for hit in large] == [hit.passage for hit in small]
        np.testing.assert_allclose([hit.score for hit in large], [hit.score for hit in small], rtol=1e-6)


def test_bm25_scores_follow_the_formula(tmp_path: Path) -> None:
    texts = ["cat mouse", "dog cat cat", "bird"]
    passages = [Passage(f"d{i}", 0, len(text), text) for i, text in enumerate(texts)]

    async def write(writer: IndexWriter) -> None:
        await write_bm25(writer, passages, words=SPLIT, k1=1.2, b=0.75, words_at_once=1)

    arrays = asyncio.run(stored_index(tmp_path, {"kind": "bm25"}, BM25_ARRAYS, write))
    index = LargeBM25Index(passages, arrays, SPLIT)
    found = [(hit.passage.doc_id, hit.score) for hit in index.search("cat mouse cat", 10)]
    assert [name for name, _ in found] == ["d0", "d1"]
    # df, tf and length: cat is in two of three passages (mean length 2), and asked for twice; mouse in one
    expected = [2 * bm25(1, 2, 2, 2, 3) + bm25(1, 1, 2, 2, 3), 2 * bm25(2, 2, 3, 2, 3)]
    assert [score for _, score in found] == pytest.approx(expected, rel=1e-6)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    (bird,) = index.search("bird", 10)
    assert bird.score == pytest.approx(idf / (1 + 1.2 * (0.25 + 0.75 * 1 / 2)), rel=1e-6)


def test_bm25_without_any_word(tmp_path: Path) -> None:
    documents = tuple(Document(f"d{i}", "?!") for i in range(4))
    index = built(BM25(), Resources(documents, indexes=IndexStore(tmp_path, 1)))
    assert isinstance(index, LargeBM25Index)
    assert index.search("cat", 5) == ()


def test_a_later_run_neither_splits_nor_tokenises_nor_embeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[Shared[Any]] = [PASSAGES, BM25(CHUNKER), Dense(CHUNKER)]
    for one in shared:
        built(one, resources(tmp_path))
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir() if path.is_dir()) == [
        "bm25",
        "dense",
        "passages",
    ]
    monkeypatch.setattr("rageval.text._stemmer", refuse)
    monkeypatch.setattr("rageval.retrieval.chunkers.sentences.sentences", refuse)
    again = resources(tmp_path, embedder=Refusing())
    for one in shared:
        built(one, again)
    assert isinstance(built(Dense(CHUNKER), again).vectors.base, np.memmap)


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"documents": (*DOCUMENTS[:-1], Document("d39", "Another text. And one more.", "T"))}, 3),
        ({"documents": (*DOCUMENTS[1:], DOCUMENTS[0])}, 3),
        ({"chunker": SentenceChunker(9)}, 3),
        ({"chunker": SentenceChunker(8, 1)}, 3),
        ({"embedder": HashEmbedder(16)}, 1),
        ({}, 0),
    ],
)
def test_what_an_index_is_of_is_part_of_its_name(tmp_path: Path, change: dict[str, Any], made: int) -> None:
    def build(documents: tuple[Document, ...], chunker: SentenceChunker, embedder: HashEmbedder) -> int:
        given = Resources(documents, embedder=embedder, indexes=IndexStore(tmp_path, 10))
        for one in (BM25(chunker), Dense(chunker)):
            built(one, given)
        return sum(path.is_dir() for path in tmp_path.iterdir())

    usual: dict[str, Any] = {"documents": DOCUMENTS, "chunker": CHUNKER, "embedder": HashEmbedder(32)}
    assert build(**usual) == 3
    assert build(**{**usual, **change}) == 3 + made


def test_a_corrupt_index_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = built(BM25(CHUNKER), resources(tmp_path)).search("cats", 10)
    for kind, file in (("bm25", "scores.bin"), ("passages", "spans.bin")):
        (path,) = tmp_path.glob(f"{kind}-*/{file}")
        data = bytearray(path.read_bytes())
        data[5] ^= 255
        path.write_bytes(data)
    with caplog.at_level(logging.WARNING, "rageval"):
        assert built(BM25(CHUNKER), resources(tmp_path)).search("cats", 10) == expected
    assert [("scores.bin" in r.getMessage(), "spans.bin" in r.getMessage()) for r in caplog.records] == [
        (False, True),
        (True, False),
    ]


def test_vectors_are_embedded_in_blocks_and_come_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rageval.retrieval.indexes.dense._PASSAGES_AT_ONCE", 7)
    embedder = HashEmbedder(32)
    cached = CachedEmbedder(embedder, tmp_path / "vectors")
    large: DenseIndex = built(Dense(CHUNKER), resources(tmp_path / "indexes", embedder=cached))
    small: DenseIndex = built(Dense(CHUNKER), Resources(DOCUMENTS, embedder=HashEmbedder(32)))
    np.testing.assert_array_equal(large.vectors, small.vectors)
    assert len(embedder.texts) == len(set(embedder.texts))
    asyncio.run(cached.close())


def test_memory_while_indexing_is_bounded(tmp_path: Path) -> None:
    """The words of 2,000 passages more, 80 in each, take less than four bytes each."""

    async def write(writer: IndexWriter, n: int) -> None:
        passages = LargePassages([Document("d", "alpha beta gamma delta " * 20)], spans(n), tmp_path, {})
        await write_bm25(writer, passages, words=SPLIT, k1=1.2, b=0.75, words_at_once=2000)

    def spans(n: int) -> Arrays:
        nothing = np.zeros(0, dtype=np.int64)
        return {**dict.fromkeys(PASSAGE_ARRAYS, nothing), "spans": np.tile([[0, 0, 460]], (n, 1))}

    peaks: list[int] = []
    for n in (2000, 4000):
        tracemalloc.start()
        asyncio.run(stored_index(tmp_path, {"kind": "bm25", "n": n}, BM25_ARRAYS, lambda writer, n=n: write(writer, n)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2000 * 80 * 4


def test_multi_vector_search_takes_large_corpora(tmp_path: Path) -> None:
    pipeline = Pipeline("p", Retrieve(MultiVector(chunker=CHUNKER), k=2))
    small, large = (
        asyncio.run(pipeline.answer(Question("q", "Dogs sleep all day."), given)).hits
        for given in (Resources(DOCUMENTS, embedder=HashEmbedder(32)), resources(tmp_path))
    )
    assert small == large
