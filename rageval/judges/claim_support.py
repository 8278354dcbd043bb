"""Does the context support what the answer claims?"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import ClassVar, cast

from rageval.judges.base import Item, Judged, ask, ask_yes_no
from rageval.judges.evidence import nearest_sentence
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.prompts import load_prompt
from rageval.types import Abstained, Graded, Json, Question, Response, Usage

_CLAUSE_END = re.compile(r"[，；。！？]|[,;.!?](?=\s|$)|\b(?:and|but|while|whereas)\b")
_MOST_CLAIMS = 8


@dataclass(frozen=True)
class ClaimSupport:
    """Split the answer into claims (one call), then ask of each whether it follows from the passages (one call each).

    There may be as many claims as the answer has clauses, up to eight: small models pad short answers with claims that
    nobody made. An abstention has no claims and costs nothing. Where the claims cannot be read, the answer as a whole
    gets one abstained verdict. Source: the two steps of RAGAS faithfulness (Es et al. 2023, arXiv 2309.15217), with the
    verdict read as P(yes) instead of as text.
    """

    name: ClassVar[str] = "claim_support"
    prompts: ClassVar[tuple[str, ...]] = ("claims", "claim_support")

    @staticmethod
    def calls(passages: int) -> tuple[int, int]:
        return 0, 9

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        claims, usage = await _claims(question, response.answer, chat)
        if isinstance(claims, Abstained):
            return Judged((Item("answer", 0, response.answer, claims),), usage)
        if not response.context:
            verdict = Graded(0.0, rationale="there is no context that could support it")
            return Judged(tuple(Item("claim", i, claim, verdict) for i, claim in enumerate(claims)), usage)
        verdicts = await asyncio.gather(
            *(
                ask_yes_no(chat, "claim_support", question.language, {"claim": claim}, response.context_passages)
                for claim in claims
            )
        )
        passages = list(zip(response.context, response.context_passages, strict=True))
        items: list[Item] = []
        for index, (claim, (verdict, cost)) in enumerate(zip(claims, verdicts, strict=True)):
            usage = usage + cost
            if isinstance(verdict, Graded) and verdict.grade == 1.0:
                verdict = replace(verdict, evidence=nearest_sentence(claim, passages))
            items.append(Item("claim", index, claim, verdict))
        return Judged(tuple(items), usage)


async def _claims(question: Question, answer: str, chat: ChatModel) -> tuple[list[str] | Abstained, Usage]:
    prompt = load_prompt("claims")
    messages = prompt.messages(question.language, {"question": question.text, "answer": answer})
    request = ChatRequest(messages, prompt.id(question.language), max_tokens=256, schema=_schema(answer))
    reply = await ask(chat, request)
    if isinstance(reply, Abstained):
        return reply, Usage()
    return _read_claims(reply), reply.usage


def _schema(answer: str) -> dict[str, Json]:
    clauses = sum(any(map(str.isalnum, clause)) for clause in _CLAUSE_END.split(answer))
    most = min(max(clauses, 1), _MOST_CLAIMS)
    return {
        "type": "object",
        "properties": {"claims": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": most}},
        "required": ["claims"],
        "additionalProperties": False,
    }


def _read_claims(reply: ChatReply) -> list[str] | Abstained:
    if reply.finish_reason == "length":
        return Abstained("the list of claims was cut off", reply.text)
    parsed = parse_object(reply.text, {"claims": list})
    if parsed is None:
        return Abstained("the list of claims is unreadable", reply.text)
    raw = cast("list[Json]", parsed["claims"])
    claims = [claim.strip() for claim in raw if isinstance(claim, str) and claim.strip()]
    if not claims or len(claims) != len(raw):
        return Abstained("the list of claims is empty or holds something other than texts", reply.text)
    return list(dict.fromkeys(claims))
