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
from tests.unit.scripts import as_json, by_prompt, names, prompt_name, verdict_table

REFERENCE = "k1 is a parameter, it is in BM25, it is a number, and so is b."  # a sentence that the model has to split
ANSWER = "It is 1.2, BM25 is old, dense search is new, and so on."
QUESTION = Question("q", "What is k1?", references=(REFERENCE, "Another reference."))
NO_REFERENCE = Question("q", "What is k1?")
JUDGES: list[Judge] = [ClaimSupport(), ReferenceSupport(), ClaimAgreement()]


def judge(instrument: Judge, response: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(instrument.judge(question, response, chat))


def claims(*texts: object) -> str:
    return as_json(claims=texts)


def last(request: ChatRequest) -> str:
    return request.messages[-1].content


def test_the_answer_and_its_claims_against_the_context(answered: Any) -> None:
    """All in one table, the answer first; evidence is of the claims, told by its place among all hits: of the context,
    hit 2 was read first and hit 0 second.
    """
    support = verdict_table(0.125, 0.25, 0.875)
    chat = by_prompt(claims=claims("BM25 was invented in 1900.", "The parameter k1 is 1.2."), support=support)
    judged = judge(ClaimSupport(), answered(ANSWER), chat)
    assert judged.items == (
        Item("answer", 0, ANSWER, Graded(0.0, 0.125)),
        Item("claim", 0, "BM25 was invented in 1900.", Graded(0.0, 0.25)),
        Item("claim", 1, "The parameter k1 is 1.2.", Graded(1.0, 0.875, (Evidence(0, "Its parameter k1 is 1.2."),))),
    )
    assert names(chat) == ["claims", "support"]
    assert judged.usage == Usage(calls=2)
    split, asked = chat.requests
    assert f"Question: What is k1?\nAnswer: {ANSWER}\n" in last(split)
    assert "<passages>" not in last(split)
    assert last(asked).startswith("<passages>\n[1] 向量检索是语义的。倒排索引是词法的。\n[2] BM25 is lexical.")
    assert f"Claims:\n1. {ANSWER}\n2. BM25 was invented in 1900.\n3. The parameter k1 is 1.2.\n\n" in last(asked)
    assert "Dense search" not in last(asked)  # hit 1 was not read
    schema: Any = asked.schema
    assert list(schema["properties"]) == ["1", "2", "3"]


def test_an_answer_as_a_whole_has_no_evidence(answered: Any) -> None:
    support = verdict_table(0.75, 0.875, 0.25)
    chat = by_prompt(claims=claims("The parameter k1 is 1.2.", "BM25 is old."), support=support)
    whole, *_ = judge(ClaimSupport(), answered(ANSWER), chat).items
    assert (whole.verdict, names(chat)) == (Graded(1.0, 0.75), ["claims", "support"])


def test_in_chinese(answered: Any) -> None:
    chat = by_prompt(claims=claims("倒排索引是词法的。"), support=verdict_table(0.75, language="zh"))
    (item,) = judge(ClaimSupport(), answered("倒排索引。"), chat, Question("q", "什么是词法的？", "zh")).items
    assert item.verdict == Graded(1.0, 0.75, (Evidence(2, "倒排索引是词法的。"),))
    assert [request.prompt.split("@")[0] for request in chat.requests] == ["claims/zh", "support/zh"]
    assert "问题：什么是词法的？\n答案：倒排索引。\n" in last(chat.requests[0])


def test_claims_of_the_first_reference_against_the_context(answered: Any) -> None:
    chat = by_prompt(
        claims=claims("k1 is a parameter.", "b is one."),
        support=verdict_table(0.75, 0.25),
    )
    judged = judge(ReferenceSupport(), answered(ANSWER), chat)
    assert judged.items == (
        Item("reference_claim", 0, "k1 is a parameter.", Graded(1.0, 0.75, (Evidence(0, "Its parameter k1 is 1.2."),))),
        Item("reference_claim", 1, "b is one.", Graded(0.0, 0.25)),
    )
    split, asked = chat.requests
    assert f"Answer: {REFERENCE}\n" in last(split)
    assert "Another reference" not in last(split)
    assert ANSWER not in last(split) + last(asked)  # it is not about the answer


def test_the_reference_is_judged_whatever_the_answer(answered: Any) -> None:
    for response in (answered(None), answered("I don't know.", abstained=True)):
        chat = by_prompt(claims=claims("k1 is a parameter."), support=verdict_table(0.25))
        assert len(judge(ReferenceSupport(), response, chat).items) == 1


def test_agreement_goes_both_ways(answered: Any) -> None:
    """Claims of the answer against the reference as the only passage, then claims of the reference against the answer;
    the passages of the context are not shown.
    """

    def split(request: ChatRequest) -> str:
        return (
            claims("k1 is 1.2.", "k1 is green.") if "Answer: k1 is 1.2" in last(request) else claims("k1 is in BM25.")
        )

    replies: list[Any] = [
        verdict_table(0.125, 0.75),
        verdict_table(0.25),
    ]
    chat = by_prompt(claims=split, support=replies)
    judged = judge(ClaimAgreement(), answered("k1 is 1.2, k1 is green, b is 0.75, and so on."), chat)
    assert judged.items == (
        Item("claim", 0, "k1 is 1.2.", Graded(0.0, 0.125)),
        Item("claim", 1, "k1 is green.", Graded(1.0, 0.75, (Evidence(0, REFERENCE),))),
        Item("reference_claim", 0, "k1 is in BM25.", Graded(0.0, 0.25)),
    )
    assert judged.usage == Usage(calls=4)
    against_reference, against_answer = (
        last(request) for request in chat.requests if prompt_name(request) == "support"
    )
    assert against_reference.startswith(f"<passages>\n[1] {REFERENCE}\n</passages>\n\nClaims:\n1. k1 is 1.2.")
    assert against_answer.startswith(
        "<passages>\n[1] k1 is 1.2, k1 is green, b is 0.75, and so on.\n</passages>\n\nClaims:\n1. k1 is in BM25."
    )


def test_agreement_without_claims_of_the_answer_has_those_of_the_reference(answered: Any) -> None:
    chat = by_prompt(claims=["hm", "hm", claims("k1 is in BM25.")], support=verdict_table(0.25))
    first, second = judge(ClaimAgreement(), answered("Green."), chat).items
    assert (first.item, first.text, type(first.verdict)) == ("claims", "Green.", Abstained)
    assert second == Item("reference_claim", 0, "k1 is in BM25.", Graded(0.0, 0.25))


@pytest.mark.parametrize(
    "answer",
    [
        "The parameter k1 is 1.2.",
        "  The parameter k1 is 1.2, b is 0.75 and both are numbers  ",
        "倒排索引是词法的，也很快。",
        "Yes. The parameter k1 is 1.2.",
        "The parameter k1 is 1.2. That is all.",
        "是的。倒排索引是词法的。",
    ],
)
def test_a_sentence_of_few_clauses_is_a_claim(answered: Any, answer: str) -> None:
    """One that is too short to stand alone belongs to its neighbour."""
    chat = by_prompt(support=verdict_table(0.25))
    judged = judge(ClaimSupport(), answered(answer), chat)
    assert judged.items == (Item("claim", 0, answer.strip(), Graded(0.0, 0.25)),)
    assert names(chat) == ["support"]


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        (
            "No. The parameter k1 is 1.2. I see. The parameter b is 0.75, but not always. Bye.",
            ["No. The parameter k1 is 1.2.", "I see. The parameter b is 0.75, but not always. Bye."],
        ),
        ("倒排索引是词法的。对。向量检索是语义的。", ["倒排索引是词法的。", "对。向量检索是语义的。"]),
        (
            "BM25 is lexical, k1 is 1.2. BM25 is lexical, k1 is 1.2. Dense search is not lexical.",
            ["BM25 is lexical, k1 is 1.2.", "Dense search is not lexical."],
        ),
    ],
)
def test_sentences_are_claims_without_a_call(answered: Any, answer: str, sentences: list[str]) -> None:
    chat = by_prompt(support=verdict_table(*[0.25] * 3))
    judged = judge(ClaimSupport(), answered(answer), chat)
    assert [(item.item, item.text) for item in judged.items] == [
        ("answer", answer),
        *(("claim", sentence) for sentence in sentences),
    ]
    assert names(chat) == ["support"]


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        ("In 2009.", 1),
        ("BM25 saturates at k1, which is 1.2, and b is 0.75, as in Lucene. That is all.", 5),
        ("它是词法的，也很快，但不懂语义，也不懂英文。", 4),
        ("No. " * 30, 8),
        ("The parameter k1 is 1.2 here. " * 9, 8),
        ("!", 1),
    ],
)
def test_what_is_too_short_or_too_long_is_split_into_no_more_claims_than_clauses(
    answered: Any, answer: str, most: int
) -> None:
    chat = by_prompt(claims=claims("One."), support=verdict_table(0.25))
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
        text = "An answer." if item == "claims" else REFERENCE
        assert (found.item, found.index, found.text) == (item, 0, text)
        assert isinstance(found.verdict, Abstained)
        assert reason in found.verdict.reason
        kept = reply if isinstance(reply, str) else reply.text if isinstance(reply, ChatReply) else ""
        assert found.verdict.raw == kept
        assert names(chat) == ["claims"] * (1 if isinstance(reply, Exception) else 2)


def test_claims_read_at_the_second_attempt(answered: Any) -> None:
    chat = by_prompt(claims=["hm", f"Here: {claims('one')}!"], support=verdict_table(0.25))
    judged = judge(ClaimSupport(), answered(), chat)
    assert [item.text for item in judged.items] == ["one"]
    assert judged.usage.calls == 3


def test_verdicts_that_cannot_be_read_are_an_abstention_on_every_claim(answered: Any) -> None:
    chat = by_prompt(claims=claims("one", "two"), support="hm")
    lost = Abstained("the verdicts are unreadable, or not 3", "hm")
    assert judge(ClaimSupport(), answered(), chat).items == (
        Item("answer", 0, "An answer.", lost),
        Item("claim", 0, "one", lost),
        Item("claim", 1, "two", lost),
    )


def test_a_claim_that_is_repeated_is_asked_once(answered: Any) -> None:
    chat = by_prompt(claims=claims(" one ", "two", "one"), support=verdict_table(0.25, 0.25))
    assert [item.text for item in judge(ReferenceSupport(), answered(), chat).items] == ["one", "two"]


@pytest.mark.parametrize("instrument", [ClaimSupport(), ReferenceSupport()])
def test_without_context_nothing_is_supported_and_no_verdict_is_paid_for(answered: Any, instrument: Judge) -> None:
    chat = by_prompt(claims=claims("one", "two"))
    judged = judge(instrument, answered(context=()), chat)
    unsupported = Graded(0.0, rationale="there is no context that could support it")
    assert {item.verdict for item in judged.items} == {unsupported}
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
    rows = n + (n > 1 and isinstance(instrument, ClaimSupport))
    chat = by_prompt(claims=split, support=verdict_table(*[0.25] * rows))
    judged = judge(instrument, answered(), chat)
    low, high = instrument.calls(passages=2)
    assert low <= len(chat.requests) <= high
    assert judged.usage.calls == len(chat.requests)
    assert {type(item.verdict) for item in judged.items} == {Graded}
