"""Stages that choose between other stages."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.generation import Adaptive, Answer, AnswerFromMemory, Corrective
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Query, Resources, Stage, State
from rageval.types import Hit, Passage, Question, Response
from tests.unit.scripts import by_prompt, names, one_token, p_yes

QUESTION = Question("q", "Why?", "en")


@dataclass(frozen=True)
class Mark(Stage):
    """Leaves its name, with the first query, as the answer, and one passage in the context."""

    name: str
    size: ContextSize = ContextSize(1, 10)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return self.size

    async def run(self, state: State, resources: Resources) -> State:
        hit = Hit(Passage(self.name, 0, 1, self.name), 1.0)
        return state.with_response(answer=f"{self.name}: {state.queries[0].text}", hits=(hit,), context=(0,))


@dataclass(frozen=True)
class Shorten(Stage):
    """Each passage of the context becomes its first letter."""

    async def run(self, state: State, resources: Resources) -> State:
        hits = tuple(
            replace(hit, passage=replace(hit.passage, text=hit.passage.text[:1])) for hit in state.response.hits
        )
        return state.with_response(hits=hits)


def run(stage: Stage, chat: ScriptedChat, *texts: str, question: Question = QUESTION) -> State:
    hits = tuple(Hit(Passage(text, 0, len(text), text), 1.0) for text in texts)
    state = State(question, (Query(question.text),), Response(hits=hits, context=tuple(range(len(hits)))))
    return asyncio.run(stage.run(state, Resources((), chat=chat)))


ADAPTIVE = Adaptive(Mark("none"), Mark("one"), Mark("several"))


@pytest.mark.parametrize(
    ("reply", "chosen", "told"),
    [
        ("A", "none", "none"),
        ("b.", "one", "one"),
        (one_token("C", ("C", math.log(0.6)), ("A", math.log(0.4))), "several", "several"),
        (one_token("x", (" A", math.log(0.2)), ("b", math.log(0.1))), "none", "none"),
        ("It depends.", "one", None),
        ("", "one", None),
    ],
)
def test_the_letter_chooses(reply: str | ChatReply, chosen: str, told: str | None) -> None:
    state = run(ADAPTIVE, by_prompt(how_many_searches=reply))
    assert state.response.answer == f"{chosen}: Why?"
    assert state.response.steps[-1].detail == {"searches": told}


def test_chinese_questions_are_asked_in_chinese() -> None:
    chat = by_prompt(how_many_searches="C")
    assert run(ADAPTIVE, chat, question=Question("z", "为什么？", "zh")).response.answer == "several: 为什么？"
    assert chat.requests[0].prompt.startswith("how_many_searches/zh@")


def test_bounds_are_those_of_the_dearest_branch() -> None:
    stage = Adaptive(AnswerFromMemory(), Mark("one") >> Answer(), Mark("two", ContextSize(3, None)) >> Answer("never"))
    assert stage.calls(generate=True) == Calls(2, 3)
    assert stage.calls(generate=False) == Calls(1, 1)
    assert stage.context_size() == ContextSize(3, None)
    assert stage.needs(generate=False) == {"chat"}
    assert {"how_many_searches", "answer", "answer_from_memory", "check_answerable"} == stage.all_prompts()


CORRECTIVE = Corrective(Mark("again"), Shorten())


def grades(**values: Any) -> Any:
    """By the text of the passage; a float is P(yes)."""

    def grade(request: Any) -> Any:
        value = next(value for text, value in values.items() if text in request.messages[-1].content)
        return p_yes(value) if isinstance(value, float) else value

    return grade


def texts(state: State) -> list[str]:
    return [passage.text for passage in state.response.context_passages]


def test_good_passages_are_used_as_they_are() -> None:
    chat = by_prompt(grade_passage=grades(alpha=0.8, beta=0.2, gamma="?", delta=0.3))
    state = run(CORRECTIVE, chat, "alpha", "beta", "gamma", "delta")
    assert texts(state) == ["alpha", "gamma", "delta"]
    assert state.response.steps[-1].detail == {"grades": [0.8, 0.2, None, 0.3], "action": "use"}
    assert len(state.response.hits) == 4


def test_doubtful_passages_are_refined() -> None:
    state = run(CORRECTIVE, by_prompt(grade_passage=grades(alpha=0.5, beta=0.2)), "alpha", "beta")
    assert texts(state) == ["a"]


def test_bad_passages_make_it_search_again() -> None:
    chat = by_prompt(grade_passage=p_yes(0.1), rewrite_queries="Why so?")
    state = run(CORRECTIVE, chat, "alpha", "beta")
    assert names(chat) == ["grade_passage", "grade_passage", "rewrite_queries"]
    assert (state.response.answer, texts(state)) == ("again: Why so?", ["again"])
    assert run(CORRECTIVE, by_prompt(rewrite_queries="")).response.answer == "again: Why?"


def test_grades_that_cannot_be_read_keep_everything() -> None:
    assert texts(run(CORRECTIVE, by_prompt(grade_passage="perhaps"), "alpha", "beta")) == ["alpha", "beta"]


def test_bounds_of_correcting() -> None:
    stage = Corrective(Mark("again", ContextSize(5, 20)), Shorten())
    assert stage.calls(True, ContextSize(3, 50)) == Calls(0, 4)
    assert stage.context_size(ContextSize(3, 50)) == ContextSize(5, 50)
    assert stage.all_prompts() == {"grade_passage", "rewrite_queries"}
    with pytest.raises(DeclarationError, match=r"lower: found 0\.8"):
        Corrective(Mark("again"), Shorten(), upper=0.7, lower=0.8)
