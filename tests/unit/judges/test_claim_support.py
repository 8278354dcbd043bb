"""The claim matrix: how texts become claims, and which claims are held against what."""

import asyncio
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import ClaimAgreement, ClaimSupport, Judge, Judged, ReferenceSupport
from rageval.judges.base import Item
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Question, Response, Usage
from tests.unit.scripts import as_json, by_prompt, names, prompt_name, support_table

QUESTION = Question("q", "What is k1?", references=("k1 is a parameter. It is in BM25.", "Another reference."))
NO_REFERENCE = Question("q", "What is k1?")
JUDGES: list[Judge] = [ClaimSupport(), ReferenceSupport(), ClaimAgreement()]


def judge(instrument: Judge, response: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(instrument.judge(question, response, chat))


def claims(*texts: object) -> str:
    return as_json(claims=texts)


def last(request: ChatRequest) -> str:
    return request.messages[-1].content


def test_claims_of_the_answer_against_the_context(answered: Any) -> None:
    """Evidence is told by its place among all hits: of the context, hit 2 was read first and hit 0 second."""
    support = support_table((0.25, 0, ""), (0.875, 2, "k1 is 1.2"))
    chat = by_prompt(claims=claims("BM25 was invented in 1900.", "The parameter k1 is 1.2."), support=support)
    judged = judge(ClaimSupport(), answered("It is 1.2. BM25 is old."), chat)
    assert judged.items == (
        Item("claim", 0, "BM25 was invented in 1900.", Graded(0.0, 0.25)),
        Item("claim", 1, "The parameter k1 is 1.2.", Graded(1.0, 0.875, (Evidence(0, "k1 is 1.2"),))),
    )
    assert names(chat) == ["claims", "support"]
    assert judged.usage == Usage(calls=2)
    split, asked = chat.requests
    assert "Question: What is k1?\nAnswer: It is 1.2. BM25 is old.\n" in last(split)
    assert "<passages>" not in last(split)
    assert last(asked).startswith("<passages>\n[1] 向量检索是语义的。倒排索引是词法的。\n[2] BM25 is lexical.")
    assert "Dense search" not in last(asked)  # hit 1 was not read


def test_in_chinese(answered: Any) -> None:
    chat = by_prompt(
        claims=claims("倒排索引是词法的。"), support=support_table((0.75, 1, "倒排索引是词法的"), language="zh")
    )
    (item,) = judge(ClaimSupport(), answered("倒排索引。"), chat, Question("q", "什么是词法的？", "zh")).items
    assert item.verdict == Graded(1.0, 0.75, (Evidence(2, "倒排索引是词法的"),))
    assert [request.prompt.split("@")[0] for request in chat.requests] == ["claims/zh", "support/zh"]
    assert "问题：什么是词法的？\n答案：倒排索引。\n" in last(chat.requests[0])


def test_claims_of_the_first_reference_against_the_context(answered: Any) -> None:
    chat = by_prompt(claims=claims("k1 is a parameter."), support=support_table((0.75, 2, "parameter k1")))
    judged = judge(ReferenceSupport(), answered("It is 1.2. BM25 is old."), chat)
    assert judged.items == (
        Item("reference_claim", 0, "k1 is a parameter.", Graded(1.0, 0.75, (Evidence(0, "parameter k1"),))),
    )
    split, asked = chat.requests
    assert "Answer: k1 is a parameter. It is in BM25.\n" in last(split)
    assert "Another reference" not in last(split)
    assert "k1 is 1.2.\n" not in last(split) + last(asked).split("</passages>")[1]  # it is not about the answer


def test_the_reference_is_judged_whatever_the_answer(answered: Any) -> None:
    for response in (answered(None), answered("I don't know.", abstained=True)):
        chat = by_prompt(claims=claims("k1 is a parameter."), support=support_table((0.25, 0, "")))
        assert len(judge(ReferenceSupport(), response, chat).items) == 1


def test_agreement_goes_both_ways(answered: Any) -> None:
    """Claims of the answer against the reference as the only passage, then claims of the reference against the answer;
    the passages of the context are not shown.
    """

    def split(request: ChatRequest) -> str:
        return (
            claims("k1 is 1.2.", "k1 is green.") if "Answer: k1 is green" in last(request) else claims("k1 is in BM25.")
        )

    replies: list[Any] = [
        support_table((0.125, 0, ""), (0.75, 1, "k1 is a parameter")),
        support_table((0.25, 0, "")),
    ]
    chat = by_prompt(claims=split, support=replies)
    judged = judge(ClaimAgreement(), answered("k1 is green. It is 1.2."), chat)
    assert judged.items == (
        Item("claim", 0, "k1 is 1.2.", Graded(0.0, 0.125)),
        Item("claim", 1, "k1 is green.", Graded(1.0, 0.75, (Evidence(0, "k1 is a parameter"),))),
        Item("reference_claim", 0, "k1 is in BM25.", Graded(0.0, 0.25)),
    )
    assert judged.usage == Usage(calls=4)
    against_reference, against_answer = (
        last(request) for request in chat.requests if prompt_name(request) == "support"
    )
    assert against_reference.startswith(
        "<passages>\n[1] k1 is a parameter. It is in BM25.\n</passages>\n\nClaims:\n1. k1 is 1.2."
    )
    assert against_answer.startswith(
        "<passages>\n[1] k1 is green. It is 1.2.\n</passages>\n\nClaims:\n1. k1 is in BM25."
    )


def test_agreement_without_claims_of_the_answer_has_those_of_the_reference(answered: Any) -> None:
    chat = by_prompt(claims=["hm", "hm", claims("k1 is in BM25.")], support=support_table((0.25, 0, "")))
    first, second = judge(ClaimAgreement(), answered("Green."), chat).items
    assert (first.item, first.text, type(first.verdict)) == ("claims", "Green.", Abstained)
    assert second == Item("reference_claim", 0, "k1 is in BM25.", Graded(0.0, 0.25))


@pytest.mark.parametrize(
    "answer",
    [
        "The parameter k1 is 1.2.",
        "  The parameter k1 is 1.2, b is 0.75 and both are numbers  ",
        "倒排索引是词法的，也很快。",
    ],
)
def test_a_sentence_of_few_clauses_is_a_claim_as_it_stands(answered: Any, answer: str) -> None:
    chat = by_prompt(support=support_table((0.25, 0, "")))
    judged = judge(ClaimSupport(), answered(answer), chat)
    assert judged.items == (Item("claim", 0, answer.strip(), Graded(0.0, 0.25)),)
    assert names(chat) == ["support"]


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        ("In 2009.", 1),
        ("BM25 saturates at k1 = 1.2, and b is 0.75. That is all.", 3),
        ("它是词法的，也很快；但不懂语义，也不懂英文。", 4),
        ("No. " * 30, 8),
        ("!", 1),
    ],
)
def test_no_more_claims_than_clauses(answered: Any, answer: str, most: int) -> None:
    chat = by_prompt(claims=claims("One."), support=support_table((0.25, 0, "")))
    judge(ClaimSupport(), answered(answer), chat)
    schema: Any = chat.requests[0].schema
    assert schema["properties"]["claims"]["maxItems"] == most


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I cannot do that.", "unreadable"),
        ("", "unreadable"),
        ('{"claims": "one"}', "unreadable"),
        ('{"claims": {"1": "one"}}', "unreadable"),
        ('{"statements": ["one"]}', "unreadable"),
        ('["one"]', "unreadable"),
        ('{"claims": ["one", "tw', "unreadable"),
        ('{"claims": ["one"], "claims": ["two"]}', "unreadable"),
        (ChatReply('{"claims": ["one"', "length"), "cut off"),
        (ChatReply(claims("one"), "length"), "cut off"),
        (ChatReply(claims("one"), "refusal"), "refused"),
        (claims(), "empty"),
        (claims("  "), "empty"),
        (claims("one", 2), "other than texts"),
        (claims("one", None), "other than texts"),
        (claims("one", ["two"]), "other than texts"),
        (ExecutionError("timed out"), "the judge's call failed: timed out"),
    ],
)
def test_claims_that_cannot_be_read_are_one_abstained_verdict(answered: Any, reply: Any, reason: str) -> None:
    for instrument, item in ((ClaimSupport(), "claims"), (ReferenceSupport(), "reference_claims")):
        chat = by_prompt(claims=reply)
        (found,) = judge(instrument, answered("An answer."), chat).items
        text = "An answer." if item == "claims" else "k1 is a parameter. It is in BM25."
        assert (found.item, found.index, found.text) == (item, 0, text)
        assert isinstance(found.verdict, Abstained)
        assert reason in found.verdict.reason
        kept = reply if isinstance(reply, str) else reply.text if isinstance(reply, ChatReply) else ""
        assert found.verdict.raw == kept
        assert names(chat) == ["claims"] * (1 if isinstance(reply, Exception) else 2)


def test_claims_read_at_the_second_attempt(answered: Any) -> None:
    chat = by_prompt(claims=["hm", f"Here: {claims('one')}!"], support=support_table((0.25, 0, "")))
    judged = judge(ClaimSupport(), answered(), chat)
    assert [item.text for item in judged.items] == ["one"]
    assert judged.usage.calls == 3


def test_verdicts_that_cannot_be_read_are_an_abstention_on_every_claim(answered: Any) -> None:
    chat = by_prompt(claims=claims("one", "two"), support="hm")
    lost = Abstained("the reply holds no readable table", "hm")
    assert judge(ClaimSupport(), answered(), chat).items == (
        Item("claim", 0, "one", lost),
        Item("claim", 1, "two", lost),
    )


def test_a_claim_that_is_repeated_is_asked_once(answered: Any) -> None:
    chat = by_prompt(claims=claims(" one ", "two", "one"), support=support_table((0.25, 0, ""), (0.25, 0, "")))
    assert [item.text for item in judge(ClaimSupport(), answered(), chat).items] == ["one", "two"]


@pytest.mark.parametrize("instrument", [ClaimSupport(), ReferenceSupport()])
def test_without_context_nothing_is_supported_and_no_verdict_is_paid_for(answered: Any, instrument: Judge) -> None:
    chat = by_prompt(claims=claims("one", "two"))
    judged = judge(instrument, answered(context=()), chat)
    unsupported = Graded(0.0, rationale="there is no context that could support it")
    assert [item.verdict for item in judged.items] == [unsupported] * 2
    assert names(chat) == ["claims"]


@pytest.mark.parametrize("instrument", [ClaimSupport(), ClaimAgreement()])
@pytest.mark.parametrize(("answer", "abstained"), [("I don't know.", True), (None, False), ("", False)])
def test_no_answer_costs_nothing(answered: Any, instrument: Judge, answer: str | None, abstained: bool) -> None:
    assert judge(instrument, answered(answer, abstained=abstained), by_prompt()) == Judged()


@pytest.mark.parametrize("instrument", [ReferenceSupport(), ClaimAgreement()])
def test_no_reference_costs_nothing(answered: Any, instrument: Judge) -> None:
    assert judge(instrument, answered(), by_prompt(), NO_REFERENCE) == Judged()


@pytest.mark.parametrize("instrument", JUDGES, ids=lambda judge: judge.name)
@pytest.mark.parametrize("n", [1, 8])
def test_calls_stay_within_what_was_announced(answered: Any, instrument: Judge, n: int) -> None:
    split = claims(*(f"claim {i}" for i in range(n)))
    chat = by_prompt(claims=split, support=support_table(*[(0.25, 0, "")] * n))
    judged = judge(instrument, answered(), chat)
    low, high = instrument.calls(passages=2)
    assert low <= len(chat.requests) <= high
    assert judged.usage.calls == len(chat.requests)
    assert {type(item.verdict) for item in judged.items} == {Graded}
