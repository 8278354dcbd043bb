"""Does the answer address the question? Does each passage help?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from rageval.judges.base import Item, Judged, ask_yes_no
from rageval.models.base import ChatModel
from rageval.types import Question, Response, Usage


@dataclass(frozen=True)
class AnswerRelevance:
    """One yes/no question about the answer: does it address what was asked, right or wrong?

    Direct grading in place of RAGAS's generated questions: one call instead of four. An abstention is not sent to the
    model; the metric knows what it is worth.
    """

    name: ClassVar[str] = "answer_relevance"
    prompts: ClassVar[tuple[str, ...]] = ("answer_relevance",)

    @staticmethod
    def calls(passages: int) -> tuple[int, int]:
        return 0, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        verdict, usage = await ask_yes_no(
            chat, "answer_relevance", question.language, {"question": question.text, "answer": response.answer}
        )
        return Judged((Item("answer", 0, response.answer, verdict),), usage)


@dataclass(frozen=True)
class PassageRelevance:
    """One yes/no question per passage of the context, each passage judged alone.

    Alone, so that neither rank nor neighbours sway the verdict, and so that the verdict on a passage is paid for once
    however many pipelines find it.
    """

    name: ClassVar[str] = "passage_relevance"
    prompts: ClassVar[tuple[str, ...]] = ("passage_relevance",)

    @staticmethod
    def calls(passages: int) -> tuple[int, int]:
        return 0, passages

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        passages = response.context_passages
        verdicts = await asyncio.gather(
            *(
                ask_yes_no(chat, "passage_relevance", question.language, {"question": question.text}, (passage,))
                for passage in passages
            )
        )
        items = tuple(
            Item("passage", position, passage.id, verdict)
            for position, passage, (verdict, _) in zip(response.context, passages, verdicts, strict=True)
        )
        return Judged(items, sum((usage for _, usage in verdicts), Usage()))
