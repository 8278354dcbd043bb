"""Answers, abstentions and citations."""

import asyncio
from typing import Any

import pytest

from rageval.generation import Answer, AnswerFromMemory
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, Resources, Stage, State
from rageval.types import Language, Response, Usage
from tests.unit.scripts import by_prompt, names, p_yes

HOUSE: dict[Language, str] = {"en": "The passages do not contain the answer.", "zh": "根据已知信息无法回答该问题。"}


def run(stage: Stage, state: State, chat: ScriptedChat) -> Response:
    return asyncio.run(stage.run(state, Resources((), chat=chat))).response


@pytest.mark.parametrize(("probability", "answered"), [(0.9, True), (0.5, True), (0.49, False)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_ask_first_decides_by_probability(found: Any, language: Language, probability: float, answered: bool) -> None:
    chat = by_prompt(check_answerable=p_yes(probability), answer=" Because. ")
    response = run(Answer(), found(0, 1, language=language), chat)
    assert names(chat) == ["check_answerable", "answer"][: 1 + answered]
    assert (response.answer, response.abstained) == (("Because.", False) if answered else (HOUSE[language], True))
    assert response.steps[0].detail == {"probability": probability}
    assert response.usage.calls == len(chat.requests)


def test_an_unreadable_check_goes_on_to_the_answer(found: Any) -> None:
    chat = by_prompt(check_answerable="perhaps", answer="Because.")
    response = run(Answer(), found(0), chat)
    assert response.answer == "Because."
    assert response.steps[0].detail == {"probability": None}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_in_answer_offers_the_house_phrase(found: Any, language: Language) -> None:
    chat = by_prompt(answer=HOUSE[language])
    response = run(Answer("in_answer"), found(0, language=language), chat)
    assert names(chat) == ["answer"]
    assert HOUSE[language] in chat.requests[0].messages[-1].content
    assert response.abstained


@pytest.mark.parametrize("abstain", ["ask_first", "never"])
def test_the_house_phrase_is_offered_in_answer_only(found: Any, abstain: Any) -> None:
    chat = by_prompt(check_answerable="yes", answer="Because.")
    run(Answer(abstain), found(0), chat)
    assert HOUSE["en"] not in chat.requests[-1].messages[-1].content


def test_never_asks_nothing_first_and_still_sees_an_abstention(found: Any) -> None:
    chat = by_prompt(answer="I don't know.")
    response = run(Answer("never"), found(0), chat)
    assert names(chat) == ["answer"]
    assert response.abstained


@pytest.mark.parametrize("abstain", ["ask_first", "in_answer", "never"])
def test_an_empty_context_abstains_without_a_call_and_drops_old_citations(found: Any, abstain: Any) -> None:
    chat = by_prompt()
    state = found(language="zh").with_response(citations=(0,))
    response = run(Answer(abstain), state, chat)
    assert (response.answer, response.abstained, response.citations) == (HOUSE["zh"], True, ())
    assert chat.requests == []


def test_citations_are_positions_in_the_hits(found: Any) -> None:
    chat = by_prompt(answer="One [2]. Two [1][2]. None [7] [0].")
    response = run(Answer("never", cite=True), found(2, 0, 1), chat)
    assert response.answer == "One. Two. None [7] [0]."
    assert response.cited_answer == "One [2]. Two [1][2]. None [7] [0]."
    assert response.citations == (0, 2), "[2] is the second passage of the context, hit 0; 7 and 0 name none"
    assert "The sky is blue [2]" in chat.requests[0].messages[-1].content


@pytest.mark.parametrize("reply", ["It is arr[0], as RFC [793] says [1].", "见第[3]条，即arr［0］。［1］"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_only_citations_are_taken_out_of_an_answer_and_only_where_they_are_wanted(
    found: Any, language: Language, reply: str
) -> None:
    citing = run(Answer("never", cite=True), found(2, 0, language=language), by_prompt(answer=reply))
    assert citing.answer == reply.replace(" [1]", "").replace("［1］", "")
    assert citing.citations == (2,)
    plain = run(Answer("never"), found(2, 0, language=language).with_response(citations=(1,)), by_prompt(answer=reply))
    assert (plain.answer, plain.citations, plain.cited_answer) == (reply, (), None)


def test_a_cut_off_answer_is_marked_and_usage_added_up(found: Any) -> None:
    usage = Usage(calls=1, prompt_tokens=50, completion_tokens=8)
    chat = by_prompt(check_answerable=p_yes(0.8), answer=ChatReply("Because of the", "length", usage=usage))
    response = run(Answer(max_tokens=8), found(0), chat)
    assert response.steps[-1].detail == {"cut_off": True}
    assert response.usage == Usage(calls=2, prompt_tokens=50, completion_tokens=8)
    assert chat.requests[-1].max_tokens == 8


@pytest.mark.parametrize("stage", [Answer(), AnswerFromMemory()])
def test_nothing_is_generated_where_no_answer_is_wanted(found: Any, stage: Stage) -> None:
    state = found(0, generate=False)
    assert run(stage, state, by_prompt()) == state.response
    assert stage.needs(generate=False) == frozenset()
    assert stage.calls(generate=False) == Calls()


@pytest.mark.parametrize(("reply", "abstained"), [(" Paris.\n", False), ("I do not know.", True), ("我不知道。", True)])
def test_from_memory(found: Any, reply: str, abstained: bool) -> None:
    chat = by_prompt(answer_from_memory=reply)
    response = run(AnswerFromMemory(), found(0, 1), chat)
    assert (response.answer, response.abstained) == (reply.strip(), abstained)
    assert "<passages>" not in chat.requests[0].messages[-1].content
    assert response.usage == Usage(calls=1)
