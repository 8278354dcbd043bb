"""Relevance of answers and of passages."""

import asyncio
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import JUDGES, AnswerRelevance, Judged, PassageRelevance
from rageval.judges.base import Item
from rageval.models.base import ChatReply, ChatRequest
from rageval.types import Abstained, Graded, Question, Usage
from tests.unit.scripts import by_prompt, names, p_yes

QUESTION = Question("q", "What is k1?")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (p_yes(0.75), Graded(1.0, 0.75)),
        (p_yes(0.5), Graded(1.0, 0.5)),
        (p_yes(0.125), Graded(0.0, 0.125)),
        ("Yes.", Graded(1.0, 1.0)),
        ("否", Graded(0.0, 0.0)),
        ("It depends", Abstained("neither yes nor no", "It depends")),
        (ChatReply("", "content_filter"), Abstained("neither yes nor no", "")),
        (ExecutionError("timed out"), Abstained("the judge's call failed: timed out")),
    ],
)
def test_verdicts(answered: Any, reply: Any, verdict: Any) -> None:
    chat = by_prompt(answer_relevance=reply)
    judged = asyncio.run(AnswerRelevance().judge(QUESTION, answered("1.2."), chat))
    assert judged.items == (Item("answer", 0, "1.2.", verdict),)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_answer_is_judged_without_passages_in_the_language_of_the_question(answered: Any, language: Any) -> None:
    chat = by_prompt(answer_relevance="yes")
    asyncio.run(AnswerRelevance().judge(Question("q", "What?", language), answered("An answer."), chat))
    (request,) = chat.requests
    assert request.prompt.startswith(f"answer_relevance/{language}@")
    assert "<passages>" not in request.messages[-1].content
    assert "An answer." in request.messages[-1].content


@pytest.mark.parametrize(("answer", "abstained"), [("I don't know.", True), (None, False), ("", False)])
def test_no_answer_costs_nothing(answered: Any, answer: str | None, abstained: bool) -> None:
    response = answered(answer, abstained=abstained)
    assert asyncio.run(AnswerRelevance().judge(QUESTION, response, by_prompt())) == Judged()


def test_each_passage_of_the_context_is_judged_alone(answered: Any) -> None:
    def reply(request: ChatRequest) -> ChatReply | Exception:
        return p_yes(0.9) if "BM25" in request.messages[-1].content else ExecutionError("timed out")

    chat = by_prompt(passage_relevance=reply)
    judged = asyncio.run(PassageRelevance().judge(QUESTION, answered(), chat))
    assert judged.items == (
        Item("passage", 2, "d2#0-18", Abstained("the judge's call failed: timed out")),
        Item("passage", 0, "d0#0-41", Graded(1.0, 0.9)),
    )
    assert judged.usage == Usage(calls=1)
    assert all("[2]" not in request.messages[-1].content for request in chat.requests)
    assert PassageRelevance.calls(2) == (0, len(chat.requests))


@pytest.mark.parametrize("abstained", [True, False])
def test_passages_are_judged_whatever_the_answer(answered: Any, abstained: bool) -> None:
    chat = by_prompt(passage_relevance="yes")
    asyncio.run(PassageRelevance().judge(QUESTION, answered(None, abstained=abstained), chat))
    assert names(chat) == ["passage_relevance"] * 2
    assert asyncio.run(PassageRelevance().judge(QUESTION, answered(context=()), by_prompt())) == Judged()


def test_judges_are_found_by_their_names() -> None:
    assert sorted(JUDGES) == ["answer_relevance", "claim_support", "passage_relevance"]
    assert all(judge.name == name for name, judge in JUDGES.items())
