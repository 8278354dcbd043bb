"""Asking the chat model of each passage whether it helps to answer the question."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.models.base import ChatModel
from rageval.models.structured import yes_probability
from rageval.pipeline.sizes import PromptSizes, prompt_size, times
from rageval.pipeline.stage import complete_all
from rageval.prompts import Prompt, shown_question, yes_no_request
from rageval.types import Passage, Question

GRADE_PASSAGE = "grade_passage"


def grading_size(sizes: PromptSizes, prompt: str | Prompt = GRADE_PASSAGE) -> int | None:
    """Estimated tokens, at most, of all prompts for grading the passages of the context."""
    each = prompt_size(prompt, sizes.language, sizes.question, sizes.passage)
    return times(sizes.context.passages, each)


async def grade_passages(
    question: Question, passages: Sequence[Passage], chat: ChatModel, prompt: str | Prompt = GRADE_PASSAGE
) -> list[float | None]:
    """P(yes) of each passage, in order, by one call each; None where the reply cannot be read."""
    fields = {"question": shown_question(question)}
    requests = [yes_no_request(prompt, question.language, fields, (passage,)) for passage in passages]
    return [yes_probability(reply) for reply in await complete_all(chat, requests)]
