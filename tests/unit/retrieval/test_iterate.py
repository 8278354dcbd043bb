"""Searches in turns, and with the words of what was found."""

from __future__ import annotations

import asyncio

import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, Query, Resources, Stage, State
from rageval.retrieval import BM25, Feedback, Iterate, Pointwise, Rerank, Retrieve
from rageval.types import Document, Hit, Passage, Question, Response
from tests.unit.scripts import by_prompt

DOCUMENTS = (
    Document("film", "The film Harbour was directed by Ann Lee."),
    Document("ann", "Ann Lee was born in Delmar."),
    Document("other", "A harbour is a place for ships and boats."),
    Document("delmar", "Delmar lies on a salt lake."),
)
QUESTION = Question("q", "Where was the director of the film Harbour born?")
BY_WORDS = Retrieve(BM25(), k=1)


def run(stage: Stage, chat: ScriptedChat | None = None) -> State:
    state = State(QUESTION, (Query(QUESTION.text),))
    return asyncio.run(stage.run(state, Resources(DOCUMENTS, chat=chat)))


def test_a_thought_finds_what_the_question_does_not() -> None:
    chat = by_prompt(next_thought=["Ann Lee directed the film Harbour.", "Ann Lee was born in Delmar.", "ENOUGH"])
    state = run(Iterate(BY_WORDS, steps=3, keep=3), chat)
    found = [passage.doc_id for passage in state.response.context_passages]
    assert found[:2] == ["film", "ann"] or {*found[:2]} == {"film", "ann"}
    assert state.queries[0].text == QUESTION.text
    assert len(chat.requests) == 3
    first, second = (request.messages[-1].content for request in chat.requests[:2])
    assert "(none)" in first
    assert "- Ann Lee directed the film Harbour." in second
    assert [step.detail["thought"] for step in state.response.steps][-1] is None


def test_the_best_of_each_search_in_turn() -> None:
    """Both searches find the film, and Delmar only the second, in which it is the best: fused, the film is."""
    chat = by_prompt(next_thought=["Delmar lies on a salt lake, and Harbour is a film.", "ENOUGH"])
    search = Retrieve(BM25(), k=4)
    found = run(Iterate(search, keep=2, combine="turns"), chat).response.context_passages
    assert [passage.doc_id for passage in found] == ["film", "delmar"]


@pytest.mark.parametrize("reply", ["enough", " ENOUGH. ", "", "- "])
def test_it_ends_where_there_is_enough_or_nothing(reply: str) -> None:
    chat = by_prompt(next_thought=reply)
    state = run(Iterate(BY_WORDS, steps=5), chat)
    assert len(chat.requests) == 1
    assert len(state.queries) == 1


def test_a_repeated_thought_ends_it() -> None:
    chat = by_prompt(next_thought="Ann Lee is a director.")
    run(Iterate(BY_WORDS, steps=5), chat)
    assert len(chat.requests) == 2


def test_bounds_of_turns() -> None:
    stage = Iterate(BY_WORDS, steps=3, keep=5)
    assert stage.calls(generate=False) == Calls(1, 3)
    assert stage.context_size() == ContextSize(5, 384)
    inner = Iterate(BY_WORDS >> Rerank(Pointwise(), 1), steps=2)
    assert inner.calls(generate=True) == Calls(1, 3 * 1 + 2)
    for wrong in ({"steps": 0}, {"keep": 0}):
        with pytest.raises(DeclarationError, match="found 0, expected at least 1"):
            Iterate(BY_WORDS, **wrong)


def test_feedback_adds_the_words_of_the_best_passages() -> None:
    """`director` and `born` are the question's; of rank 1 each word weighs 1/4, of rank 2 half of 1/2."""
    texts = ("lee lee harbour salt", "delmar director")
    hits = tuple(Hit(Passage(f"d{n}", 0, len(text), text), 1.0) for n, text in enumerate(texts))
    state = State(QUESTION, (Query(QUESTION.text),), Response(hits=hits, context=(0, 1)))
    found = asyncio.run(Feedback(words=2).run(state, Resources(())))
    assert found.queries[0].text == QUESTION.text
    assert found.queries[1].text == f"{QUESTION.text} lee delmar"
    assert asyncio.run(Feedback(words=2, passages=1).run(state, Resources(()))).queries[1].text.endswith(" lee salt")
    empty = State(QUESTION, (Query(QUESTION.text),))
    assert asyncio.run(Feedback().run(empty, Resources(()))) is empty
