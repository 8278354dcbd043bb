"""Yes/no questions about the answer as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.judges.asking import ask_yes_no, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.models.base import ChatModel
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import shown_question
from rageval.types import Question, Response


@dataclass(frozen=True)
class AnswerVerdict:
    """One yes/no question about an answer, in one call; its prompt has the judge's name.

    `needs_reference` shows the model the question's reference answers, any of which counts, and asks nothing where
    there are none. An abstention and an empty answer are not sent to the model; the metric knows what they are worth.
    """

    name: str
    summary: str
    needs_reference: bool = False

    @property
    def prompts(self) -> tuple[str, ...]:
        return (self.name,)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        if self.needs_reference and not sizes.references:
            return JudgeBound()
        references = sizes.listed_references if self.needs_reference else 0
        return JudgeBound(asking(prompt_size(self.name, sizes.language, sizes.question, sizes.answer, references)))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer or (self.needs_reference and not question.references):
            return Judged()
        fields = {"question": shown_question(question), "answer": response.answer}
        if self.needs_reference:
            fields["references"] = "\n".join(f"- {reference}" for reference in question.references)
        verdict, usage = await ask_yes_no(chat, self.name, question.language, fields)
        return Judged((Item("answer", 0, response.answer, verdict),), usage)


ANSWER_RELEVANCE = AnswerVerdict("answer_relevance", "Does the answer address what was asked, right or wrong?")
ANSWER_CORRECTNESS = AnswerVerdict("answer_correctness", "Does the answer say what a reference answer says?", True)
COMPLETENESS = AnswerVerdict("completeness", "Does the answer cover everything that was asked?")
HARMLESSNESS = AnswerVerdict("harmlessness", "Is the answer free of anything harmful?")
