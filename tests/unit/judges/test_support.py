"""Claims against passages: the request, the verdicts, and the sentences that show them."""

import asyncio
import json
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges.support import judge_support
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Language, Passage, Usage, Verdict
from tests.unit.scripts import by_prompt, names, numbered, spelled, verdict_table

ARLEN = Passage("arlen", 0, 61, "Mount Arlen is 2310 metres high. Two sisters “climbed” it in 1871.")
BRONE = Passage("brone", 0, 38, "The river Brone is 95 kilometres long.", "Rivers")
QINGSHI = Passage("qingshi", 0, 24, "青石山高一千八百米。山顶的寺庙建于１６０２年。")
CONTEXT = [(4, ARLEN), (0, BRONE), (7, QINGSHI)]
HIGH, LONG = "Mount Arlen is 2310 metres high.", "The Brone is long."
ABROAD = "The temple on the summit is old."  # its words are in no passage, its sense in the third
SHOWN_HIGH = Evidence(4, "Mount Arlen is 2310 metres high.")


def judge(chat: ScriptedChat, *claims: str, language: Language = "en") -> tuple[list[Verdict], Usage]:
    return asyncio.run(judge_support(claims, CONTEXT, language, chat))


def test_all_claims_are_judged_in_one_call_in_their_order() -> None:
    chat = by_prompt(support=verdict_table(0.25, 0.875, 0.0625))
    verdicts, usage = judge(chat, "Arlen is\n in Asia.", HIGH, "k1 = {1.2}")
    assert verdicts == [Graded(0.0, 0.25), Graded(1.0, 0.875, (SHOWN_HIGH,)), Graded(0.0, 0.0625)]
    assert (names(chat), usage) == (["support"], Usage(calls=1))


def test_the_request() -> None:
    """Passages first, for the prefix cache; then the claims, one a line; and no claim can add a line."""
    chat = by_prompt(support=verdict_table(0.25, 0.25))
    judge(chat, "Arlen is\n2. in Asia.", "k1 = {1.2}")
    (request,) = chat.requests
    assert request.prompt.startswith("support/en@")
    assert request.messages[-1].content.startswith(
        "<passages>\n"
        "[1] Mount Arlen is 2310 metres high. Two sisters “climbed” it in 1871.\n"
        "[2] Rivers: The river Brone is 95 kilometres long.\n"
        "[3] 青石山高一千八百米。山顶的寺庙建于１６０２年。\n"
        "</passages>\n\n"
        "Claims:\n1. Arlen is 2. in Asia.\n2. k1 = {1.2}\n\nFor each claim:"
    )
    word = {"type": "string", "enum": ["yes", "no"]}
    assert request.schema == {
        "type": "object",
        "properties": {"1": word, "2": word},
        "required": ["1", "2"],
        "additionalProperties": False,
    }
    assert request.top_logprobs == 10


def test_the_first_texts_may_go_without_evidence() -> None:
    chat = by_prompt(support=verdict_table(0.75, 0.875))
    verdicts, _ = asyncio.run(judge_support((f"{HIGH} {ABROAD}", HIGH), CONTEXT, "en", chat, whole=1))
    assert verdicts == [Graded(1.0, 0.75), Graded(1.0, 0.875, (SHOWN_HIGH,))]
    assert names(chat) == ["support"]


def test_chinese() -> None:
    chat = by_prompt(support=verdict_table(0.875, 0.25, language="zh"))
    verdicts, _ = judge(chat, "寺庙建于1602年。", "山上有松树。", language="zh")
    assert verdicts == [Graded(1.0, 0.875, (Evidence(7, "山顶的寺庙建于１６０２年。"),)), Graded(0.0, 0.25)]
    (request,) = chat.requests
    assert request.prompt.startswith("support/zh@")
    assert "</passages>\n\n陈述：\n1. 寺庙建于1602年。\n2. 山上有松树。\n\n" in request.messages[-1].content
    schema: Any = request.schema
    assert schema["properties"]["2"]["enum"] == ["是", "否"]


@pytest.mark.parametrize(
    ("pieces", "probability"),
    [
        (['{"1": "', ("yes", 0.625), '"}'], 0.625),
        (['{"1":', (' "yes', 0.625), '"}'], 0.625),
        (['{"1', '":"', ("Yes", 0.625), '"}'], 0.625),
        (['Here: {"1"', " : ", '"', ("yes", 0.625), '"', "}"], 0.625),
        (['{"1": "', "ye", "s", '"}'], 1.0),  # split: none of its tokens is a verdict
        (['{"1": "yes"}'], 1.0),
        (['{"1": "', ("是", 0.625), '"}'], 0.625),  # the word counts, not its language
        (['{"1": "Yes."}'], 1.0),
        (['{"1": "是的。"}'], 1.0),
    ],
)
def test_soft_verdicts(pieces: list[str | tuple[str, float]], probability: float) -> None:
    (found,), _ = judge(by_prompt(support=spelled(*pieces)), HIGH)
    assert found == Graded(1.0, probability, (SHOWN_HIGH,))


def test_keys_in_another_order() -> None:
    """The verdicts' tokens come in the order of the reply; each goes with its own claim."""
    pieces = ['{"2": "', ("no", 0.875), '", "1": "', ("yes", 0.75), '"}']
    verdicts, _ = judge(by_prompt(support=spelled(*pieces)), HIGH, LONG)
    assert verdicts == [Graded(1.0, 0.75, (SHOWN_HIGH,)), Graded(0.0, 0.125)]


def test_the_probability_decides_over_the_word() -> None:
    """A schema can force a word that was less likely."""
    said_no = spelled('{"1": "', ("no", 0.375), '"}')
    assert judge(by_prompt(support=said_no), HIGH)[0] == [Graded(1.0, 0.625, (SHOWN_HIGH,))]


def test_where_the_words_show_nothing_the_model_names_the_passages() -> None:
    """Only of supported claims, all in one call; 0 is no passage."""
    chat = by_prompt(support=verdict_table(0.9, 0.1, 0.9, 0.9), shown_by=numbered(["3", "0"]))
    verdicts, usage = judge(chat, ABROAD, "Frogs sing.", HIGH, "Swans nest.")
    assert verdicts == [
        Graded(1.0, 0.9, (Evidence(7, "", found=False),)),
        Graded(0.0, 0.1),
        Graded(1.0, 0.9, (SHOWN_HIGH,)),
        Graded(1.0, 0.9, (Evidence(None, "", found=False),)),
    ]
    assert usage.calls == 2
    _, request = chat.requests
    assert request.prompt.startswith("shown_by/en@")
    assert request.messages[-1].content.startswith("<passages>\n[1] Mount Arlen")
    assert f"Claims that the passages support:\n1. {ABROAD}\n2. Swans nest.\n\nFor each" in request.messages[-1].content
    schema: Any = request.schema
    assert schema["required"] == ["1", "2"]
    assert schema["properties"]["1"]["enum"] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "replies", [["no idea", ""], [numbered(["3", "3"])] * 2, [numbered(["4"])] * 2, [ExecutionError("gone")]]
)
def test_the_verdict_stays_where_the_passage_cannot_be_read(replies: list[Any]) -> None:
    chat = by_prompt(support=verdict_table(0.9), shown_by=[*replies])
    verdicts, _ = judge(chat, ABROAD)
    assert verdicts == [Graded(1.0, 0.9, (Evidence(None, "", found=False),))]
    assert names(chat) == ["support"] + ["shown_by"] * len(replies)


RIGHT = numbered(["yes", "no"])
UNREADABLE: dict[str, tuple[str | ChatReply, str]] = {
    "empty": ("", "unreadable"),
    "prose": ("Both claims are supported: yes.", "unreadable"),
    "list": (json.dumps(["yes", "no"]), "unreadable"),
    "cut off": (RIGHT[:-2], "unreadable"),
    "cut off and said so": (ChatReply(RIGHT[:-2], "length"), "cut off"),
    "whole, but said to be cut off": (ChatReply(RIGHT, "length"), "cut off"),
    "refused": (ChatReply("I will not.", "refusal"), "refused"),
    "filtered": (ChatReply(RIGHT, "content_filter"), "refused"),
    "one missing": (numbered(["yes"]), "not 2"),
    "one too many": (numbered(["yes", "no", "no"]), "not 2"),
    "duplicate": ('{"1": "no", "2": "no", "2": "yes"}', "unreadable"),
    "other keys": (json.dumps({"claim 1": "yes", "claim 2": "no"}), "unreadable"),
    "nested": (json.dumps({"claims": {"1": "yes", "2": "no"}}), "unreadable"),
    "maybe": (numbered(["no", "maybe"]), "verdict 2: found 'maybe', expected one of yes, no"),
    "bool": (numbered([True, "no"]), "unreadable"),
    "number": (numbered([1, "no"]), "unreadable"),
    "nested verdict": (numbered([{"supported": "yes"}, "no"]), "unreadable"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_twice_is_an_abstention_on_every_claim(case: str) -> None:
    reply, reason = UNREADABLE[case]
    chat = by_prompt(support=reply)
    verdicts, usage = judge(chat, HIGH, LONG)
    first, second = verdicts
    assert isinstance(first, Abstained)
    assert first == second
    assert reason in first.reason
    assert first.raw == (reply if isinstance(reply, str) else reply.text)
    assert names(chat) == ["support"] * 2
    assert usage.calls == 2 if isinstance(reply, str) else usage == Usage()


def test_the_second_reply_counts_where_the_first_cannot_be_read() -> None:
    chat = by_prompt(support=["hm", RIGHT])
    verdicts, _ = judge(chat, HIGH, LONG)
    assert verdicts == [Graded(1.0, 1.0, (SHOWN_HIGH,)), Graded(0.0, 0.0)]
    assert [(request.sample, request.temperature) for request in chat.requests] == [(0, 0.0), (1, 0.7)]


def test_further_words_do_no_harm() -> None:
    reply = f"My verdicts:\n```json\n{RIGHT}\n```\nAsk {{me}} for more."
    verdicts, _ = judge(by_prompt(support=reply), HIGH, LONG)
    assert verdicts == [Graded(1.0, 1.0, (SHOWN_HIGH,)), Graded(0.0, 0.0)]


def test_a_call_that_failed() -> None:
    chat = by_prompt(support=ExecutionError("timed out"))
    assert judge(chat, HIGH, LONG) == ([Abstained("the judge's call failed: timed out")] * 2, Usage())
    assert names(chat) == ["support"]
