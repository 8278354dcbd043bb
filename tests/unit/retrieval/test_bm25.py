"""BM25: scores by the published formula, words by language."""

import asyncio
import math
from collections.abc import Sequence

import pytest

from rageval.pipeline import Query, Resources, State
from rageval.retrieval import Retrieve, SentenceChunker
from rageval.retrieval.indexes.bm25 import BM25, BM25Index
from rageval.retrieval.words import Words
from rageval.types import Document, Hit, Passage, Question

SPLIT = Words(cut=lambda text, language: text.split())


def as_pairs(hits: tuple[Hit, ...]) -> list[tuple[str, float]]:
    return [(hit.passage.doc_id, hit.score) for hit in hits]


def doc_ids(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.passage.doc_id for hit in hits]


def bm25(tf: int, df: int, length: int, mean_length: float, n: int, k1: float = 1.2, b: float = 0.75) -> float:
    """Robertson and Zaragoza 2009 with Lucene's idf, without the constant factor k1 + 1."""
    idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
    return idf * tf / (tf + k1 * (1 - b + b * length / mean_length))


def test_scores_follow_the_formula() -> None:
    texts = ["cat mouse", "dog cat cat", "bird"]
    index = BM25Index([Passage(f"d{i}", 0, len(text), text) for i, text in enumerate(texts)], words=SPLIT)
    cat = as_pairs(index.search("cat", 10))
    assert [name for name, _ in cat] == ["d1", "d0"]
    assert [score for _, score in cat] == pytest.approx([bm25(2, 2, 3, 2, 3), bm25(1, 2, 2, 2, 3)], rel=1e-5)
    both = as_pairs(index.search("cat mouse", 10))
    assert both[0][0] == "d0"
    assert both[0][1] == pytest.approx(bm25(1, 2, 2, 2, 3) + bm25(1, 1, 2, 2, 3), rel=1e-5)


def test_english_words_match_by_stem(passages: Sequence[Passage]) -> None:
    assert doc_ids(BM25Index(passages).search("a cat chasing", 10)) == ["d1", "d0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("什么是倒排索引？", ["d2"]), ("词法", ["d3"]), ("向量", ["d2", "d3"]), ("混合的检索", ["d3", "d2"])],
)
def test_chinese_words(passages: Sequence[Passage], query: str, expected: list[str]) -> None:
    hits = doc_ids(BM25Index(passages).search(query, 10))
    assert sorted(hits) == sorted(expected)
    assert hits[0] == expected[0]


@pytest.mark.parametrize("query", ["", "zebra", "the", "的", "?!"])
def test_a_query_without_known_words_finds_nothing(passages: Sequence[Passage], query: str) -> None:
    assert BM25Index(passages).search(query, 10) == ()


def test_depth_counts_documents(passages: Sequence[Passage]) -> None:
    assert doc_ids(BM25Index(passages).search("cats", 1)) == ["d1"]


def test_passages_without_any_word() -> None:
    assert BM25Index([Passage("d", 0, 0, "")]).search("cat", 5) == ()
    assert doc_ids(BM25Index([Passage("d", 0, 0, ""), Passage("e", 0, 3, "cat")]).search("cat", 5)) == ["e"]


def test_titles_are_found() -> None:
    resources = Resources((Document("d", "", title="Felis catus"), Document("e", "Dogs.")))

    async def search() -> tuple[Hit, ...]:
        return await (await resources.get(BM25(SentenceChunker()))).search(Query("catus"), 5)

    assert doc_ids(asyncio.run(search())) == ["d"]


GERMAN = (
    Document("bridge", "Die Brücken über den Fluss wurden im Jahr 1932 gebaut."),
    Document("mill", "Die Mühle am Ufer ist älter als das Rathaus der Stadt."),
)
JAPANESE = (
    Document("tower", "東京タワーは1958年に完成しました。"),
    Document("castle", "大阪城は豊臣秀吉が築いた城です。"),
)


@pytest.mark.parametrize(
    ("documents", "query", "best"),
    [
        (GERMAN, "Brücke", "bridge"),
        (GERMAN, "Wann wurde die Brücke gebaut?", "bridge"),
        (JAPANESE, "東京タワーはいつ完成しましたか", "tower"),
        (JAPANESE, "大阪城", "castle"),
        ((*GERMAN, *JAPANESE), "Mühlen", "mill"),
        ((*GERMAN, *JAPANESE), "大阪城を築いたのは誰ですか", "castle"),
    ],
)
def test_passages_are_searched_in_the_language_of_their_documents(
    documents: tuple[Document, ...], query: str, best: str
) -> None:
    state = State(Question("q", query), (Query(query),))
    response = asyncio.run(Retrieve(BM25(), k=1).run(state, Resources(documents)))
    assert doc_ids(response.response.hits)[:1] == [best]
