"""Query transforms: rewritten questions and hypothetical answers."""

import asyncio
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.generation import (
    ExpandQuery,
    NormaliseQuery,
    RewriteQueries,
    StepBack,
    SubQuestions,
    WriteHypotheticalAnswers,
)
from rageval.models.base import ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, Query, Resources, Stage, State
from rageval.types import Question, Usage
from tests.unit.scripts import by_prompt


def run(stage: Stage, state: State, chat: ScriptedChat) -> State:
    return asyncio.run(stage.run(state, Resources((), chat=chat)))


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        ("first\nsecond\nthird", ["first", "second", "third"]),
        ("1. first\n2. second\n3. third\n4. fourth", ["first", "second", "third"]),
        ("\n- first\n\n- first\nWhy?\n", ["first"]),
        ("", []),
    ],
)
def test_rewritten_questions_follow_the_question(found: Any, reply: str, written: list[str]) -> None:
    chat = by_prompt(rewrite_queries=reply)
    state = run(RewriteQueries(3), found(), chat)
    assert state.queries == (Query("Why?"), *(Query(text) for text in written))
    assert state.response.steps[-1].detail == {"queries": written}
    assert state.response.usage == Usage(calls=1)
    assert len(chat.requests) == 1


def test_rewriting_speaks_the_language_of_the_question(found: Any) -> None:
    chat = by_prompt(rewrite_queries="原因是什么？")
    state = run(RewriteQueries(2, temperature=0.3), found(language="zh"), chat)
    assert state.queries == (Query("为什么？"), Query("原因是什么？"))
    request = chat.requests[0]
    assert request.prompt.startswith("rewrite_queries/zh@")
    assert "请写出 2 条" in request.messages[-1].content
    assert request.temperature == 0.3


def test_sub_questions_follow_the_question_and_are_at_most_n(found: Any) -> None:
    chat = by_prompt(sub_questions="1. Who?\n2. When?\n3. Where?\nWhy?")
    state = run(SubQuestions(2), found(), chat)
    assert [query.text for query in state.queries] == ["Why?", "Who?", "When?"]
    assert "at most 2 simpler questions" in chat.requests[0].messages[-1].content
    assert state.response.steps[-1].name == "sub_questions"


def test_a_simple_question_stays_the_only_query(found: Any) -> None:
    assert run(SubQuestions(), found(), by_prompt(sub_questions="Why?")).queries == (Query("Why?"),)


def test_one_more_general_question(found: Any) -> None:
    chat = by_prompt(step_back="天气是怎样形成的？\n第二行")
    state = run(StepBack(), found(language="zh"), chat)
    assert [query.text for query in state.queries] == ["为什么？", "天气是怎样形成的？"]
    assert chat.requests[0].prompt.startswith("step_back/zh@")


def test_an_expanded_query_repeats_the_question_before_the_written_answer(found: Any) -> None:
    state = run(ExpandQuery(repeat=2), found(generate=False), by_prompt(hypothetical_answer="Because of\n rain."))
    assert [query.text for query in state.queries] == ["Why?", "Why? Why? Because of rain."]
    assert run(ExpandQuery(), found(), by_prompt(hypothetical_answer=" ")).queries == (Query("Why?"),)


def test_a_normalised_query_leaves_the_question_as_it_is() -> None:
    question = Question("q", "ＢＭ２５　 ａｎｄ\nRRF？", "en")
    state = State(question, (Query(question.text), Query("Passage", "passage")))
    plain = asyncio.run(NormaliseQuery().run(state, Resources(())))
    assert plain.queries == (Query("BM25 and RRF?"), Query("Passage", "passage"))
    assert plain.question is question
    lower = asyncio.run(NormaliseQuery("lower").run(state, Resources(())))
    assert lower.queries[0] == Query("bm25 and rrf?")
    assert NormaliseQuery().calls(generate=True) == Calls()


def test_one_hypothetical_answer_is_greedy_and_searched_as_a_passage(found: Any) -> None:
    chat = by_prompt(hypothetical_answer=" Because of rain.\n")
    state = run(WriteHypotheticalAnswers(), found(generate=False), chat)
    assert state.queries == (Query("Why?", "query"), Query("Because of rain.", "passage"))
    assert [(request.temperature, request.sample) for request in chat.requests] == [(0.0, 0)]


def test_several_hypothetical_answers_are_samples(found: Any) -> None:
    def reply(request: ChatRequest) -> str:
        return ["Rain.", "  ", "Snow."][request.sample]

    chat = by_prompt(hypothetical_answer=reply)
    state = run(WriteHypotheticalAnswers(3, temperature=0.9), found(), chat)
    assert [query.text for query in state.queries] == ["Why?", "Rain.", "Snow."]
    assert [(request.temperature, request.sample) for request in chat.requests] == [(0.9, 0), (0.9, 1), (0.9, 2)]
    assert len({request.messages for request in chat.requests}) == 1
    assert state.response.steps[-1].detail == {"documents": ["Rain.", "Snow."]}
    assert state.response.usage == Usage(calls=3)


@pytest.mark.parametrize(
    "stage", [RewriteQueries(4), WriteHypotheticalAnswers(4), SubQuestions(4), StepBack(), ExpandQuery()]
)
def test_they_ask_the_chat_model_whether_or_not_answers_are_wanted(stage: Stage) -> None:
    assert stage.needs(generate=False) == stage.needs(generate=True) == {"chat"}
    calls = 4 if isinstance(stage, WriteHypotheticalAnswers) else 1
    assert stage.calls(generate=False) == stage.calls(generate=True) == Calls(calls, calls)


@pytest.mark.parametrize("kind", [RewriteQueries, WriteHypotheticalAnswers, SubQuestions])
def test_n_is_at_least_one(kind: type[RewriteQueries | WriteHypotheticalAnswers | SubQuestions]) -> None:
    with pytest.raises(DeclarationError, match="n: found 0, expected at least 1"):
        kind(0)
