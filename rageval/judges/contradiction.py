"""Does the context contradict what the answer says, which is more than not supporting it?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rageval.judges import claim_list
from rageval.judges.asking import asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.claim_list import claims_size, split_claims, splitting
from rageval.judges.evidence import Context, nearest_sentence
from rageval.judges.tables import ask_each
from rageval.models.base import ChatModel
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.text.languages import ByLanguage, Language
from rageval.types import Abstained, Graded, Json, Question, Response, Verdict

_PROMPT = "contradiction"
_WORDS = ByLanguage({"en": ("open", "supported", "contradicted"), "zh": ("未提", "支持", "矛盾")})
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class ClaimContradiction:
    """Is each claim of the answer contradicted by the context? Grade 1 where it is, 0 where the context supports it or
    leaves it open.

    One call for all claims, after one that splits the answer where its sentences will not do (shared with the other
    judges of claims). Of a contradicted claim, the sentence with the most of its words is the evidence. An abstention
    has no claims, and without context nothing is contradicted.
    """

    name: str = "claim_contradiction"
    summary: str = "Does the context contradict each claim of the answer?"
    prompts: tuple[str, ...] = (*claim_list.PROMPTS, _PROMPT)
    splits: int = 1
    settings: Mapping[str, Json] = field(default_factory=lambda: {"claims": "sentences"})

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        asked = prompt_size(_PROMPT, sizes.language, claims_size(sizes.answer), sizes.passages())
        return JudgeBound(asking(asked), splitting(sizes, sizes.answer))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        claims, usage = await split_claims(question, response.answer, chat)
        if isinstance(claims, Abstained):
            return Judged((Item("claims", 0, response.answer, claims),), usage)
        verdicts: Sequence[Verdict] = [Graded(0.0, rationale="there is no context that could contradict it")] * len(
            claims
        )
        context: Context = list(zip(response.context, response.context_passages, strict=True))
        if context:
            language = question.language
            listed = "\n".join(f"{number}. {_BLANK.sub(' ', claim)}" for number, claim in enumerate(claims, 1))
            passages = [passage for _, passage in context]
            said, cost = await ask_each(
                chat, _PROMPT, language, {"claims": listed}, _WORDS[language], len(claims), passages
            )
            usage += cost
            verdicts = (
                [said] * len(claims)
                if isinstance(said, Abstained)
                else [_verdict(one.word, claim, context, language) for one, claim in zip(said, claims, strict=True)]
            )
        items = (Item("claim", i, claim, v) for i, (claim, v) in enumerate(zip(claims, verdicts, strict=True)))
        return Judged(tuple(items), usage)


def _verdict(word: str, claim: str, context: Context, language: Language) -> Graded:
    verdict = Graded(float(word == _WORDS[language][-1]), rationale=word)
    shown = nearest_sentence(claim, context, language) if verdict.grade else None
    return verdict if shown is None else replace(verdict, evidence=(shown,))
