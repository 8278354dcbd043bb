"""Contradiction between answer and context, among passages, and whether a context is enough."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import JUDGES, ClaimContradiction, Judged
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Hit, Passage, Question, Response
from tests.unit.scripts import Reply, by_prompt, names, numbered, p_yes

QUESTION = Question("q", "How deep is the lake?")
CHINESE = Question("q", "东湖有多深？", "zh")
TEXTS = ("Lake Corva is 61 metres deep. Its water is salty.", "Lake Corva is 73 metres deep.")
ANSWER = "Lake Corva is 80 metres deep. Its water is very salty indeed."


def response(answer: str | None = ANSWER, read: int = 2) -> Response:
    hits = tuple(Hit(Passage(f"d{i}", 0, len(text), text), 1.0) for i, text in enumerate(TEXTS))
    return Response(hits, answer, tuple(range(read)), abstained=False)


def judge(instrument: Any, chat: ScriptedChat, given: Response | None = None, question: Question = QUESTION) -> Judged:
    return asyncio.run(instrument.judge(question, response() if given is None else given, chat))


def test_contradicted_is_more_than_not_supported() -> None:
    chat = by_prompt(contradiction=numbered(["contradicted", "open"]))
    first, second = judge(ClaimContradiction(), chat).items
    shown = (Evidence(0, "Lake Corva is 61 metres deep."),)
    assert first.verdict == Graded(1.0, evidence=shown, rationale="contradicted")
    assert second.verdict == Graded(0.0, rationale="open")
    assert names(chat) == ["contradiction"]
    assert f"1. {first.text}\n2. {second.text}" in chat.requests[0].messages[-1].content


def test_contradiction_in_chinese() -> None:
    given = Response(
        (Hit(Passage("a", 0, 9, "东湖最深处四十米。"), 1.0),),
        "东湖最深处九十米。湖水很冷很清澈。",
        (0,),
        abstained=False,
    )
    chat = by_prompt(contradiction=numbered(["矛盾", "未提"]))
    first, second = judge(ClaimContradiction(), chat, given, CHINESE).items
    assert isinstance(first.verdict, Graded)
    assert (first.verdict.grade, first.verdict.evidence) == (1.0, (Evidence(0, "东湖最深处四十米。"),))
    assert second.verdict == Graded(0.0, rationale="未提")


@pytest.mark.parametrize(
    "reply", ["?!", numbered(["open"]), numbered(["wrong", "open"]), ExecutionError("out of order")]
)
def test_garbage_is_an_abstention_on_every_claim(reply: Reply) -> None:
    assert [type(one.verdict) for one in judge(ClaimContradiction(), ScriptedChat(lambda request: reply)).items] == [
        Abstained,
        Abstained,
    ]


def test_without_context_nothing_is_contradicted() -> None:
    chat = by_prompt()
    assert [one.verdict for one in judge(ClaimContradiction(), chat, response(read=0)).items] == [
        Graded(0.0, rationale="there is no context that could contradict it")
    ] * 2
    assert judge(ClaimContradiction(), chat, response(None)) == Judged()


@pytest.mark.parametrize("name", ["sufficient_context", "context_agreement"])
def test_verdicts_on_the_context_do_not_see_the_answer(name: str) -> None:
    chat = by_prompt(**{name: p_yes(0.75)})
    (item,) = judge(JUDGES[name], chat).items
    assert (item.item, item.verdict) == ("context", Graded(1.0, 0.75))
    shown = chat.requests[0].messages[-1].content
    assert "73 metres" in shown
    assert "80 metres" not in shown
    assert judge(JUDGES[name], by_prompt(**{name: p_yes(0.25)}), response(None)).items[0].verdict == Graded(0.0, 0.25)
    chinese = by_prompt(**{name: "否"})
    assert judge(JUDGES[name], chinese, question=CHINESE).items[0].verdict == Graded(0.0, 0.0)
    assert chinese.requests[0].prompt.startswith(f"{name}/zh@")


def test_too_few_passages() -> None:
    """No context is never enough, and has nothing to disagree about."""
    chat = by_prompt()
    (item,) = judge(JUDGES["sufficient_context"], chat, response(read=0)).items
    assert item.verdict == Graded(0.0, rationale="there is no context")
    assert judge(JUDGES["context_agreement"], chat, response(read=1)) == Judged()
