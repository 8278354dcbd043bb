"""The claim matrix: claims of the answer and of the reference against the passages and against each other.

The answer as a whole is judged before its claims, in the same call: a small model can tell whether an answer is
supported, but not always which part of it is not (docs/decisions/0005).

Source: the two steps of RAGAS faithfulness (Es et al. 2023, arXiv 2309.15217), and RAGChecker (Ru et al. 2024, arXiv
2408.08067) for the rest of the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rageval.judges import claim_list, support
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.claim_list import NUMBER_TOKENS, claims_size, split_claims, splitting
from rageval.judges.evidence import Context
from rageval.judges.support import judge_support, supporting
from rageval.models.base import ChatModel
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import passage_size, total
from rageval.types import Abstained, Graded, Json, Passage, Question, Response, Verdict

_PROMPTS = (*claim_list.PROMPTS, *support.PROMPTS)
# What the prompts do not say of a judge: how a text becomes claims, and how the words that show a claim are found.
_SETTINGS: Mapping[str, Json] = {"claims": "sentences", "evidence": "nearest sentence"}


@dataclass(frozen=True)
class ClaimSupport:
    """Is the answer supported by the context, and each of its claims? One call judges all, after one that splits the
    answer where its sentences will not do.

    Of an answer that is one claim there is no verdict but that one. An abstention has no claims and costs nothing.
    Without context nothing is supported.
    """

    name: str = "claim_support"
    summary: str = "Is the answer, and each of its claims, supported by the context?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 1
    settings: Mapping[str, Json] = field(default_factory=lambda: _SETTINGS)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return _bound_of_text(sizes, sizes.answer, sizes.passages(), whole=True)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        return await _judge_text("claim", question, response.answer, _context(response), chat, whole=True)


@dataclass(frozen=True)
class ReferenceSupport:
    """Is each claim of the reference answer supported by the context? All pipelines share the claims.

    The reference is the question's first. Nothing is judged where there is none.
    """

    name: str = "reference_support"
    summary: str = "Is each claim of the reference answer supported by the context?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 1
    settings: Mapping[str, Json] = field(default_factory=lambda: _SETTINGS)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return _bound_of_text(sizes, sizes.references[0], sizes.passages()) if sizes.references else JudgeBound()

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if not question.references:
            return Judged()
        return await _judge_text("reference_claim", question, question.references[0], _context(response), chat)


@dataclass(frozen=True)
class ClaimAgreement:
    """Does each claim of the answer follow from the reference, and each of the reference from the answer?

    At most four calls, two of which split the texts and are shared with the other judges of claims. Returns no items if
    there is no reference, no answer, or an abstention.
    """

    name: str = "claim_agreement"
    summary: str = "Does each claim of the answer follow from the reference, and each of the reference from the answer?"
    prompts: tuple[str, ...] = _PROMPTS
    splits: int = 2
    settings: Mapping[str, Json] = field(default_factory=lambda: _SETTINGS)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 4

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        if not sizes.references:
            return JudgeBound()
        answer, reference = sizes.answer, sizes.references[0]
        right = _bound_of_text(sizes, answer, passage_size(reference))
        made = _bound_of_text(sizes, reference, passage_size(answer))
        return JudgeBound(right.each + made.each, right.once + made.once)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer or not question.references:
            return Judged()
        answer, reference = response.answer, question.references[0]
        right = await _judge_text("claim", question, answer, _alone(reference), chat)
        made = await _judge_text("reference_claim", question, reference, _alone(answer), chat)
        return Judged(right.items + made.items, right.usage + made.usage)


def _bound_of_text(sizes: PromptSizes, text: int | None, context: int | None, *, whole: bool = False) -> JudgeBound:
    """Returns the most calls that `_judge_text` takes for a text and a context of so many tokens; all raters share the
    splitting.
    """
    claims = total(claims_size(text), *([text, NUMBER_TOKENS] if whole else []))
    each = supporting(sizes, claims, context) if context != 0 else Bound()
    return JudgeBound(each, splitting(sizes, text))


async def _judge_text(
    kind: str, question: Question, text: str, context: Context, chat: ChatModel, *, whole: bool = False
) -> Judged:
    """Returns a verdict per claim, or one abstained verdict on the whole text if its claims cannot be read.

    With `whole` and more than one claim, an item `answer` with the verdict on the whole text comes first.
    """
    claims, usage = await split_claims(question, text, chat)
    if isinstance(claims, Abstained):
        return Judged((Item(f"{kind}s", 0, text, claims),), usage)
    before = [text] if whole and len(claims) > 1 else []
    listed = [*before, *claims]
    verdicts: Sequence[Verdict] = [Graded(0.0, rationale="there is no context that could support it")] * len(listed)
    if context:
        verdicts, cost = await judge_support(listed, context, question.language, chat, whole=len(before))
        usage += cost
    items = [Item(kind, i, claim, v) for i, (claim, v) in enumerate(zip(claims, verdicts[len(before) :], strict=True))]
    if before:
        items.insert(0, Item("answer", 0, text, verdicts[0]))
    return Judged(tuple(items), usage)


def _context(response: Response) -> Context:
    return list(zip(response.context, response.context_passages, strict=True))


def _alone(text: str) -> Context:
    return [(0, Passage("", 0, len(text), text))]
