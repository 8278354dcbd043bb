from collections.abc import Callable

import pytest

from rageval.pipeline import Query, State
from rageval.types import Hit, Language, Passage, Question, Response

StateOf = Callable[..., State]


@pytest.fixture
def found() -> StateOf:
    """A state with passages p0, p1, ... found; those at the positions `context` go into the prompt."""

    def state(*context: int, hits: int = 3, language: Language = "en", generate: bool = True) -> State:
        question = Question("q", "Why?" if language == "en" else "为什么？", language)
        found = tuple(Hit(Passage(f"p{i}", 0, 6, f"Text {i}."), 9.0 - i) for i in range(hits))
        return State(question, (Query(question.text),), Response(hits=found, context=context), generate)

    return state
