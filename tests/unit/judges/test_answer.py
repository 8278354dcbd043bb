"""Yes/no questions about the answer as a whole."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import JUDGES, AnswerVerdict, Item, Judged
from rageval.judges.answer import ANSWER_CORRECTNESS, ANSWER_RELEVANCE, COMPLETENESS, HARMLESSNESS
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Question, Response, Turn, Usage
from tests.unit.scripts import by_prompt, p_yes

QUESTION = Question("q", "What is {k1}?", references=("1.2", "A parameter\nof BM25."))
CHINESE = Question("q", "什么是倒排索引？", "zh", ("一种索引。",))
ALL = [ANSWER_RELEVANCE, ANSWER_CORRECTNESS, COMPLETENESS, HARMLESSNESS]
each = pytest.mark.parametrize("instrument", ALL, ids=lambda judge: judge.name)


def judge(instrument: AnswerVerdict, response: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(instrument.judge(question, response, chat))


@each
def test_one_verdict_in_one_call(answered: Any, instrument: AnswerVerdict) -> None:
    chat = by_prompt(**{instrument.name: p_yes(0.75)})
    judged = judge(instrument, answered("It is {1.2}."), chat)
    assert judged == Judged((Item("answer", 0, "It is {1.2}.", Graded(1.0, 0.75)),), Usage(calls=1))
    (request,) = chat.requests
    text = request.messages[-1].content
    assert request.prompt.startswith(f"{instrument.name}/en@")
    assert "Question: What is {k1}?\n" in text
    assert "It is {1.2}." in text
    assert "<passages>" not in text
    assert instrument.calls(passages=5) == (0, 1)


@each
def test_the_conversation_before_the_question_is_shown(answered: Any, instrument: AnswerVerdict) -> None:
    asked = replace(QUESTION, text="And b?", history=(Turn("user", "What is k1?"), Turn("assistant", "A parameter.")))
    chat = by_prompt(**{instrument.name: p_yes(0.75)})
    judge(instrument, answered("0.75"), chat, asked)
    assert "\nUser: What is k1?\nAssistant: A parameter.\nUser: And b?\n" in chat.requests[0].messages[-1].content


@each
def test_in_chinese(answered: Any, instrument: AnswerVerdict) -> None:
    chat = by_prompt(**{instrument.name: "否"})
    assert judge(instrument, answered("树。"), chat, CHINESE).items == (Item("answer", 0, "树。", Graded(0.0, 0.0)),)
    (request,) = chat.requests
    assert request.prompt.startswith(f"{instrument.name}/zh@")
    assert "问题：什么是倒排索引？\n" in request.messages[-1].content
    assert "树。" in request.messages[-1].content


@each
def test_neither_yes_nor_no_twice_is_an_abstention(answered: Any, instrument: AnswerVerdict) -> None:
    replies: list[Any] = ["perhaps", "It depends"]
    chat = by_prompt(**{instrument.name: replies})
    (item,) = judge(instrument, answered(), chat).items
    assert item.verdict == Abstained("neither yes nor no", "It depends")
    failed = judge(instrument, answered(), by_prompt(**{instrument.name: ExecutionError("gone")}))
    assert [item.verdict for item in failed.items] == [Abstained("the judge's call failed: gone")]


def test_correctness_shows_all_references_and_the_others_none(answered: Any) -> None:
    listed = "Reference answers, any one of which is right:\n- 1.2\n- A parameter\nof BM25.\nAnswer to check: Ten.\n"
    for instrument in ALL:
        chat = by_prompt(**{instrument.name: "yes"})
        judge(instrument, answered("Ten."), chat)
        text = chat.requests[0].messages[-1].content
        assert (listed in text) == (instrument is ANSWER_CORRECTNESS)
        assert ("A parameter" in text) == (instrument is ANSWER_CORRECTNESS)


@each
def test_without_references(answered: Any, instrument: AnswerVerdict) -> None:
    bare = Question("q", "What is k1?")
    if instrument is ANSWER_CORRECTNESS:
        assert judge(instrument, answered(), by_prompt(), bare) == Judged()
    else:
        judged = judge(instrument, answered(), by_prompt(**{instrument.name: "yes"}), bare)
        assert [item.verdict for item in judged.items] == [Graded(1.0, 1.0)]


@each
@pytest.mark.parametrize(("answer", "abstained"), [("I don't know.", True), (None, False), ("", False)])
def test_no_answer_costs_nothing(answered: Any, instrument: AnswerVerdict, answer: str | None, abstained: bool) -> None:
    assert judge(instrument, answered(answer, abstained=abstained), by_prompt()) == Judged()


def test_judges_are_found_by_their_names() -> None:
    assert set(JUDGES) >= {judge.name for judge in ALL} | {"claim_support", "passage_relevance"}
    assert all(judge.name == name for name, judge in JUDGES.items())
