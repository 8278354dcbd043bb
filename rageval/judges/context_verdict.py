"""Yes/no questions about the question and its context as a whole, whatever the answer."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.judges.asking import ask_yes_no, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.models.base import ChatModel
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import shown_question
from rageval.types import Graded, Question, Response


@dataclass(frozen=True)
class ContextVerdict:
    """One yes/no question about a question and the passages that were read, in one call; its prompt has the judge's
    name. The answer is not shown.

    With fewer than `fewest` passages nothing is asked: `of_fewer` is the verdict, None where there is none.
    """

    name: str
    summary: str
    fewest: int
    of_fewer: Graded | None

    @property
    def prompts(self) -> tuple[str, ...]:
        return (self.name,)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        if sizes.context.passages < self.fewest:
            return JudgeBound()
        return JudgeBound(asking(prompt_size(self.name, sizes.language, sizes.question, sizes.passages())))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        passages = response.context_passages
        if len(passages) < self.fewest:
            return Judged() if self.of_fewer is None else Judged((Item("context", 0, "", self.of_fewer),))
        fields = {"question": shown_question(question)}
        verdict, usage = await ask_yes_no(chat, self.name, question.language, fields, passages)
        return Judged((Item("context", 0, "", verdict),), usage)


CONTEXT_AGREEMENT = ContextVerdict(
    "context_agreement", "Do the passages of the context agree with each other?", 2, None
)
SUFFICIENT_CONTEXT = ContextVerdict(
    "sufficient_context",
    "Is the context enough to answer the question?",
    1,
    Graded(0.0, rationale="there is no context"),
)
