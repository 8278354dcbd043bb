"""Facts of the answer as triples against those of the context, and questions about them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import FactMatch, FactQuestions, Judge, Judged
from rageval.models.base import ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Hit, Passage, Question, Response, Usage
from tests.unit.scripts import Reply, as_json, by_prompt, names, numbered

QUESTION = Question("q", "How high is Mount Arlen?")
CHINESE = Question("q", "青石山有多高？", "zh")
PASSAGES = ("Mount Arlen is 2310 metres high. Two sisters climbed it.", "The Brone is 95 km long.")


def response(answer: str = "Arlen is 2310 metres high.", read: int = 2) -> Response:
    hits = tuple(Hit(Passage(f"d{i}", 0, len(text), text), 1.0) for i, text in enumerate(PASSAGES))
    return Response(hits, answer, tuple(range(read)), abstained=False)


def judge(
    instrument: Judge, chat: ScriptedChat, given: Response | None = None, question: Question = QUESTION
) -> Judged:
    return asyncio.run(instrument.judge(question, given or response(), chat))


def grades(judged: Judged) -> list[float]:
    return [one.verdict.grade for one in judged.items if isinstance(one.verdict, Graded)]


def test_facts_are_found_by_both_ends() -> None:
    """Either way round, without case and articles, a name within a longer one; the relation does not matter."""
    of_answer = (
        "Arlen | is | 2310 metres\nthe two sisters | reached | mount arlen\nArlen | lies in | Asia\nBrone | is | 96 km"
    )
    of_context = (
        "Mount Arlen | has the height | 2310 metres\nMount Arlen | was climbed by | Two Sisters\nBrone | is | 95 km"
    )
    chat = by_prompt(triples=[of_answer, of_context])
    judged = judge(FactMatch(), chat)
    assert [one.text for one in judged.items][:2] == ["Arlen is 2310 metres", "the two sisters reached mount arlen"]
    assert grades(judged) == [1.0, 1.0, 0.0, 0.0]
    shown = [request.messages[-1].content for request in chat.requests]
    assert "[1] Arlen is 2310 metres high." in shown[0]
    assert "Mount Arlen is 2310 metres high. Two sisters climbed it. The Brone is 95 km long." in shown[1]


def test_facts_in_chinese() -> None:
    chat = by_prompt(triples=["青石山｜高度｜一千八百米\n寺庙｜建于｜一六〇二年", "青石山 | 高 | 一千八百米"])
    assert grades(judge(FactMatch(), chat, question=CHINESE)) == [1.0, 0.0]
    assert chat.requests[0].prompt.startswith("triples/zh@")


def test_without_context_no_fact_is_found_and_one_call_is_made() -> None:
    chat = by_prompt(triples=["Arlen | is | 2310 metres"])
    assert grades(judge(FactMatch(), chat, response(read=0))) == [0.0]
    assert (len(chat.requests), FactMatch().calls(0)) == (1, (0, 1))


def test_questions_are_answered_from_the_context_and_compared() -> None:
    """F1 by hand: `2310 metres` and `2310 metres high` share 2 words of 2 and 3: 4/5. Another number shares one of two
    words with it: 1/2.
    """
    asked = as_json(
        questions=[
            {"question": "How high?", "answer": "2310 metres"},
            {"question": "Who climbed it?", "answer": "two sisters"},
            {"question": "Where is it?", "answer": "Asia"},
            {"question": "How deep?", "answer": "61 metres"},
        ]
    )
    replies = numbered(["2310 metres high", "Two sisters.", "Not stated", "73 metres"])
    chat = by_prompt(fact_questions=asked, answer_briefly=replies)
    judged = judge(FactQuestions(), chat)
    assert grades(judged) == pytest.approx([0.8, 1.0, 0.0, 0.5])
    assert judged.items[0].text == "How high? 2310 metres"
    assert (names(chat), judged.usage) == (["fact_questions", "answer_briefly"], Usage(calls=judged.usage.calls))
    writing, answering = (request.messages[-1].content for request in chat.requests)
    assert "Brone" not in writing
    assert "1. How high?\n2. Who climbed it?" in answering
    assert "2310 metres high. Two" in answering
    assert "two sisters" not in answering  # what the answer says is not shown


def test_questions_in_chinese() -> None:
    """一千八百米 and 一千六百米 share 4 of 5 characters each."""
    asked = as_json(
        questions=[{"question": "多高？", "answer": "一千八百米"}, {"question": "哪年？", "answer": "一六〇二年"}]
    )
    chat = by_prompt(fact_questions=asked, answer_briefly=numbered(["一千六百米", "未提及"]))
    assert grades(judge(FactQuestions(), chat, question=CHINESE)) == pytest.approx([0.8, 0.0])


@pytest.mark.parametrize("instrument", [FactMatch(), FactQuestions()], ids=lambda one: one.name)
@pytest.mark.parametrize("reply", ["?!", "", "{}", ExecutionError("out of order")])
def test_garbage_and_failures_are_one_abstention(instrument: Judge, reply: Reply) -> None:
    (item,) = judge(instrument, ScriptedChat(lambda request: reply)).items
    assert isinstance(item.verdict, Abstained)


@pytest.mark.parametrize("instrument", [FactMatch(), FactQuestions()], ids=lambda one: one.name)
def test_a_lost_second_step_is_an_abstention_too(instrument: Judge) -> None:
    good: dict[str, Any] = {
        "triples": ["Arlen | is | high", "?!", "?!"],
        "fact_questions": as_json(questions=[{"question": "How high?", "answer": "2310 metres"}]),
        "answer_briefly": numbered([1, 2]),
    }
    (item,) = judge(instrument, by_prompt(**good)).items
    assert isinstance(item.verdict, Abstained)


@pytest.mark.parametrize("instrument", [FactMatch(), FactQuestions()], ids=lambda one: one.name)
@pytest.mark.parametrize("given", [Response(answer=""), Response(), Response(answer="No idea.", abstained=True)])
def test_nothing_to_judge(instrument: Judge, given: Response) -> None:
    def never(request: ChatRequest) -> Reply:
        raise AssertionError(request)

    assert judge(instrument, ScriptedChat(never), given) == Judged()
