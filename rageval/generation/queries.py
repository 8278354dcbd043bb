"""Stages that change what is searched with: rewritten questions and hypothetical answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import (
    NO_CONTEXT,
    Calls,
    ContextSize,
    Need,
    PromptSizes,
    Query,
    Resources,
    Stage,
    State,
    complete_all,
)
from rageval.pipeline.sizes import prompt_size, times
from rageval.prompts import load_prompt
from rageval.text import count_tokens, reply_lines
from rageval.types import Usage


@dataclass(frozen=True)
class RewriteQueries(Stage):
    """Add `n` rewritten questions, written in one call, to the queries; the question itself stays the first.

    Empty and repeated lines are dropped, so there may be fewer than n. Source: RAG-Fusion (Rackauckas 2024,
    arXiv 2402.03367).
    """

    n: int = 3
    temperature: float = 0.0
    prompts: ClassVar[tuple[str, ...]] = ("rewrite_queries",)

    def __post_init__(self) -> None:
        _require_positive("n", self.n)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return prompt_size("rewrite_queries", sizes.language, sizes.question, count_tokens(str(self.n)))

    async def run(self, state: State, resources: Resources) -> State:
        language = state.question.language
        prompt = load_prompt("rewrite_queries")
        messages = prompt.messages(language, {"question": state.question.text, "n": self.n})
        reply = await resources.chat.complete(
            ChatRequest(messages, prompt.id(language), max_tokens=40 * self.n, temperature=self.temperature)
        )
        written = [line for line in reply_lines(reply.text) if line != state.question.text][: self.n]
        queries = (*state.queries, *(Query(text) for text in written))
        return replace(state, queries=queries).with_step("rewrite_queries", reply.usage, queries=[*written])


@dataclass(frozen=True)
class WriteHypotheticalAnswers(Stage):
    """Add `n` hypothetical answers to the queries, to be searched with beside the question.

    With n = 1 the answer is written at temperature 0, with more at `temperature`, one sample each. Source: HyDE
    (Gao et al. 2022, arXiv 2212.10496).
    """

    n: int = 1
    temperature: float = 0.7
    max_tokens: int = 96
    prompts: ClassVar[tuple[str, ...]] = ("hypothetical_answer",)

    def __post_init__(self) -> None:
        _require_positive("n", self.n)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(self.n, self.n)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return times(self.n, prompt_size("hypothetical_answer", sizes.language, sizes.question))

    async def run(self, state: State, resources: Resources) -> State:
        language = state.question.language
        prompt = load_prompt("hypothetical_answer")
        messages = prompt.messages(language, {"question": state.question.text})
        temperature = 0.0 if self.n == 1 else self.temperature
        replies = await complete_all(
            resources.chat,
            [
                ChatRequest(messages, prompt.id(language), self.max_tokens, temperature, sample=sample)
                for sample in range(self.n)
            ],
        )
        written = [reply.text.strip() for reply in replies if reply.text.strip()]
        queries = (*state.queries, *(Query(text, "passage") for text in written))
        usage = sum((reply.usage for reply in replies), Usage())
        return replace(state, queries=queries).with_step("hypothetical_answers", usage, documents=[*written])


def _require_positive(name: str, value: int) -> None:
    if value < 1:
        raise DeclarationError(f"{name}: found {value}, expected at least 1")
