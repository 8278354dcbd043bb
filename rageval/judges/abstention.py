"""Does an answer abstain, where its words do not settle that?"""

from __future__ import annotations

from dataclasses import dataclass

from rageval.judges.asking import ask_yes_no, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.models.base import ChatModel
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import shown_question
from rageval.types import Abstained, Graded, Question, Response, Verdict


@dataclass(frozen=True)
class Abstention:
    """One yes/no question, in one call, about an answer of which the words do not tell whether it abstains.

    The model is asked whether the answer gives any of the information; grade 1 means that it gives none, and the
    probability is that of "no". Any other response is not sent to the model.
    """

    name: str = "abstention"
    summary: str = "Does the answer say only that it cannot answer? Asked where its words leave that open."
    prompts: tuple[str, ...] = ("abstention",)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return JudgeBound(asking(prompt_size("abstention", sizes.language, sizes.question, sizes.answer)))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained is not None or not response.answer:
            return Judged()
        fields = {"question": shown_question(question), "answer": response.answer}
        verdict, usage = await ask_yes_no(chat, "abstention", question.language, fields)
        return Judged((Item("answer", 0, response.answer, _turned(verdict)),), usage)


def _turned(verdict: Verdict) -> Verdict:
    """Whether it abstains, from whether it gives information."""
    if isinstance(verdict, Abstained):
        return verdict
    probability = verdict.probability
    return Graded(1.0 - verdict.grade, None if probability is None else round(1.0 - probability, 6))
