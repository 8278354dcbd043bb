"""The ceiling: passages that the labels name."""

import asyncio

import pytest

from rageval.errors import DeclarationError
from rageval.pipeline import Query, Resources, State
from rageval.retrieval import RetrieveLabelled, SentenceChunker
from rageval.types import Document, Question, RelevanceLabel

# Passages of five characters each: a#0-5, a#5-10, a#10-15 and b#0-5, b#5-10.
DOCUMENTS = (Document("a", "检索增强。生成答案。向量索引。"), Document("b", "重新排序。倒排索引。"))


def passages(*labels: RelevanceLabel, k: int = 5) -> tuple[list[tuple[str, float]], tuple[int, ...]]:
    stage = RetrieveLabelled(k, SentenceChunker(8))
    state = State(Question("q", "?"), (Query("?"),))
    response = asyncio.run(stage.run(state, Resources(DOCUMENTS, labels=labels))).response
    return [(hit.passage.id, hit.score) for hit in response.hits], response.context


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((None, None), ["a#0-5"]),
        ((0, 5), ["a#0-5"]),
        ((4, 6), ["a#0-5", "a#5-10"]),
        ((5, 10), ["a#5-10"]),
        ((0, 15), ["a#0-5", "a#5-10", "a#10-15"]),
        ((14, 15), ["a#10-15"]),
    ],
)
def test_a_span_names_the_passages_that_it_touches(span: tuple[int | None, int | None], expected: list[str]) -> None:
    hits, context = passages(RelevanceLabel("q", "a", 1, *span))
    assert [name for name, _ in hits] == expected
    assert context == tuple(range(len(expected)))


def test_higher_grades_come_first_and_only_labels_of_the_question_count() -> None:
    hits, _ = passages(
        RelevanceLabel("q", "a", 1, 5, 10),
        RelevanceLabel("q", "b", 2, 5, 10),
        RelevanceLabel("q", "a", 0, 10, 15),
        RelevanceLabel("other", "b", 3, 0, 5),
    )
    assert hits == [("b#5-10", 2.0), ("a#5-10", 1.0)]


def test_a_passage_named_twice_is_there_once_with_its_higher_grade() -> None:
    hits, _ = passages(RelevanceLabel("q", "a", 1, 0, 2), RelevanceLabel("q", "a", 3, 3, 5))
    assert hits == [("a#0-5", 3.0)]


def test_k_limits_the_context_not_the_hits() -> None:
    hits, context = passages(RelevanceLabel("q", "a", 1, 0, 15), k=2)
    assert len(hits) == 3
    assert context == (0, 1)


def test_no_labels_no_passages() -> None:
    assert passages() == ([], ())


def test_k_is_at_least_one() -> None:
    with pytest.raises(DeclarationError, match="k: found 0"):
        RetrieveLabelled(0)
