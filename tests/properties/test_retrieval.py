"""What must hold for chunking, ranking and fusion, whatever the texts and scores."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from rageval.retrieval import SentenceChunker, reciprocal_rank_fusion
from rageval.retrieval.indexes.dense import DenseIndex
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.text import count_tokens
from rageval.types import Document, Hit, Passage

pieces = st.sampled_from(
    [
        "Cats sleep. ",
        "Why? ",
        "word ",
        "averyveryverylongword",
        "检索增强。",
        "向量",
        "索引；",
        "\n",
        "　",
        "(",
        "e.g. ",
        "。",
        "3.5",
    ]
)
texts = st.lists(pieces, max_size=40).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
budgets = st.integers(8, 40)
overlaps = st.integers(0, 3)


@given(texts, budgets, overlaps)
def test_passages_cover_every_visible_character_within_the_budget(text: str, tokens: int, overlap: int) -> None:
    passages = SentenceChunker(tokens, overlap).split(Document("d", text, "T"))
    covered = {i for passage in passages for i in range(passage.start, passage.end)}
    assert covered >= {i for i, character in enumerate(text) if not character.isspace()}
    for passage in passages:
        assert passage.text == text[passage.start : passage.end] == passage.text.strip()
        assert count_tokens(passage.text) <= tokens
        assert (passage.doc_id, passage.title) == ("d", "T")


@given(texts, budgets, overlaps)
def test_every_passage_goes_on_from_the_one_before(text: str, tokens: int, overlap: int) -> None:
    passages = SentenceChunker(tokens, overlap).split(Document("d", text))
    for before, after in pairwise(passages):
        assert before.start < after.start
        assert before.end < after.end
        if overlap == 0:
            assert before.end <= after.start


@given(texts, budgets)
def test_greedy_no_two_neighbours_fit_into_one(text: str, tokens: int) -> None:
    passages = SentenceChunker(tokens).split(Document("d", text))
    for before, after in pairwise(passages):
        assert count_tokens(before.text) + count_tokens(after.text) > tokens


scored = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(-2, 3)), max_size=40)


def plainly(rows: list[tuple[str, int]], depth: int, above: float) -> list[int]:
    """All positions by falling score, corpus order between equals, up to the first passage of document depth + 1."""
    order = sorted((i for i, (_, score) in enumerate(rows) if score > above), key=lambda i: (-rows[i][1], i))
    seen: set[str] = set()
    kept: list[int] = []
    for i in order:
        seen.add(rows[i][0])
        if len(seen) > depth:
            break
        kept.append(i)
    return kept


@given(scored, st.integers(1, 8), st.sampled_from([-np.inf, 0.0]))
@example([("a", 1)] * 30 + [("b", 0)], 2, -np.inf)
def test_top_hits_equal_a_plain_sort(rows: list[tuple[str, int]], depth: int, above: float) -> None:
    passages = [Passage(doc_id, i, i + 1, "x") for i, (doc_id, _) in enumerate(rows)]
    hits = top_hits(np.array([score for _, score in rows], dtype=np.float32), passages, depth, above=above)
    expected = plainly(rows, depth, above)
    assert [hit.passage.start for hit in hits] == expected
    assert [hit.score for hit in hits] == [rows[i][1] for i in expected]


vectors = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any), min_size=1, max_size=20)


@given(vectors, st.integers(1, 20))
def test_dense_search_finds_what_a_plain_product_finds(rows: list[list[int]], depth: int) -> None:
    units = np.array(rows, dtype=np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    query = units[-1]
    passages = [Passage(f"d{i}", 0, 1, "x") for i in range(len(rows))]
    hits = DenseIndex(passages, units.astype(np.float32)).search(query.astype(np.float32), depth)
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(units @ query)[::-1][:depth], atol=1e-5)


rankings = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=4)


@given(rankings, st.integers(0, 100))
def test_fusion_equals_the_sum_over_rankings(names: list[list[str]], k: int) -> None:
    fused = reciprocal_rank_fusion([[Hit(Passage(n, 0, 1, n), 0.0) for n in ranking] for ranking in names], k)
    distinct = [list(dict.fromkeys(ranking)) for ranking in names]
    expected = {
        name: sum(1 / (k + 1 + ranking.index(name)) for ranking in distinct if name in ranking)
        for ranking in distinct
        for name in ranking
    }
    scores = {hit.passage.doc_id: hit.score for hit in fused}
    assert scores.keys() == expected.keys()
    np.testing.assert_allclose([scores[name] for name in expected], list(expected.values()), rtol=1e-12)
    assert [hit.score for hit in fused] == sorted(scores.values(), reverse=True)


@given(rankings)
def test_fusion_does_not_depend_on_the_order_of_the_rankings(names: list[list[str]]) -> None:
    made = [[Hit(Passage(n, 0, 1, n), 0.0) for n in ranking] for ranking in names]
    forwards, backwards = reciprocal_rank_fusion(made), reciprocal_rank_fusion(made[::-1])
    assert {h.passage.id for h in forwards} == {h.passage.id for h in backwards}
    np.testing.assert_allclose([h.score for h in forwards], [h.score for h in backwards], rtol=1e-12)
