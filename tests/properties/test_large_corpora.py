"""Whatever the corpus, an index on disk finds what the one in memory finds."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.retrieval.indexes.bm25 import K1, B, BM25Index
from rageval.retrieval.stored.large_bm25 import BM25_ARRAYS, LargeBM25Index, write_bm25
from rageval.retrieval.stored.stored_index import IndexWriter, stored_index
from rageval.types import Passage

words = st.sampled_from(
    [
        "cat",
        "cats",
        "dog",
        "mouse",
        "ran",
        "running",
        "the",
        "e5",
        "don't",
        "naïve",
        "检索",
        "向量检索",
        "倒排索引",
        "的",
        "生成",
        "𠀀",
        "?",
    ]
)
texts = st.lists(words, max_size=12).map(" ".join) | st.text(max_size=20)
corpora = st.lists(st.tuples(texts, texts), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(corpora, st.lists(texts, min_size=1, max_size=4), st.integers(1, 30), st.integers(1, 12))
def test_bm25_on_disk_equals_bm25_in_memory(
    corpus: list[tuple[str, str]], queries: list[str], words_at_once: int, depth: int
) -> None:
    passages = [Passage(f"d{i // 2}", i, i + 1, text, title) for i, (text, title) in enumerate(corpus)]

    async def write(writer: IndexWriter) -> None:
        await write_bm25(writer, passages, k1=K1, b=B, words_at_once=words_at_once)

    with tempfile.TemporaryDirectory() as folder:
        arrays = asyncio.run(stored_index(Path(folder), {"kind": "bm25"}, BM25_ARRAYS, write))
        small, large = BM25Index(passages), LargeBM25Index(passages, arrays)
        for query in [*queries, *(title for _, title in corpus)]:
            expected, found = small.search(query, depth), large.search(query, depth)
            assert [hit.passage for hit in found] == [hit.passage for hit in expected]
            np.testing.assert_allclose([hit.score for hit in found], [hit.score for hit in expected], rtol=1e-6)
