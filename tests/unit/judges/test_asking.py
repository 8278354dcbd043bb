"""Asking once more, and then no more."""

import asyncio
import math
from typing import Any

import pytest

from rageval.errors import ExecutionError, ModelError
from rageval.judges.asking import UnreadableReplyError, ask, ask_yes_no, verdict_of
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Usage
from tests.unit.scripts import by_prompt, one_token, p_yes

REQUEST = ChatRequest((Message("user", "Count."),), "count/en@1", max_tokens=10)


def read_number(reply: ChatReply) -> int:
    if not reply.text.isdigit():
        raise UnreadableReplyError(f"no number: {reply.text}")
    return int(reply.text)


def count(*replies: Any, request: ChatRequest = REQUEST) -> tuple[Any, Usage, list[ChatRequest]]:
    chat = by_prompt(count=[*replies])
    outcome, usage = asyncio.run(ask(chat, request, read_number))
    return outcome, usage, chat.requests


def test_a_reply_that_can_be_read_is_asked_for_once() -> None:
    assert count("7") == (7, Usage(calls=1), [REQUEST])


def test_the_second_request_is_another_draw_with_more_room() -> None:
    outcome, usage, (first, second) = count(
        ChatReply("well", usage=Usage(1, 0, 20, 5, 3)), ChatReply("7", usage=Usage(0, 1, 0, 0, 0))
    )
    assert (outcome, usage) == (7, Usage(1, 1, 20, 5, 3))
    assert (first.temperature, first.sample, first.max_tokens) == (0.0, 0, 10)
    assert (second.temperature, second.sample, second.max_tokens) == (0.7, 1, 20)
    assert (second.messages, second.prompt, second.schema) == (first.messages, first.prompt, first.schema)


def test_after_two_unreadable_replies_the_last_one_is_kept() -> None:
    outcome, usage, requests = count("well", "hm")
    assert (outcome, usage, len(requests)) == (Abstained("no number: hm", "hm"), Usage(calls=2), 2)


def test_one_word_stays_one_word() -> None:
    _, _, (_, second) = count("well", "7", request=ChatRequest(REQUEST.messages, "count/en@1", max_tokens=1))
    assert second.max_tokens == 1


@pytest.mark.parametrize("replies", [[ExecutionError("gone")], ["well", ExecutionError("gone")]])
def test_a_call_that_failed_is_an_abstention_at_once(replies: list[Any]) -> None:
    outcome, usage, requests = count(*replies)
    assert outcome == Abstained("the judge's call failed: gone")
    assert (usage.calls, len(requests)) == (len(replies) - 1, len(replies))


def test_where_no_call_can_succeed_the_run_stops() -> None:
    with pytest.raises(ModelError, match="no key"):
        count(ModelError("no key"))


@pytest.mark.parametrize("finish_reason", ["refusal", "content_filter"])
def test_a_refusal_is_not_read_whatever_it_says(finish_reason: str) -> None:
    assert count(ChatReply("7", finish_reason), "8")[0] == 8
    outcome, _, _ = count(ChatReply("7", finish_reason), ChatReply("8", finish_reason))
    assert outcome == Abstained(f"the model refused (finish reason {finish_reason})", "8")


@pytest.mark.parametrize(("probability", "grade"), [(1.0, 1.0), (0.5, 1.0), (0.4999, 0.0), (0.0, 0.0), (2 / 3, 1.0)])
def test_half_is_yes(probability: float, grade: float) -> None:
    found = verdict_of(probability)
    assert (found.grade, found.probability) == (grade, pytest.approx(probability, abs=5e-7))


def yes_no(*replies: Any) -> tuple[Graded | Abstained, ScriptedChat]:
    chat = by_prompt(completeness=[*replies])
    verdict, _ = asyncio.run(ask_yes_no(chat, "completeness", "en", {"question": "What?", "answer": "That."}))
    return verdict, chat


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (p_yes(0.75), Graded(1.0, 0.75)),
        (p_yes(0.5), Graded(1.0, 0.5)),
        (p_yes(0.125), Graded(0.0, 0.125)),
        ("Yes.", Graded(1.0, 1.0)),
        ("否", Graded(0.0, 0.0)),
        (ChatReply("no", "length"), Graded(0.0, 0.0)),  # one word of one: nothing was lost
        (ExecutionError("timed out"), Abstained("the judge's call failed: timed out")),
    ],
)
def test_yes_or_no(reply: Any, verdict: Graded | Abstained) -> None:
    found, chat = yes_no(reply)
    assert found == verdict
    (request,) = chat.requests
    assert (request.max_tokens, request.top_logprobs, request.schema) == (1, 20, None)


I_CANNOT = one_token("I", ("I", math.log(0.99)), ("no", math.log(0.004)), ("yes", math.log(0.001)))


@pytest.mark.parametrize("reply", ["It depends", "", "yes and no", "1", "true", '{"verdict": "yes"}', "oui", I_CANNOT])
def test_neither_yes_nor_no(reply: Any) -> None:
    """Also where the model would have said no sooner than yes, had it not said something else."""
    text = reply if isinstance(reply, str) else reply.text
    found, chat = yes_no(reply, reply)
    assert found == Abstained("neither yes nor no", text)
    assert len(chat.requests) == 2
    assert yes_no(reply, p_yes(0.25))[0] == Graded(0.0, 0.25)
