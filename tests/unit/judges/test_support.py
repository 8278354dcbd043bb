"""Claims against passages: the request, the verdicts, and the words that show them."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges.support import judge_support
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Language, Passage, Usage, Verdict
from tests.unit.scripts import by_prompt, names, numbered, quotes, spelled, support_table

ARLEN = Passage("arlen", 0, 61, "Mount Arlen is 2310 metres high. Two sisters “climbed” it in 1871.")
BRONE = Passage("brone", 0, 38, "The river Brone is 95 kilometres long.", "Rivers")
QINGSHI = Passage("qingshi", 0, 24, "青石山高一千八百米。山顶的寺庙建于１６０２年。")
CONTEXT = [(4, ARLEN), (0, BRONE), (7, QINGSHI)]
HIGH, LONG = "Mount Arlen is 2310 metres high.", "The Brone is long."


def judge(chat: ScriptedChat, *claims: str, language: Language = "en") -> tuple[list[Verdict], Usage]:
    return asyncio.run(judge_support(claims, CONTEXT, language, chat))


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
    source = {
        "type": "object",
        "properties": {"passage": {"type": "integer"}, "quote": {"type": "string", "maxLength": 48}},
        "required": ["passage", "quote"],
        "additionalProperties": False,
    }
    word = {"type": "string", "enum": ["yes", "no"]}
    schema: Any = request.schema
    assert list(schema["properties"]) == schema["required"] == ["1", "2", "shown_by"]  # the verdicts are first
    assert (schema["properties"]["1"], schema["properties"]["2"]) == (word, word)
    assert schema["properties"]["shown_by"]["properties"] == {"1": source, "2": source}
    assert schema["additionalProperties"] is schema["properties"]["shown_by"]["additionalProperties"] is False
    assert request.top_logprobs == 10


def test_the_first_claims_may_go_without_quotes() -> None:
    """None is asked for, and one that comes all the same is not kept."""
    support = support_table((0.75, 2, "95 kilometres"), (0.875, 1, "2310 metres high"))
    chat = by_prompt(support=support)
    verdicts, _ = asyncio.run(judge_support((f"{HIGH} {LONG}", HIGH), CONTEXT, "en", chat, unquoted=1))
    assert verdicts == [Graded(1.0, 0.75), Graded(1.0, 0.875, (Evidence(4, "2310 metres high"),))]
    schema: Any = chat.requests[0].schema
    assert list(schema["properties"]) == ["1", "2", "shown_by"]
    assert list(schema["properties"]["shown_by"]["properties"]) == ["2"]


def test_chinese() -> None:
    reply = support_table((0.875, 3, "山顶的寺庙建于1602年"), (0.25, 0, ""), language="zh")
    chat = by_prompt(support=reply)
    verdicts, _ = judge(chat, "寺庙建于1602年。", "山上有松树。", language="zh")
    assert verdicts == [Graded(1.0, 0.875, (Evidence(7, "山顶的寺庙建于1602年"),)), Graded(0.0, 0.25)]
    (request,) = chat.requests
    assert request.prompt.startswith("support/zh@")
    assert "</passages>\n\n陈述：\n1. 寺庙建于1602年。\n2. 山上有松树。\n\n" in request.messages[-1].content
    schema: Any = request.schema
    assert schema["properties"]["2"]["enum"] == ["是", "否"]
    assert schema["properties"]["shown_by"]["properties"]["2"]["properties"]["quote"]["maxLength"] == 20


SHOWN = ', "shown_by": {"1": {"passage": 1, "quote": "2310 metres"}}}'


@pytest.mark.parametrize(
    ("pieces", "probability"),
    [
        (['{"1": "', ("yes", 0.625), '"' + SHOWN], 0.625),
        (['{"1":', (' "yes', 0.625), '"' + SHOWN], 0.625),
        (['{"1', '":"', ("Yes", 0.625), '"' + SHOWN], 0.625),
        (['Here: {"1"', " : ", '"', ("yes", 0.625), '"', SHOWN], 0.625),
        (['{"1": "', ("是", 0.625), '"' + SHOWN], 0.625),  # the word counts, not its language
        (["{", SHOWN[2:-1], ', "1": "', ("yes", 0.625), '"}'], 0.625),
        (['{"1": "', ("yes", 0.625), '", "shown_by": {"1": ', "{", '"passage": 1, "quote": "2310 metres"}}}'], 0.625),
        (['{"1": "', "ye", "s", '"' + SHOWN], 1.0),  # split: none of its tokens is a verdict
        (['{"1": "yes"' + SHOWN], 1.0),
    ],
)
def test_soft_verdicts(pieces: list[str | tuple[str, float]], probability: float) -> None:
    (found,), _ = judge(by_prompt(support=spelled(*pieces)), HIGH)
    assert found == Graded(1.0, probability, (Evidence(4, "2310 metres"),))


def test_a_quote_in_the_form_of_a_verdict_is_none() -> None:
    """Its own quotation marks are escaped in JSON, so it adds no verdict to the claim's own."""
    head, tail = '{"1": "', '", "shown_by": {"1": {"passage": 1, "quote": '
    pieces = [head, ("yes", 0.75), tail + '"{\\"1\\": \\"', ("no", 0.75), '\\"}"}}}']
    reply = spelled(*pieces)
    assert json.loads(reply.text)["shown_by"]["1"]["quote"] == '{"1": "no"}'
    (found,), _ = judge(by_prompt(support=reply, quote=quotes((1, "1871"))), HIGH)
    assert found == Graded(1.0, 0.75, (Evidence(4, "1871"),))


def test_keys_in_another_order() -> None:
    """The verdicts' tokens come in the order of the reply; each goes with its own claim."""
    shown = '"shown_by": {"2": {"quote": "", "passage": 0}, "1": {"quote": "2310 metres", "passage": 1}}'
    pieces = ['{"2": "', ("no", 0.875), f'", {shown}, "1": "', ("yes", 0.75), '"}']
    verdicts, _ = judge(by_prompt(support=spelled(*pieces)), HIGH, LONG)
    assert verdicts == [Graded(1.0, 0.75, (Evidence(4, "2310 metres"),)), Graded(0.0, 0.125)]


def test_the_probability_decides_over_the_word() -> None:
    """A schema can force a word that was less likely."""
    said_no = spelled('{"1": "', ("no", 0.375), '", "shown_by": {"1": {"passage": 1, "quote": "1871"}}}')
    assert judge(by_prompt(support=said_no), HIGH)[0] == [Graded(1.0, 0.625, (Evidence(4, "1871"),))]


def test_where_a_claim_has_no_source_it_is_asked_for() -> None:
    """Without a schema the model names sources for the supported claims alone, or forgets some."""
    reply = table(["yes", "no", "yes"], {"3": {"passage": 1, "quote": "1871"}})
    chat = by_prompt(support=reply, quote=quotes((1, "2310 metres")))
    verdicts, _ = judge(chat, HIGH, LONG, "It was climbed in 1871.")
    assert verdicts == [
        Graded(1.0, 1.0, (Evidence(4, "2310 metres"),)),
        Graded(0.0, 0.0),
        Graded(1.0, 1.0, (Evidence(4, "1871"),)),
    ]
    assert "support:\n1. Mount Arlen is 2310 metres high.\n\nFor" in chat.requests[-1].messages[-1].content


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
        ([(0, "wrong"), (0, "also wrong")], Evidence(None, "also wrong", found=False)),  # no passage is guessed
        ([(0, ""), (0, "")], Evidence(None, "", found=False)),
    ],
)
def test_a_quote_that_is_not_there_is_asked_for_once_more(replies: list[tuple[int, str]], evidence: Evidence) -> None:
    found, asked = verdict(*replies)
    assert found == (supported(evidence))
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


def table(verdicts: Sequence[object], sources: object) -> str:
    """What the prompt `support` asks for, or something like it."""
    return json.dumps({**json.loads(numbered(verdicts)), "shown_by": sources}, ensure_ascii=False)


def with_source(first: object) -> str:
    return table(["yes", "no"], {"1": first, "2": NONE})


NONE: dict[str, object] = {"passage": 0, "quote": ""}
GOOD: dict[str, object] = {"passage": 1, "quote": "1871"}
SOURCES = {"1": GOOD, "2": NONE}
RIGHT = table(["yes", "no"], SOURCES)
UNREADABLE: dict[str, tuple[str | ChatReply, str]] = {
    "empty": ("", "no readable table"),
    "prose": ("Both claims are supported: yes.", "no readable table"),
    "list": (json.dumps(["yes", "no"]), "no readable table"),
    "cut off": (RIGHT[:-9], "no readable table"),
    "cut off and said so": (ChatReply(RIGHT[:-9], "length"), "cut off"),
    "whole, but said to be cut off": (ChatReply(RIGHT, "length"), "cut off"),
    "refused": (ChatReply("I will not.", "refusal"), "refused"),
    "filtered": (ChatReply(RIGHT, "content_filter"), "refused"),
    "one missing": (table(["yes"], SOURCES), "not of 2 claims"),
    "one too many": (table(["yes", "no", "no"], SOURCES), "not of 2 claims"),
    "duplicate": ('{"1": "no", "2": "no", "2": "yes", "shown_by": ' + json.dumps(SOURCES) + "}", "no readable table"),
    "other keys": (json.dumps({"claim 1": "yes", "claim 2": "no", "shown_by": SOURCES}), "not of 2 claims"),
    "nested": (json.dumps({"claims": {"1": "yes", "2": "no"}, "shown_by": SOURCES}), "not of 2 claims"),
    "bare verdicts": (numbered(["yes", "no"]), "without 'shown_by'"),
    "no object of sources": (table(["yes", "no"], [GOOD, NONE]), "without 'shown_by'"),
    "a source too many": (table(["yes", "no"], {**SOURCES, "3": GOOD}), "not for 2 claims"),
    "sources under other keys": (table(["yes", "no"], {"claim 1": GOOD}), "not for 2 claims"),
    "source as text": (with_source("1871"), "claim 1: found '1871', expected a passage and a quote"),
    "NaN": (with_source(GOOD | {"passage": float("nan")}), "no readable table"),
    "infinite": (with_source(GOOD | {"passage": float("inf")}), "no readable table"),
    "no such passage": (with_source(GOOD | {"passage": 4}), "claim 1: there is no passage 4"),
    "negative passage": (with_source(GOOD | {"passage": -1}), "claim 1: there is no passage -1"),
    "passage as a word": (with_source(GOOD | {"passage": "one"}), "claim 1: there is no passage 'one'"),
    "passage as text": (with_source(GOOD | {"passage": "1"}), "claim 1: there is no passage '1'"),
    "passage as float": (with_source(GOOD | {"passage": 1.0}), "claim 1: there is no passage 1.0"),
    "passage as bool": (with_source(GOOD | {"passage": True}), "claim 1: there is no passage True"),
    "no passage": (with_source({"quote": "1871"}), "claim 1: there is no passage None"),
    "quote as number": (with_source(GOOD | {"quote": 1871}), "claim 1: the quote is not a text"),
    "quotes": (with_source(GOOD | {"quote": ["1871"]}), "claim 1: the quote is not a text"),
    "no quote": (with_source({"passage": 1}), "claim 1: the quote is not a text"),
    "maybe": (table(["no", "maybe"], SOURCES), "claim 2: 'maybe' is neither yes nor no"),
    "bool": (table([True, "no"], SOURCES), "claim 1: True is neither yes nor no"),
    "number": (table([1, "no"], SOURCES), "claim 1: 1 is neither yes nor no"),
    "nested verdict": (table([{"supported": "yes"}, "no"], SOURCES), "neither yes nor no"),
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
    assert verdicts == [Graded(1.0, 1.0, (Evidence(4, "1871"),)), Graded(0.0, 0.0)]


def test_further_words_and_keys_do_no_harm() -> None:
    reply = f"My verdicts:\n```json\n{with_source(GOOD | {'why': 'It says so.'})}\n```\nAsk {{me}} for more."
    verdicts, _ = judge(by_prompt(support=reply), HIGH, LONG)
    assert verdicts == [Graded(1.0, 1.0, (Evidence(4, "1871"),)), Graded(0.0, 0.0)]


def test_a_call_that_failed() -> None:
    chat = by_prompt(support=ExecutionError("timed out"))
    assert judge(chat, HIGH, LONG) == ([Abstained("the judge's call failed: timed out")] * 2, Usage())
    assert names(chat) == ["support"]
