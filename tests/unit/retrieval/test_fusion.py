"""Reciprocal rank fusion, by worked arithmetic, and rankings in turn."""

import pytest

from rageval.retrieval import reciprocal_rank_fusion
from rageval.retrieval.fusion import take_turns
from rageval.types import Hit, Passage


def ranking(names: str) -> list[Hit]:
    return [Hit(Passage(name, 0, 1, name), 100.0 - rank) for rank, name in enumerate(names)]


def fuse(*rankings: str, k: int = 60) -> list[tuple[str, float]]:
    return [(hit.passage.doc_id, hit.score) for hit in reciprocal_rank_fusion([ranking(r) for r in rankings], k)]


def test_two_rankings() -> None:
    fused = fuse("abc", "cad")
    expected = [("a", 1 / 61 + 1 / 62), ("c", 1 / 63 + 1 / 61), ("b", 1 / 62), ("d", 1 / 63)]
    assert [name for name, _ in fused] == [name for name, _ in expected]
    assert [score for _, score in fused] == pytest.approx([score for _, score in expected], rel=1e-12)


def test_a_repeated_passage_counts_once_at_its_better_place_and_takes_no_rank() -> None:
    # "aab" ranks a first and b second, as "ab" does.
    assert fuse("aab", "b") == fuse("ab", "b") == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61)]


def test_a_passage_found_by_many_beats_one_found_first_by_one() -> None:
    assert fuse("ax", "bx", "cx", k=60)[0][0] == "x"


def test_equal_scores_go_by_best_rank_then_by_id() -> None:
    assert [name for name, _ in fuse("ba", "ab")] == ["a", "b"]
    assert [name for name, _ in fuse("b", "a")] == ["a", "b"]
    assert fuse("za", "ba", k=0) == [("b", 1.0), ("z", 1.0), ("a", 0.5 + 0.5)]


@pytest.mark.parametrize(
    ("rankings", "expected"), [((), []), (("", ""), []), (("ab", ""), [("a", 1 / 61), ("b", 1 / 62)])]
)
def test_empty_rankings(rankings: tuple[str, ...], expected: list[tuple[str, float]]) -> None:
    assert fuse(*rankings) == expected


def test_passages_of_one_document_are_different_passages() -> None:
    first, second = Passage("d", 0, 5, "first"), Passage("d", 5, 9, "next")
    fused = reciprocal_rank_fusion([[Hit(first, 1.0), Hit(second, 0.5)]])
    assert [hit.passage for hit in fused] == [first, second]


def test_in_turn_the_best_of_each_comes_first() -> None:
    """Fused, c (ranks 3 and 3) goes before x and a (rank 1 of one): 2/63 > 1/61."""
    assert next(name for name, _ in fuse("abc", "xyc")) == "c"
    taken = take_turns([ranking("abc"), ranking("xycd"), ranking("")])
    assert [hit.passage.doc_id for hit in taken] == ["a", "x", "b", "y", "c", "d"]
    assert [hit.score for hit in taken[:3]] == pytest.approx([1.0, 1 / 2, 1 / 3])
    assert take_turns([]) == ()
