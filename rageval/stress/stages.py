"""Stages around a pipeline's stage: it is asked in other words, doubted, or told a secret.

The question that metrics and judges see stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from rageval.identity import describe, fingerprint
from rageval.models.base import ChatRequest
from rageval.pipeline import (
    NO_CONTEXT,
    Calls,
    ContextSize,
    Need,
    PromptSizes,
    Query,
    Resources,
    Shared,
    Stage,
    State,
)
from rageval.pipeline.sizes import prompt_size, reply_size, times, total
from rageval.pipeline.stage import run_stage
from rageval.prompts import CONVERSATION, load_prompt, shown_question
from rageval.stress.canaries import PlantedChat
from rageval.text import count_tokens
from rageval.text.languages import Language, base_language
from rageval.types import Document, Question, Turn, Usage

STEP = "attack"
"""The step that says what was asked in the place of the question."""
_PARAPHRASE_TOKENS = 120


@dataclass(frozen=True)
class _Around(Stage):
    """What the stage inside needs and costs, for stages that run it once."""

    stage: Stage

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.stage.needs(generate)

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return self.stage.calls(generate, before)

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.stage.indexing_calls(documents)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return self.stage.prompt_tokens(generate, sizes)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.stage.indexing_tokens(documents)

    def answer_tokens(self, before: int | None) -> int | None:
        return self.stage.answer_tokens(before)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return self.stage.context_size(before)

    def indexes(self) -> tuple[Shared[object], ...]:
        return self.stage.indexes()

    async def _asked(self, state: State, asked: Question, resources: Resources) -> State:
        """The state after the stage was asked that, with the question that it had. Earlier steps and their usage stay,
        also where the stage keeps none.
        """
        before, empty = (
            state.with_step(STEP, asked=asked.text).response,
            replace(state.response, steps=(), usage=Usage()),
        )
        begun = replace(state, question=asked, queries=(Query(asked.text),), response=empty)
        done = await run_stage(self.stage, begun, resources)
        steps, usage = (*before.steps, *done.response.steps), before.usage + done.response.usage
        return replace(done, question=state.question).with_response(steps=steps, usage=usage)


@dataclass(frozen=True)
class AskAs(_Around):
    """Asks each question as the one of `questions` with its id, by text and history; others as they are."""

    questions: tuple[Question, ...] = field(default=(), kw_only=True)

    def identity_fields(self) -> dict[str, object]:
        asked = fingerprint([describe([one.id, one.text, list(one.history)]) for one in self.questions])
        return {"stage": self.stage, "questions": asked}

    def all_prompts(self) -> frozenset[str]:
        shown = {CONVERSATION} if any(question.history for question in self.questions) else set[str]()
        return super().all_prompts() | shown

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return self.stage.prompt_tokens(generate, replace(sizes, question=max(sizes.question, self._longest)))

    async def run(self, state: State, resources: Resources) -> State:
        return await self._asked(state, self._by_id.get(state.question.id, state.question), resources)

    @cached_property
    def _by_id(self) -> dict[str, Question]:
        return {question.id: question for question in self.questions}

    @cached_property
    def _longest(self) -> int:
        """Tokens of the longest question, with its history."""
        return max((count_tokens(shown_question(question)) for question in self.questions), default=0)


@dataclass(frozen=True)
class AskInOtherWords(_Around):
    """Asks each question as the chat model writes it anew, in one call.

    A reply that is empty or the question itself is refused: the question is asked as it is, and the step `attack` says
    so by `refused`.
    """

    prompts: ClassVar[tuple[str, ...]] = ("other_words",)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]({"chat"}).union(self.stage.needs(generate))

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 1) + self.stage.calls(generate, before)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        own = prompt_size(self.prompts[0], sizes.language, sizes.question)
        asked = replace(sizes, question=sizes.question + reply_size(_PARAPHRASE_TOKENS))
        return total(own, self.stage.prompt_tokens(generate, asked))

    async def run(self, state: State, resources: Resources) -> State:
        question, prompt = state.question, load_prompt(self.prompts[0])
        messages = prompt.messages(question.language, {"question": question.text})
        request = ChatRequest(messages, prompt.id(question.language), _PARAPHRASE_TOKENS, temperature=0.0)
        reply = await resources.chat.complete(request)
        text = " ".join(reply.text.split())
        refused = not text or text == question.text or reply.finish_reason == "length"
        state = state.with_step(self.prompts[0], reply.usage, refused=refused)
        return await self._asked(state, question if refused else replace(question, text=text), resources)


@dataclass(frozen=True)
class AskAgain(_Around):
    """Asks each question, and once more in the words of `questions` (by id) after its own answer.

    Where the first time gives no answer, that is the answer. Both times count in usage and latency.
    """

    questions: tuple[Question, ...] = field(default=(), kw_only=True)
    prompts: ClassVar[tuple[str, ...]] = (CONVERSATION,)

    def identity_fields(self) -> dict[str, object]:
        return {"stage": self.stage, "questions": fingerprint([[one.id, one.text] for one in self.questions])}

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        once = self.stage.calls(generate, before)
        return Calls(once.low, 2 * once.high)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        longest = max((count_tokens(one.text) for one in self.questions), default=0)
        answer = self.stage.answer_tokens(sizes.answer)
        once = self.stage.prompt_tokens(generate, sizes)
        if answer is None:
            return None
        shown = count_tokens(shown_question(Question("", "", sizes.language, history=_turns("", ""))))
        again = replace(sizes, question=2 * sizes.question + longest + answer + shown)
        return total(once, self.stage.prompt_tokens(generate, again))

    async def run(self, state: State, resources: Resources) -> State:
        question = state.question
        first = await run_stage(self.stage, state, resources)
        answer = first.response.answer
        if not answer:
            return first
        again = next((one.text for one in self.questions if one.id == question.id), question.text)
        asked = replace(question, text=again, history=(*question.history, *_turns(question.text, answer)))
        spent = first.response
        before = replace(state, response=replace(state.response, steps=spent.steps, usage=spent.usage))
        return await self._asked(before, asked, resources)


@dataclass(frozen=True)
class TellSecret(_Around):
    """Runs the stage with a chat model whose system message ends with the line of the question's language; `lines` are
    by language, and a language without one has the first.
    """

    lines: tuple[tuple[Language, str], ...] = field(kw_only=True)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        inside = self.stage.prompt_tokens(generate, sizes)
        each = max(count_tokens(line) for _, line in self.lines)
        return total(inside, times(self.stage.calls(generate, sizes.context).high, each))

    async def run(self, state: State, resources: Resources) -> State:
        line = dict(self.lines).get(base_language(state.question.language), self.lines[0][1])
        return await run_stage(self.stage, state, resources.answering_through(PlantedChat(resources.chat, line)))


def _turns(asked: str, answer: str) -> tuple[Turn, ...]:
    return Turn("user", asked), Turn("assistant", answer)
