"""Passages one by one, by the chat model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from rageval.pipeline import Calls, Need, PromptSizes, Resources
from rageval.pipeline.grading import GRADE_PASSAGE, grade_passages, grading_size
from rageval.prompts import Prompt
from rageval.prompts.own import OwnPrompt
from rageval.retrieval.rerankers.base import Reranker
from rageval.types import Passage, Question


@dataclass(frozen=True)
class Pointwise(Reranker):
    """P(yes) of the chat model to whether the passage helps to answer the question, one call each.

    A passage whose reply cannot be read has no score. `prompt` replaces `grade_passage`. Source: Nogueira et al. 2020
    (monoT5), arXiv 2003.06713, with a general model in place of a trained one.
    """

    prompt: Annotated[Prompt, OwnPrompt(GRADE_PASSAGE)] | None = None

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float | None]:
        return await grade_passages(question, passages, resources.chat, self.prompt or GRADE_PASSAGE)

    def needs(self) -> frozenset[Need]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset({GRADE_PASSAGE})

    def calls(self, passages: int) -> Calls:
        return Calls(0, passages)

    def prompt_tokens(self, sizes: PromptSizes) -> int | None:
        return grading_size(sizes, self.prompt or GRADE_PASSAGE)
