"""A text as a list of claims."""

from __future__ import annotations

import re
from typing import cast

from rageval.judges.asking import ATTEMPTS, UnreadableReplyError, ask, asking
from rageval.judges.tables import closed_object
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import prompt_size, reply_size
from rageval.prompts import load_prompt, shown_question
from rageval.text import count_tokens, sentences
from rageval.types import Abstained, Json, Question, Usage

PROMPTS = ("claims",)

_CLAUSE_END = re.compile(r"[，；。！？]|[,;.!?](?=\s|$)|\b(?:and|but|while|whereas)\b")
MOST_CLAIMS = 8
_TOKENS = 256
NUMBER_TOKENS = 2
"""Of what stands before a listed claim."""
# Of a sentence that is a claim.
_FEWEST_TOKENS = 6
_MOST_CLAUSES = 3


async def split_claims(question: Question, text: str, chat: ChatModel) -> tuple[tuple[str, ...] | Abstained, Usage]:
    """The claims of an answer to the question, each once, in one call at most.

    Sentences of up to three clauses are claims and cost no call. A sentence that is too short to be understood alone is
    joined to the next one; the last is joined to the one before. A text that is too short as a whole, or has a longer
    sentence, is split by the model, into at most as many claims as it has clauses, and at most eight: small models pad
    short answers with claims that nobody made, most of all with what the question says.
    """
    found = stated(text)
    if len(found) <= MOST_CLAIMS and all(map(_is_one_claim, found)):
        return tuple(dict.fromkeys(found)), Usage()
    prompt = load_prompt("claims")
    messages = prompt.messages(question.language, {"question": shown_question(question), "answer": text})
    request = ChatRequest(messages, prompt.id(question.language), max_tokens=_TOKENS, schema=_schema(text))
    return await ask(chat, request, _read)


def splitting(sizes: PromptSizes, text: int | None) -> Bound:
    """Returns the most that it takes to split a text of so many tokens into claims."""
    return asking(prompt_size("claims", sizes.language, sizes.question, text))


def claims_size(text: int | None) -> int | None:
    """The claims of a text of so many tokens, numbered: its sentences, or what a model wrote, numbers and all."""
    written = reply_size(ATTEMPTS * _TOKENS)
    return None if text is None else max(text + NUMBER_TOKENS * MOST_CLAIMS, written)


def stated(text: str) -> list[str]:
    """Returns the sentences, with short ones joined to their neighbours."""
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if spans and count_tokens(text[slice(*spans[-1])]) < _FEWEST_TOKENS:
            start = spans.pop()[0]
        spans.append((start, end))
    if len(spans) > 1 and count_tokens(text[slice(*spans[-1])]) < _FEWEST_TOKENS:
        _, end = spans.pop()
        spans.append((spans.pop()[0], end))
    return [text[start:end] for start, end in spans]


def _is_one_claim(text: str) -> bool:
    return count_tokens(text) >= _FEWEST_TOKENS and _clauses(text) <= _MOST_CLAUSES + len(sentences(text)) - 1


def _clauses(text: str) -> int:
    return sum(any(map(str.isalnum, clause)) for clause in _CLAUSE_END.split(text))


def _schema(text: str) -> dict[str, Json]:
    most = min(max(_clauses(text), 1), MOST_CLAIMS)
    return closed_object({"claims": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": most}})


def _read(reply: ChatReply) -> tuple[str, ...]:
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the list of claims was cut off")
    parsed = parse_object(reply.text, {"claims": list})
    if parsed is None:
        raise UnreadableReplyError("the list of claims is unreadable")
    raw = cast("list[Json]", parsed["claims"])
    claims = [claim.strip() for claim in raw if isinstance(claim, str) and claim.strip()]
    if not claims or len(claims) != len(raw):
        raise UnreadableReplyError("the list of claims is empty or holds something other than texts")
    return tuple(dict.fromkeys(claims))
