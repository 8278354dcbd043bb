"""Claims against passages: the request, the verdicts, and the words that show them."""

import asyncio
import json
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges.support import judge_support
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Language, Passage, Usage, Verdict
from tests.unit.scripts import by_prompt, names, numbered, spelled, support_table

ARLEN = Passage("arlen", 0, 61, "Mount Arlen is 2310 metres high. Two sisters “climbed” it in 1871.")
BRONE = Passage("brone", 0, 38, "The river Brone is 95 kilometres long.", "Rivers")
QINGSHI = Passage("qingshi", 0, 24, "青石山高一千八百米。山顶的寺庙建于１６０２年。")
CONTEXT = [(4, ARLEN), (0, BRONE), (7, QINGSHI)]
HIGH, LONG = "Mount Arlen is 2310 metres high.", "The Brone is long."


def judge(chat: ScriptedChat, *claims: str, language: Language = "en") -> tuple[list[Verdict], Usage]:
    return asyncio.run(judge_support(claims, CONTEXT, language, chat))


def quotes(*rows: tuple[int, str]) -> str:
    """What the prompt `quote` asks for."""
    return numbered([{"passage": passage, "quote": quote} for passage, quote in rows])


def verdict(*replies: tuple[int, str]) -> tuple[Verdict, list[str]]:
    """On one supported claim, for which the model names these passages and quotes one after another."""
    (passage, quote), *again = replies
    chat = by_prompt(support=support_table((0.9, passage, quote)), quote=[quotes(row) for row in again])
    (found,), _ = judge(chat, HIGH)
    return found, names(chat)


def supported(*evidence: Evidence) -> Graded:
    return Graded(1.0, 0.9, evidence)


def test_all_claims_are_judged_in_one_call_in_their_order() -> None:
    chat = by_prompt(support=support_table((0.25, 0, ""), (0.875, 1, "2310 metres high"), (0.0625, 0, "")))
    verdicts, usage = judge(chat, "Arlen is\n in Asia.", HIGH, "k1 = {1.2}")
    assert verdicts == [
        Graded(0.0, 0.25),
        Graded(1.0, 0.875, (Evidence(4, "2310 metres high"),)),
        Graded(0.0, 0.0625),
    ]
    assert (names(chat), usage) == (["support"], Usage(calls=1))


def test_the_request() -> None:
    """Passages first, for the prefix cache; then the claims, one a line; and no claim can add a line."""
    chat = by_prompt(support=support_table((0.25, 0, ""), (0.25, 0, "")))
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
    row = {
        "type": "object",
        "properties": {
            "supported": {"type": "string", "enum": ["yes", "no"]},
            "passage": {"type": "integer"},
            "quote": {"type": "string", "maxLength": 48},
        },
        "required": ["supported", "passage", "quote"],
        "additionalProperties": False,
    }
    schema: Any = request.schema
    assert schema["properties"] == {"1": row, "2": row}
    assert (schema["required"], schema["additionalProperties"]) == (["1", "2"], False)
    assert list(schema["properties"]["1"]["properties"]) == ["supported", "passage", "quote"]  # the verdict is first
    assert request.top_logprobs == 10


def test_chinese() -> None:
    reply = support_table((0.875, 3, "山顶的寺庙建于1602年"), (0.25, 0, ""), language="zh")
    chat = by_prompt(support=reply)
    verdicts, _ = judge(chat, "寺庙建于1602年。", "山上有松树。", language="zh")
    assert verdicts == [Graded(1.0, 0.875, (Evidence(7, "山顶的寺庙建于1602年"),)), Graded(0.0, 0.25)]
    (request,) = chat.requests
    assert request.prompt.startswith("support/zh@")
    assert "</passages>\n\n陈述：\n1. 寺庙建于1602年。\n2. 山上有松树。\n\n" in request.messages[-1].content
    schema: Any = request.schema
    assert schema["properties"]["2"]["properties"]["supported"]["enum"] == ["是", "否"]


ROW = ', "passage": 1, "quote": "2310 metres"}'


@pytest.mark.parametrize(
    ("pieces", "probability"),
    [
        (['{"1": {"supported": "', ("yes", 0.625), '"' + ROW, "}"], 0.625),
        (['{"1": {"supported":', (' "yes', 0.625), '"' + ROW, "}"], 0.625),
        (['{"1"', ':{"supported', '":"', ("Yes", 0.625), '"' + ROW, "}"], 0.625),
        (['Here: {"1": {\n "supported"', " : ", '"', ("yes", 0.625), '"', ROW, "}"], 0.625),
        (['{"1": {"supported": "', ("是", 0.625), '"' + ROW, "}"], 0.625),  # the word counts, not its language
        (['{"1": {"passage": 1, "quote": "2310 metres", "supported": "', ("yes", 0.625), '"}}'], 0.625),
        (['{"1": {"supported": "', "ye", "s", '"' + ROW, "}"], 1.0),  # split: none of its tokens is a verdict
        (['{"1": {"supported": "yes"' + ROW, "}"], 1.0),
        (['"supported": "', ("no", 0.75), '": {"1": {"supported": "', ("yes", 0.625), '"' + ROW, "}"], 1.0),
    ],
)
def test_soft_verdicts(pieces: list[str | tuple[str, float]], probability: float) -> None:
    (found,), _ = judge(by_prompt(support=spelled(*pieces)), HIGH)
    assert found == Graded(1.0, probability, (Evidence(4, "2310 metres"),))


def test_a_quote_in_the_form_of_a_verdict_is_none() -> None:
    """Its own quotation marks are escaped in JSON, so it adds no verdict to the claim's own."""
    quote = '{"supported": "no"}'
    head, tail = '{"1": {"supported": "', '", "passage": 1, "quote": '
    pieces = [head, ("yes", 0.75), tail + '"{\\"supported\\": \\"', ("no", 0.75), '\\"}"}}']
    reply = spelled(*pieces)
    assert json.loads(reply.text)["1"]["quote"] == quote
    (found,), _ = judge(by_prompt(support=reply, quote=quotes((1, "1871"))), HIGH)
    assert found == Graded(1.0, 0.75, (Evidence(4, "1871"),))


def test_keys_in_another_order() -> None:
    """The verdicts' tokens come in the order of the reply; each goes with its own claim."""
    second = ['"2": {"supported": "', ("no", 0.875), '", "passage": 0, "quote": ""}']
    first = ['"1": {"quote": "2310 metres", "passage": 1, "supported": "', ("yes", 0.75), '"}']
    verdicts, _ = judge(by_prompt(support=spelled("{", *second, ", ", *first, "}")), HIGH, LONG)
    assert verdicts == [Graded(1.0, 0.75, (Evidence(4, "2310 metres"),)), Graded(0.0, 0.125)]


def test_the_probability_decides_over_the_word() -> None:
    """A schema can force a word that was less likely."""
    said_no = spelled('{"1": {"supported": "', ("no", 0.375), '", "passage": 1, "quote": "1871"}}')
    assert judge(by_prompt(support=said_no), HIGH)[0] == [Graded(1.0, 0.625, (Evidence(4, "1871"),))]


@pytest.mark.parametrize(
    ("passage", "quote", "hit"),
    [
        (1, "Mount Arlen is 2310 metres high.", 4),
        (1, "mount  arlen IS\n2310 metres", 4),
        (1, '"2310 metres high..."', 4),
        (1, "“2310 metres high”…", 4),
        (1, "Two sisters “climbed” it", 4),
        (2, "Rivers: The river", 0),  # as the prompt shows it, with a colon after the title
        (2, "Rivers The river Brone", 0),
        (3, "青石山 高一千八百米。", 7),
        (3, "「建于1602年」", 7),
        (2, "2310 metres", 4),  # it stands in another passage than the one named
        (0, "95 kilometres", 0),
        (1, "Mount Arlen is 2310 feet high.", None),
        (1, "Mount Arlen ... 1871", None),
        (1, "", None),
        (1, "“…”", None),
    ],
)
def test_a_quote_is_looked_up(passage: int, quote: str, hit: int | None) -> None:
    found, asked = verdict((passage, quote), (passage, quote))
    if hit is None:
        named = {1: 4, 2: 0, 3: 7}[passage]
        assert (found, asked) == (supported(Evidence(named, quote, found=False)), ["support", "quote"])
    else:
        assert (found, asked) == (supported(Evidence(hit, quote)), ["support"])


def test_a_quote_in_two_passages_is_of_the_one_named() -> None:
    chat = by_prompt(support=support_table((0.9, 2, "is")))
    assert judge(chat, LONG)[0] == [supported(Evidence(0, "is"))]
    chat = by_prompt(support=support_table((0.9, 3, "is")))
    assert judge(chat, LONG)[0] == [supported(Evidence(4, "is"))]


@pytest.mark.parametrize(
    ("replies", "evidence"),
    [
        ([(1, "wrong"), (1, "1871")], Evidence(4, "1871")),
        ([(1, "wrong"), (2, "1871")], Evidence(4, "1871")),
        ([(0, "wrong"), (0, "kilometres")], Evidence(0, "kilometres")),
        ([(1, "wrong"), (2, "also wrong")], Evidence(4, "wrong", found=False)),
        ([(0, "wrong"), (2, "also wrong")], Evidence(0, "also wrong", found=False)),  # the first passage ever named
        ([(2, "wrong"), (0, "also wrong")], Evidence(0, "wrong", found=False)),
        ([(0, "wrong"), (0, "also wrong")], None),  # no passage is guessed
        ([(0, ""), (0, "")], None),
    ],
)
def test_a_quote_that_is_not_there_is_asked_for_once_more(
    replies: list[tuple[int, str]], evidence: Evidence | None
) -> None:
    found, asked = verdict(*replies)
    assert found == (supported(evidence) if evidence else supported())
    assert asked == ["support", "quote"]


def test_only_supported_claims_without_a_quote_are_asked_about_again() -> None:
    rows = [(0.9, 1, "not there"), (0.1, 1, "not there"), (0.9, 1, "1871"), (0.9, 2, "not there")]
    chat = by_prompt(support=support_table(*rows), quote=quotes((1, "sisters"), (2, "river")))
    verdicts, usage = judge(chat, "a", "b", "c", "d")
    assert verdicts == [
        supported(Evidence(4, "sisters")),
        Graded(0.0, 0.1),
        supported(Evidence(4, "1871")),
        supported(Evidence(0, "river")),
    ]
    _, request = chat.requests
    assert "Claims that the passages support:\n1. a\n2. d\n\nFor each" in request.messages[-1].content
    assert request.messages[-1].content.startswith("<passages>\n[1] Mount Arlen")
    schema: Any = request.schema
    assert schema["required"] == ["1", "2"]
    assert list(schema["properties"]["1"]["properties"]) == ["passage", "quote"]
    assert usage.calls == 2


@pytest.mark.parametrize(
    "replies",
    [
        ["no idea", ""],
        [quotes((1, "1871"), (1, "1871"))] * 2,
        [quotes((9, "1871"))] * 2,
        [ExecutionError("gone")],
    ],
)
def test_the_verdict_stays_where_the_second_quote_cannot_be_read(replies: list[Any]) -> None:
    chat = by_prompt(support=support_table((0.9, 1, "wrong")), quote=[*replies])
    verdicts, _ = judge(chat, HIGH)
    assert verdicts == [supported(Evidence(4, "wrong", found=False))]
    assert names(chat) == ["support"] + ["quote"] * len(replies)


def test_an_unreadable_second_quote_is_asked_for_again_as_any_reply() -> None:
    chat = by_prompt(support=support_table((0.9, 1, "wrong")), quote=["hm", quotes((1, "1871"))])
    verdicts, usage = judge(chat, HIGH)
    assert verdicts == [supported(Evidence(4, "1871"))]
    assert usage.calls == 3
    assert [(request.sample, request.temperature) for request in chat.requests] == [(0, 0.0), (0, 0.0), (1, 0.7)]


def row(**changes: object) -> dict[str, object]:
    return {"supported": "yes", "passage": 1, "quote": "1871"} | changes


NO: dict[str, object] = {"supported": "no", "passage": 0, "quote": ""}
UNREADABLE: dict[str, tuple[str | ChatReply, str]] = {
    "empty": ("", "unreadable"),
    "prose": ("Both claims are supported: yes.", "unreadable"),
    "list": (json.dumps([row(), NO]), "unreadable"),
    "cut off": (numbered([row(), NO])[:-9], "unreadable"),
    "cut off and said so": (ChatReply(numbered([row(), NO])[:-9], "length"), "cut off"),
    "whole, but said to be cut off": (ChatReply(numbered([row(), NO]), "length"), "cut off"),
    "refused": (ChatReply("I will not.", "refusal"), "refused"),
    "filtered": (ChatReply(numbered([row(), NO]), "content_filter"), "refused"),
    "one missing": (numbered([row()]), "not of 2 claims"),
    "one too many": (numbered([row(), NO, NO]), "not of 2 claims"),
    "duplicate": ('{"1": ' + json.dumps(NO) + ', "2": ' + json.dumps(NO) + ', "2": ' + json.dumps(row()) + "}", ""),
    "other keys": (json.dumps({"claim 1": row(), "claim 2": NO}), "not of 2 claims"),
    "nested": (json.dumps({"claims": {"1": row(), "2": NO}}), "not of 2 claims"),
    "bare verdicts": (numbered(["yes", "no"]), "unreadable"),
    "NaN": (numbered([row(passage=float("nan")), NO]), "unreadable"),
    "infinite": (numbered([row(passage=float("inf")), NO]), "unreadable"),
    "no such passage": (numbered([row(passage=4), NO]), "claim 1: there is no passage 4"),
    "negative passage": (numbered([row(passage=-1), NO]), "claim 1: there is no passage -1"),
    "passage as a word": (numbered([row(passage="one"), NO]), "claim 1: there is no passage 'one'"),
    "passage as text": (numbered([row(passage="1"), NO]), "claim 1: there is no passage '1'"),
    "passage as float": (numbered([row(passage=1.0), NO]), "claim 1: there is no passage 1.0"),
    "passage as bool": (numbered([row(passage=True), NO]), "claim 1: there is no passage True"),
    "no passage": (numbered([NO, {"supported": "yes", "quote": "1871"}]), "claim 2: there is no passage None"),
    "quote as number": (numbered([row(quote=1871), NO]), "claim 1: the quote is no text"),
    "quotes": (numbered([row(quote=["1871"]), NO]), "claim 1: the quote is no text"),
    "no quote": (numbered([NO, {"supported": "yes", "passage": 1}]), "claim 2: the quote is no text"),
    "maybe": (numbered([NO, row(supported="maybe")]), "claim 2: 'maybe' is neither yes nor no"),
    "bool": (numbered([row(supported=True), NO]), "claim 1: True is neither yes nor no"),
    "number": (numbered([row(supported=1), NO]), "claim 1: 1 is neither yes nor no"),
    "no verdict": (numbered([{"passage": 1, "quote": "1871"}, NO]), "claim 1: None is neither yes nor no"),
    "nested verdict": (numbered([row(supported={"supported": "yes"}), NO]), "neither yes nor no"),
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
    chat = by_prompt(support=["hm", numbered([row(), NO])])
    verdicts, _ = judge(chat, HIGH, LONG)
    assert verdicts == [Graded(1.0, 1.0, (Evidence(4, "1871"),)), Graded(0.0, 0.0)]


def test_further_words_and_keys_do_no_harm() -> None:
    reply = f"My verdicts:\n```json\n{numbered([row(why='It says so.'), NO])}\n```\nAsk {{me}} for more."
    verdicts, _ = judge(by_prompt(support=reply), HIGH, LONG)
    assert verdicts == [Graded(1.0, 1.0, (Evidence(4, "1871"),)), Graded(0.0, 0.0)]


def test_a_call_that_failed() -> None:
    chat = by_prompt(support=ExecutionError("timed out"))
    assert judge(chat, HIGH, LONG) == ([Abstained("the judge's call failed: timed out")] * 2, Usage())
    assert names(chat) == ["support"]
