"""Passages in a list that the chat model orders, window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import Calls, Need, PromptSizes, Resources
from rageval.pipeline.sizes import prompt_size, times
from rageval.prompts import load_prompt, shown_question
from rageval.retrieval.rerankers.base import Reranker
from rageval.text import read_numbers
from rageval.types import Passage, Question

_PROMPT = "order_passages"
_A_NUMBER = 6  # tokens of `[12] > `


@dataclass(frozen=True)
class Listwise(Reranker):
    """The order in which the chat model puts numbered passages: of each `window` passages one call, from the back of
    the list to its front in steps of `step`, so that a good passage moves up through all windows.

    The score is the rank, counted from the last: it orders passages, and says nothing of how good they are. Passages
    that a reply does not name keep their order, behind those that it names. A reply that names none leaves its window
    as it is; the step counts these (`unusable_replies`). Source: RankGPT (Sun et al. 2023, arXiv 2304.09542), with
    windows that fit a context of 4,096 tokens.
    """

    window: int = 8
    step: int = 4

    def __post_init__(self) -> None:
        if self.window < 2:
            raise DeclarationError(f"window: found {self.window}, expected at least 2")
        if not 1 <= self.step < self.window:
            raise DeclarationError(
                f"step: found {self.step}, expected 1 to {self.window - 1}: windows must overlap (window {self.window})"
            )

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float | None]:
        order = [*range(len(passages))]
        for start in self._starts(len(passages)):
            shown = order[start : start + self.window]
            ranks = await self._order(question, [passages[place] for place in shown], resources)
            order[start : start + self.window] = [shown[rank] for rank in ranks]
        scores: list[float | None] = [None] * len(passages)
        for rank, place in enumerate(order):
            scores[place] = float(len(order) - rank)
        return scores

    def needs(self) -> frozenset[Need]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset({_PROMPT})

    def calls(self, passages: int) -> Calls:
        return Calls(0, len(self._starts(passages)))

    def prompt_tokens(self, sizes: PromptSizes) -> int | None:
        most = sizes.context.passages
        each = prompt_size(_PROMPT, sizes.language, sizes.question, sizes.passages(min(most, self.window)), 2)
        return times(self.calls(most).high, each)

    def _starts(self, passages: int) -> list[int]:
        """Where the windows begin, the last one first; none for a single passage."""
        if passages < 2:
            return []
        first = max(passages - self.window, 0)
        return [max(first - self.step * n, 0) for n in range(math.ceil(first / self.step) + 1)]

    async def _order(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[int]:
        prompt, language = load_prompt(_PROMPT), question.language
        fields = {"question": shown_question(question), "last": len(passages)}
        messages = prompt.messages(language, fields, passages=passages)
        request = ChatRequest(messages, prompt.id(language), max_tokens=_A_NUMBER * len(passages))
        reply = await resources.chat.complete(request)
        named = [number - 1 for number in read_numbers(reply.text, len(passages))]
        if not named:
            resources.count("unusable_replies")
        return [*named, *(place for place in range(len(passages)) if place not in named)]
