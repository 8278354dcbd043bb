"""Claims and their verdicts."""

import asyncio
import json
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import ClaimSupport, Judged
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Question, Response, Usage
from tests.unit.scripts import by_prompt, names, one_token, p_yes

QUESTION = Question("q", "What is k1?")


def judge(response: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(ClaimSupport().judge(question, response, chat))


def claims(*texts: object) -> str:
    return json.dumps({"claims": texts}, ensure_ascii=False)


def test_each_claim_gets_a_verdict_in_order(answered: Any) -> None:
    def support(request: ChatRequest) -> ChatReply:
        return p_yes(0.97 if "k1 is 1.2" in request.messages[-1].content.split("</passages>")[1] else 0.25)

    chat = by_prompt(claims=claims("BM25 was invented in 1900.", "The parameter k1 is 1.2."), claim_support=support)
    judged = judge(answered("k1 is 1.2."), chat)
    assert names(chat) == ["claims", "claim_support", "claim_support"]
    assert [(item.item, item.index, item.text) for item in judged.items] == [
        ("claim", 0, "BM25 was invented in 1900."),
        ("claim", 1, "The parameter k1 is 1.2."),
    ]
    assert judged.items[0].verdict == Graded(0.0, 0.25)
    assert judged.items[1].verdict == Graded(1.0, 0.97, (Evidence(0, "Its parameter k1 is 1.2."),))
    assert judged.usage == Usage(calls=3)


def test_prompts_hold_answer_context_and_language(answered: Any) -> None:
    chat = by_prompt(claims=claims("倒排索引是词法的。"), claim_support="是")
    judged = judge(answered("倒排索引。"), chat, Question("q", "什么是词法的？", "zh"))
    first, second = chat.requests
    assert first.prompt.startswith("claims/zh@")
    assert "倒排索引。" in first.messages[-1].content
    assert first.schema is not None
    assert second.messages[-1].content.startswith(
        "<passages>\n[1] 向量检索是语义的。倒排索引是词法的。\n[2] BM25 is lexical."
    )
    assert "Dense search" not in second.messages[-1].content
    assert judged.items[0].verdict == Graded(1.0, 1.0, (Evidence(2, "倒排索引是词法的。"),))


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        ("In 2009.", 1),
        ("BM25 saturates at k1 = 1.2, and b is 0.75.", 2),
        ("它是词法的，也很快；但不懂语义。", 3),
        ("No. " * 30, 8),
        ("!", 1),
    ],
)
def test_no_more_claims_than_clauses(answered: Any, answer: str, most: int) -> None:
    chat = by_prompt(claims=claims("One."), claim_support="yes")
    judge(answered(answer), chat)
    schema: Any = chat.requests[0].schema
    assert schema["properties"]["claims"]["maxItems"] == most


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I cannot do that.", "unreadable"),
        ("", "unreadable"),
        ('{"claims": "one"}', "unreadable"),
        ('{"statements": ["one"]}', "unreadable"),
        ('["one"]', "unreadable"),
        ('{"claims": ["one", "tw', "unreadable"),
        (ChatReply('{"claims": ["one"', "length"), "cut off"),
        (ChatReply(claims("one"), "length"), "cut off"),
        (claims(), "empty"),
        (claims("  "), "empty"),
        (claims("one", 2), "other than texts"),
        (claims("one", None), "other than texts"),
        (ExecutionError("timed out"), "the judge's call failed: timed out"),
    ],
)
def test_claims_that_cannot_be_read_are_one_abstained_verdict(answered: Any, reply: Any, reason: str) -> None:
    chat = by_prompt(claims=reply)
    (item,) = judge(answered("An answer."), chat).items
    assert (item.item, item.index, item.text) == ("answer", 0, "An answer.")
    assert isinstance(item.verdict, Abstained)
    assert reason in item.verdict.reason
    text = reply if isinstance(reply, str) else reply.text if isinstance(reply, ChatReply) else ""
    assert item.verdict.raw == text
    assert names(chat) == ["claims"]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("maybe", Abstained("neither yes nor no", "maybe")),
        (one_token("The", ("The", -0.1), ("A", -2.0)), Abstained("neither yes nor no", "The")),
        (ExecutionError("timed out"), Abstained("the judge's call failed: timed out")),
    ],
)
def test_a_verdict_that_cannot_be_read_is_an_abstention(answered: Any, reply: Any, verdict: Abstained) -> None:
    chat = by_prompt(claims=claims("one", "k1 is 1.2."), claim_support=[reply, p_yes(0.9)])
    first, second = judge(answered(), chat).items
    assert first.verdict == verdict
    assert isinstance(second.verdict, Graded)


def test_a_claim_that_is_repeated_is_asked_once(answered: Any) -> None:
    chat = by_prompt(claims=claims(" one ", "two", "one"), claim_support="no")
    assert [item.text for item in judge(answered(), chat).items] == ["one", "two"]


def test_without_context_nothing_is_supported_and_no_verdict_is_paid_for(answered: Any) -> None:
    chat = by_prompt(claims=claims("one", "two"))
    judged = judge(answered(context=()), chat)
    assert [item.verdict for item in judged.items] == [
        Graded(0.0, rationale="there is no context that could support it")
    ] * 2
    assert names(chat) == ["claims"]


@pytest.mark.parametrize(("answer", "abstained"), [("I don't know.", True), (None, False), ("", False)])
def test_no_answer_costs_nothing(answered: Any, answer: str | None, abstained: bool) -> None:
    assert judge(answered(answer, abstained=abstained), by_prompt()) == Judged()


@pytest.mark.parametrize("n", [1, 8])
def test_calls_stay_within_what_was_announced(answered: Any, n: int) -> None:
    chat = by_prompt(claims=claims(*(f"claim {i}" for i in range(n))), claim_support="yes")
    judge(answered(), chat)
    low, high = ClaimSupport.calls(passages=2)
    assert low <= len(chat.requests) <= high
