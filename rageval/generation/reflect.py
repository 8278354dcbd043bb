"""Self-reflection: decide, retrieve, grade, answer, check, and try again with another query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rageval.errors import DeclarationError
from rageval.generation.answer import Answer, AnswerFromMemory, ask_yes_no, rounded
from rageval.generation.queries import RewriteQueries
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Query, Resources, Shared, Stage, State
from rageval.pipeline.grading import GRADE_PASSAGE, grade_passages, grading_size
from rageval.pipeline.sizes import prompt_size, times, total
from rageval.prompts import shown_question
from rageval.types import Document


@dataclass(frozen=True)
class SelfReflect(Stage):
    """Self-RAG's control flow with a general model in place of reflection tokens.

    1. With `decide`, ask whether retrieval helps; below `threshold` answer from memory.
    2. `retrieve`, and grade each passage of the context by P(yes); passages below `threshold` are dropped from the
       context and moved, in order, behind the kept ones in the ranking.
    3. If none is kept, or the answer is not supported by them, rewrite the query and start again at 2, up to
       `max_retries` times. The last try stands: with nothing kept it abstains.

    An unreadable grade keeps its passage, an unreadable check accepts the answer: neither is invented, both are
    recorded in the steps as null. Source: Asai et al. 2023, arXiv 2310.11511.
    """

    retrieve: Stage
    decide: bool = True
    threshold: float = 0.5
    max_retries: int = 1
    max_tokens: int = 128
    prompts: ClassVar[tuple[str, ...]] = (
        "need_retrieval", GRADE_PASSAGE, "check_support", "answer", "answer_from_memory", "rewrite_queries",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise DeclarationError(f"threshold: found {self.threshold}, expected a probability from 0 to 1")
        if self.max_retries < 0:
            raise DeclarationError(f"max_retries: found {self.max_retries}, expected 0 or more")

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.retrieve.needs(generate) | frozenset[Need]({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        k = self.retrieve.context_size(before).passages
        answering = 2 if generate else 0
        decide = 1 if self.decide and generate else 0
        retrieve = self.retrieve.calls(generate, before)
        return Calls(
            decide + 1 if generate else retrieve.low + k,
            decide + (self.max_retries + 1) * (retrieve.high + k + answering) + self.max_retries,
        )

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        language, question = sizes.language, sizes.question
        found = replace(sizes, context=self.retrieve.context_size(sizes.context))
        answer, tries = self._answer(), self.max_retries + 1
        rewriting = [RewriteQueries(n).prompt_tokens(generate, sizes) for n in range(1, tries)]
        each = [self.retrieve.prompt_tokens(generate, sizes), grading_size(found)]
        if generate:
            written = answer.answer_tokens(None)
            check = prompt_size("check_support", language, question, found.passages(), written)
            each += [answer.prompt_tokens(generate, found), check]
        decide = prompt_size("need_retrieval", language, question) if self.decide and generate else 0
        return total(decide, times(tries, total(*each)), *rewriting)

    def answer_tokens(self, before: int | None) -> int | None:
        return self._answer().answer_tokens(before)

    def _answer(self) -> Answer:
        return Answer("never", cite=True, max_tokens=self.max_tokens)

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.retrieve.indexing_calls(documents)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.retrieve.indexing_tokens(documents)

    def indexes(self) -> tuple[Shared[object], ...]:
        return self.retrieve.indexes()

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return self.retrieve.context_size(before)

    async def run(self, state: State, resources: Resources) -> State:
        if self.decide and state.generate:
            state, needed = await self._decide(state, resources)
            if not needed:
                return await AnswerFromMemory(self.max_tokens).run(state, resources)
        for attempt in range(self.max_retries + 1):
            if attempt:
                state = await self._rewrite(state, resources, attempt)
            state = await self._grade(await self.retrieve.run(state, resources), resources)
            if not state.generate:
                if state.response.context:
                    break
                continue
            state = await self._answer().run(state, resources)
            if state.response.abstained:
                continue
            state, supported = await self._check(state, resources)
            if supported:
                break
        return state

    async def _decide(self, state: State, resources: Resources) -> tuple[State, bool]:
        fields = {"question": shown_question(state.standalone)}
        state, probability = await ask_yes_no(state, resources, "need_retrieval", fields)
        return state, probability is None or probability >= self.threshold

    async def _check(self, state: State, resources: Resources) -> tuple[State, bool]:
        state, probability = await ask_yes_no(
            state,
            resources,
            "check_support",
            {"question": shown_question(state.question), "answer": state.response.answer},
            state.response.context_passages,
        )
        return state, probability is None or probability >= self.threshold

    async def _grade(self, state: State, resources: Resources) -> State:
        response, counted = state.response, resources.counting()
        grades = await grade_passages(state.standalone, response.context_passages, counted.chat)
        kept = [
            position
            for position, grade in zip(response.context, grades, strict=True)
            if grade is None or grade >= self.threshold
        ]
        return state.with_first(kept, len(kept)).with_step(
            "grade_passages",
            counted.usage,
            passages=[passage.id for passage in response.context_passages],
            probabilities=[rounded(grade) for grade in grades],
            kept=len(kept),
        )

    async def _rewrite(self, state: State, resources: Resources, attempt: int) -> State:
        question = (Query(state.standalone.text),)
        state = await RewriteQueries(n=attempt).run(replace(state, queries=question), resources)
        return replace(state, queries=state.queries[-1:])
