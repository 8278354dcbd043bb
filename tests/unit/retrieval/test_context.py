"""The stages between search and answer: order, budget, variety."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import ContextSize, Query, Resources, Stage, State
from rageval.prompts import passages_block
from rageval.retrieval.context import Budget, Diversify, Order
from rageval.retrieval.variety import most_marginal
from rageval.text import count_tokens
from rageval.types import Hit, Passage, Question, Response


def run(stage: Stage, texts: list[str]) -> Response:
    hits = tuple(Hit(Passage(f"d{n}", 0, len(text), text), 1.0 / (n + 1)) for n, text in enumerate(texts))
    state = State(Question("q", "Which?"), (Query("Which?"),), Response(hits=hits, context=tuple(range(len(hits)))))
    return asyncio.run(stage.run(state, Resources((), embedder=HashEmbedder()))).response


@pytest.mark.parametrize(
    ("n", "ends"), [(0, ()), (1, (0,)), (2, (0, 1)), (3, (0, 2, 1)), (5, (0, 2, 4, 3, 1)), (6, (0, 2, 4, 5, 3, 1))]
)
def test_the_best_stand_at_both_ends(n: int, ends: tuple[int, ...]) -> None:
    found = run(Order("ends"), [f"text {place}" for place in range(n)])
    assert found.context == ends
    assert [hit.passage.doc_id for hit in found.hits] == [f"d{place}" for place in range(n)]


def test_the_best_stands_next_to_the_question() -> None:
    assert run(Order("reverse"), ["a", "b", "c"]).context == (2, 1, 0)


def test_a_budget_is_never_exceeded_and_stops_at_the_first_that_does_not_fit() -> None:
    texts = ["one two three four", "five six", "seven " * 40, "eight"]
    sizes = [count_tokens(passages_block([Passage("d", 0, 1, text) for text in texts[:n]])) for n in range(1, 4)]
    assert run(Budget(sizes[0] - 1), texts).context == ()
    assert run(Budget(sizes[0]), texts).context == (0,)
    assert run(Budget(sizes[2] - 1), texts).context == (0, 1)
    assert run(Budget(10_000), texts).context == (0, 1, 2, 3)


def test_a_passage_that_repeats_another_gives_way() -> None:
    """cos with the question: 1, .99 and .6; with the first: .99 and .6. So .4 · .99 - .6 · .99 < .4 · .6 - .6 · .6."""
    vectors = np.array([[1.0, 0.0], [0.99, 0.141], [0.6, -0.8]], dtype=np.float32)
    relevances = vectors @ np.array([1.0, 0.0], dtype=np.float32)
    assert most_marginal(relevances, vectors, 3, 1.0) == [0, 1, 2]
    assert most_marginal(relevances, vectors, 2, 0.4) == [0, 2]
    assert most_marginal(relevances, vectors, 9, 0.7) == [0, 1, 2]


def test_kept_passages_come_first_in_the_ranking() -> None:
    found = run(Diversify(keep=2, relevance=0.5), ["cats sleep", "cats sleep", "dogs bark"])
    assert found.context == (0, 1)
    assert {found.hits[0].passage.text, found.hits[1].passage.text} == {"cats sleep", "dogs bark"}
    assert len(found.hits) == 3
    assert run(Diversify(), []).context == ()
    assert Diversify(keep=3).context_size(ContextSize(10, 50)) == ContextSize(3, 50)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Budget(0), "tokens: found 0"),
        (lambda: Diversify(keep=0), "keep: found 0"),
        (lambda: Diversify(relevance=1.5), "relevance: found 1.5"),
    ],
)
def test_settings_out_of_range(build: type[Stage], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        build()
