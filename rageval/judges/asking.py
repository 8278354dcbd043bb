"""Asks a model for a verdict. An unreadable reply is asked for once more, then becomes an abstention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import word_probability, yes_probability
from rageval.pipeline import Bound
from rageval.prompts import yes_no_request
from rageval.text.languages import Language
from rageval.types import Abstained, Graded, Passage, Usage

T = TypeVar("T")

ATTEMPTS = 2
_SECOND_TEMPERATURE = 0.7
_REFUSALS = frozenset({"refusal", "content_filter"})


def asking(tokens: int | None) -> Bound:
    """Returns the most that `ask` takes for a prompt of so many tokens."""
    return Bound(1, tokens) * ATTEMPTS


class UnreadableReplyError(Exception):
    """A reply in the wrong form. The text says why; this error never leaves the judges."""


async def ask(chat: ChatModel, request: ChatRequest, read: Callable[[ChatReply], T]) -> tuple[T | Abstained, Usage]:
    """Returns what `read` makes of the reply, and what it cost.

    A refusal is never passed to `read`. If the model refuses, or `read` raises `UnreadableReplyError`, the model is
    asked again, at a higher temperature and with twice the token limit. After `ATTEMPTS` such replies the outcome is an
    abstention with the reason and the last reply. A call that failed after its own retries is an abstention at once.
    """
    usage = Usage()
    problem = Abstained("")
    for attempt in range(ATTEMPTS):
        if attempt:
            again = replace(request, sample=attempt, temperature=_SECOND_TEMPERATURE)
            request = replace(
                again, max_tokens=request.max_tokens if request.max_tokens == 1 else 2 * request.max_tokens
            )
        try:
            reply = await chat.complete(request)
        except ExecutionError as error:
            return Abstained(f"the judge's call failed: {error}"), usage
        usage += reply.usage
        try:
            if reply.finish_reason in _REFUSALS:
                raise UnreadableReplyError(f"the model refused (finish reason {reply.finish_reason})")
            return read(reply), usage
        except UnreadableReplyError as error:
            problem = Abstained(str(error), reply.text)
    return problem, usage


async def ask_yes_no(
    chat: ChatModel,
    name: str,
    language: Language,
    fields: Mapping[str, object],
    passages: tuple[Passage, ...] = (),
) -> tuple[Graded | Abstained, Usage]:
    """A yes/no question as a verdict: grade 1 where P(yes) >= 0.5, else 0, with P(yes) beside it.

    The question must be worded so that yes is the good answer. A reply that is neither yes nor no is an abstention,
    never a grade, however likely either word was.
    """
    return await ask(chat, yes_no_request(name, language, fields, passages), _read_yes_no)


def verdict_of(probability: float) -> Graded:
    """Grade 1 from P(yes) 0.5 on, else 0."""
    return Graded(1.0 if probability >= 0.5 else 0.0, round(probability, 6))


def _read_yes_no(reply: ChatReply) -> Graded:
    probability = yes_probability(reply)
    if probability is None or word_probability(reply.text) is None:
        raise UnreadableReplyError("neither yes nor no")
    return verdict_of(probability)
