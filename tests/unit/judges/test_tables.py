"""One call, one word for each of several things."""

import asyncio
import json
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges.tables import Said, ask_each
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Language, Passage
from tests.unit.scripts import by_prompt, numbered, spelled, verdict_table

PASSAGES = [Passage("a", 0, 3, "One"), Passage("b", 0, 3, "Two")]


def ask(
    chat: ScriptedChat, language: Language = "en", words: tuple[str, ...] = ("yes", "no")
) -> list[Said] | Abstained:
    fields = {"question": "What is k1?", "last": 2}
    return asyncio.run(ask_each(chat, "passage_relevance", language, fields, words, 2, PASSAGES))[0]


def said(*replies: Any, language: Language = "en", words: tuple[str, ...] = ("yes", "no")) -> Any:
    """The words and their probabilities, to nine places, after these replies, all of which must have been needed."""
    chat = by_prompt(passage_relevance=[*replies])
    outcome = ask(chat, language, words)
    assert len(chat.requests) == len(replies)
    if isinstance(outcome, Abstained):
        return outcome
    return [(one.word, None if one.probability is None else round(one.probability, 9)) for one in outcome]


def test_what_is_asked() -> None:
    chat = by_prompt(passage_relevance=verdict_table(0.9, 0.1))
    ask(chat)
    (request,) = chat.requests
    assert request.messages[-1].content.startswith("<passages>\n[1] One\n[2] Two\n</passages>\n\nQuestion: What is k1?")
    assert "every number from 1 to 2" in request.messages[-1].content
    word = {"type": "string", "enum": ["yes", "no"]}
    assert request.schema == {
        "type": "object",
        "properties": {"1": word, "2": word},
        "required": ["1", "2"],
        "additionalProperties": False,
    }
    assert request.top_logprobs == 10
    assert request.max_tokens > len('{"1": "yes", "2": "yes"}')  # more than one token for each of its characters


def test_p_yes_is_read_at_each_verdict() -> None:
    assert said(verdict_table(0.9, 0.25)) == [("yes", 0.9), ("no", 0.25)]
    found = said(verdict_table(0.125, 0.75, language="zh"), language="zh", words=("是", "否"))
    assert found == [("否", 0.125), ("是", 0.75)]


def test_keys_in_another_order_are_sorted_with_their_probabilities() -> None:
    reply = spelled('{"2": "', ("no", 0.75), '", "1": "', ("yes", 0.625), '"}')
    assert said(reply) == [("yes", 0.625), ("no", 0.25)]


@pytest.mark.parametrize(
    "reply",
    [
        '{"1": "yes", "2": "no"}',
        '```json\n{\n  "1": "yes",\n  "2": "no"\n}\n```',
        'Sure! Here you are: {"1": "yes", "2": "no"}. I hope that {helps}.',
        '{"1": " Yes", "2": "NO "}',
        verdict_table(0.9, 0.1, 0.9),  # one too many is no better for being soft: the second reply is read
    ],
)
def test_hard_verdicts_where_there_are_no_soft_ones(reply: Any) -> None:
    replies = [reply, '{"1": "yes", "2": "no"}'] if isinstance(reply, ChatReply) else [reply]
    assert said(*replies) == [("yes", None), ("no", None)]


def test_a_probability_that_cannot_be_told_is_none_and_shifts_no_other() -> None:
    """The first verdict is split over two tokens; tokens of prose with a verdict's form give one verdict too many."""
    assert said(spelled('{"1": "', "y", "es", '", "2": "', ("no", 0.75), '"}')) == [
        ("yes", None),
        ("no", 0.25),
    ]
    stray = spelled('As in "1": "', ("no", 0.75), '": {"1": "', ("yes", 0.75), '", "2": "', ("yes", 0.75), '"}')
    assert said(stray) == [("yes", None), ("yes", None)]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "unreadable, or not 2"),
        ("yes, no", "unreadable, or not 2"),
        ('["yes", "no"]', "unreadable, or not 2"),
        ('{"1": "yes", "2": "n', "unreadable, or not 2"),
        (ChatReply('{"1": "yes", "2": "n', "length"), "cut off"),
        (ChatReply('{"1": "yes", "2": "no"}', "length"), "cut off"),
        (ChatReply('{"1": "yes", "2": "no"}', "refusal"), "refused"),
        ('{"1": "yes"}', "unreadable, or not 2"),
        ('{"1": "yes", "3": "no"}', "unreadable, or not 2"),
        ('{"1": "yes", "2": "no", "3": "no"}', "unreadable, or not 2"),
        ('{"1": "yes", "2": "no", "2": "yes"}', "unreadable, or not 2"),
        ('{"0": "yes", "1": "no"}', "unreadable, or not 2"),
        ('{"one": "yes", "two": "no"}', "unreadable, or not 2"),
        ('{"verdicts": {"1": "yes", "2": "no"}}', "unreadable, or not 2"),
        ('{"1": true, "2": false}', "unreadable, or not 2"),
        ('{"1": "yes", "2": NaN}', "unreadable, or not 2"),
        ('{"1": "yes", "2": ["no"]}', "unreadable, or not 2"),
        ('{"1": "yes", "2": null}', "unreadable, or not 2"),
        ('{"1": "yes", "2": "maybe"}', "verdict 2: found 'maybe', expected one of yes, no"),
        ('{"1": "", "2": "no"}', "verdict 1: found '', expected one of yes, no"),
        ('{"1": "oui", "2": "no"}', "verdict 1: found 'oui'"),
        ("I cannot judge that.", "unreadable, or not 2"),
    ],
)
def test_what_cannot_be_read(reply: Any, reason: str) -> None:
    outcome = said(reply, reply)
    assert isinstance(outcome, Abstained)
    assert reason in outcome.reason
    assert outcome.raw == (reply if isinstance(reply, str) else reply.text)
    assert said(reply, numbered(["no", "no"])) == [("no", None)] * 2


def test_a_call_that_failed() -> None:
    assert said(ExecutionError("timed out")) == Abstained("the judge's call failed: timed out")


def test_other_words_have_no_probability() -> None:
    assert said(numbered(["3", "0"]), words=("0", "3")) == [("3", None), ("0", None)]
    assert said(json.dumps({"1": 3, "2": 0}), numbered("00"), words=("0", "3")) == [("0", None)] * 2
