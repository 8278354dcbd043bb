"""The claim matrix: claims of the answer and of the reference against the passages and against each other.

Source: the two steps of RAGAS faithfulness (Es et al. 2023, arXiv 2309.15217), and RAGChecker (Ru et al. 2024, arXiv
2408.08067) for the rest of the matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.judges import claim_list, support
from rageval.judges.base import Item, Judged
from rageval.judges.claim_list import split_claims
from rageval.judges.support import Context, judge_support
from rageval.models.base import ChatModel
from rageval.types import Abstained, Graded, Passage, Question, Response, Verdict

_PROMPTS = (*claim_list.PROMPTS, *support.PROMPTS)


@dataclass(frozen=True)
class ClaimSupport:
    """Is each claim of the answer supported by the context? One call splits the answer, one judges all claims.

    A short sentence is a claim as it stands and needs no splitting. An abstention has no claims and costs nothing.
    Without context nothing is supported.
    """

    name: str = "claim_support"
    summary: str = "Is each claim of the answer supported by the context?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 1

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        return await _judge_text("claim", question, response.answer, _context(response), chat)


@dataclass(frozen=True)
class ReferenceSupport:
    """Is each claim of the reference answer supported by the context? All pipelines share the claims.

    The reference is the question's first. Nothing is judged where there is none.
    """

    name: str = "reference_support"
    summary: str = "Is each claim of the reference answer supported by the context?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 1

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if not question.references:
            return Judged()
        return await _judge_text("reference_claim", question, question.references[0], _context(response), chat)


@dataclass(frozen=True)
class ClaimAgreement:
    """Does each claim of the answer follow from the reference, and each of the reference from the answer?

    At most four calls, two of which split the texts and are shared with the other judges of claims. Nothing is judged
    where there is no reference, no answer, or an abstention.
    """

    name: str = "claim_agreement"
    summary: str = "Does each claim of the answer follow from the reference, and each of the reference from the answer?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 2

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 4

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer or not question.references:
            return Judged()
        answer, reference = response.answer, question.references[0]
        right = await _judge_text("claim", question, answer, _alone(reference), chat)
        made = await _judge_text("reference_claim", question, reference, _alone(answer), chat)
        return Judged(right.items + made.items, right.usage + made.usage)


async def _judge_text(kind: str, question: Question, text: str, context: Context, chat: ChatModel) -> Judged:
    """Where the claims cannot be read, one abstained verdict on the text as a whole."""
    claims, usage = await split_claims(question, text, chat)
    if isinstance(claims, Abstained):
        return Judged((Item(f"{kind}s", 0, text, claims),), usage)
    verdicts: Sequence[Verdict] = [Graded(0.0, rationale="there is no context that could support it")] * len(claims)
    if context:
        verdicts, cost = await judge_support(claims, context, question.language, chat)
        usage += cost
    items = [Item(kind, i, claim, v) for i, (claim, v) in enumerate(zip(claims, verdicts, strict=True))]
    return Judged(tuple(items), usage)


def _context(response: Response) -> Context:
    return list(zip(response.context, response.context_passages, strict=True))


def _alone(text: str) -> Context:
    return [(0, Passage("", 0, len(text), text))]
