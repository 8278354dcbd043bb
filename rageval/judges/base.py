"""A judge is an instrument: it looks at one question's response and writes judgments. Metrics read them later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import yes_probability
from rageval.prompts import yes_no_request
from rageval.types import Abstained, Graded, Language, Passage, Question, Response, Usage, Verdict


@dataclass(frozen=True, slots=True)
class Item:
    """One thing judged and the verdict on it; see `Judgment` for the words."""

    item: str
    index: int
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """All that one judge said about one response. No items where there was nothing to judge."""

    items: tuple[Item, ...] = ()
    usage: Usage = Usage()


class Judge(Protocol):
    """An instrument. `name` is what metrics ask for; `prompts` are part of its fingerprint.

    `calls` says how many model calls one response with `passages` passages takes, at least and at most. `judge` never
    raises for a reply that it cannot use: that is an `Abstained` verdict.
    """

    name: ClassVar[str]
    prompts: ClassVar[tuple[str, ...]]

    @staticmethod
    def calls(passages: int) -> tuple[int, int]: ...

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged: ...


async def ask(chat: ChatModel, request: ChatRequest) -> ChatReply | Abstained:
    """The reply, or an abstention that says why the call failed after its retries."""
    try:
        return await chat.complete(request)
    except ExecutionError as error:
        return Abstained(f"the judge's call failed: {error}")


async def ask_yes_no(
    chat: ChatModel,
    name: str,
    language: Language,
    fields: Mapping[str, object],
    passages: tuple[Passage, ...] = (),
) -> tuple[Graded | Abstained, Usage]:
    """A yes/no question as a verdict: grade 1 where P(yes) >= 0.5, else 0, with P(yes) beside it.

    The question is put so that yes is good. A reply that is neither yes nor no is an abstention, never a grade.
    """
    reply = await ask(chat, yes_no_request(name, language, fields, passages))
    if isinstance(reply, Abstained):
        return reply, Usage()
    probability = yes_probability(reply)
    if probability is None:
        return Abstained("neither yes nor no", reply.text), reply.usage
    return Graded(1.0 if probability >= 0.5 else 0.0, round(probability, 6)), reply.usage
