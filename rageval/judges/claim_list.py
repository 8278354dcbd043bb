"""A text as a list of claims."""

from __future__ import annotations

import re
from typing import cast

from rageval.judges.asking import UnreadableReplyError, ask
from rageval.judges.tables import closed_object
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.prompts import load_prompt
from rageval.text import count_tokens, sentences
from rageval.types import Abstained, Json, Question, Usage

PROMPTS = ("claims",)

_CLAUSE_END = re.compile(r"[，；。！？]|[,;.!?](?=\s|$)|\b(?:and|but|while|whereas)\b")
MOST_CLAIMS = 8
# Of a sentence that is a claim as it stands.
_FEWEST_TOKENS = 6
_MOST_CLAUSES = 3


async def split_claims(question: Question, text: str, chat: ChatModel) -> tuple[tuple[str, ...] | Abstained, Usage]:
    """The claims of an answer to the question, each once, in one call at most.

    A sentence of up to three clauses is one claim and costs no call; one that is too short to be understood without the
    question is asked about all the same. There may be as many claims as the text has clauses, up to eight. Both because
    small models pad short answers with claims that nobody made, most of all with what the question says.
    """
    if _is_one_claim(text):
        return (text.strip(),), Usage()
    prompt = load_prompt("claims")
    messages = prompt.messages(question.language, {"question": question.text, "answer": text})
    request = ChatRequest(messages, prompt.id(question.language), max_tokens=256, schema=_schema(text))
    return await ask(chat, request, _read)


def _is_one_claim(text: str) -> bool:
    return count_tokens(text) >= _FEWEST_TOKENS and len(sentences(text)) == 1 and _clauses(text) <= _MOST_CLAUSES


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
