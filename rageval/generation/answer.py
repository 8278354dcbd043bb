"""The stage that writes the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from rageval.generation.abstention import is_abstention
from rageval.models.base import ChatRequest
from rageval.pipeline import Calls, Need, Resources, Stage, State
from rageval.prompts import load_prompt, shared_text

_CITATION = re.compile(r"\s*[\[［【](\d{1,3})[\]］】]")


@dataclass(frozen=True)
class Answer(Stage):
    """Answer from the passages in the context, or abstain in the question's language where they do not hold it.

    With `cite`, the answer is asked to name passages like [1]; numbers that name none are ignored. The markers are
    taken out of the answer and kept as citations. With an empty context it abstains without a model call.
    """

    cite: bool = False
    max_tokens: int = 128
    prompts: ClassVar[tuple[str, ...]] = ("answer",)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"}) if generate else frozenset()

    def calls(self, generate: bool) -> Calls:
        return Calls(1, 1) if generate else Calls()

    async def run(self, state: State, resources: Resources) -> State:
        if not state.generate:
            return state
        question = state.question
        passages = state.response.context_passages
        if not passages:
            abstention = shared_text(question.language, "abstention")
            return state.with_response(answer=abstention, abstained=True).with_step("abstain", reason="empty context")
        prompt = load_prompt("answer")
        reply = await resources.chat.complete(
            ChatRequest(
                prompt.messages(
                    question.language,
                    {"question": question.text, "abstention": shared_text(question.language, "abstention")},
                    passages=passages,
                    variant="citing" if self.cite else "instruction",
                ),
                prompt.id(question.language),
                max_tokens=self.max_tokens,
            )
        )
        text, numbers = take_citations(reply.text)
        cited = tuple(dict.fromkeys(state.response.context[n - 1] for n in numbers if 1 <= n <= len(passages)))
        return state.with_response(answer=text, abstained=is_abstention(text), citations=cited).with_step(
            "answer", reply.usage, cut_off=reply.finish_reason == "length"
        )


@dataclass(frozen=True)
class AnswerFromMemory(Stage):
    """Answer without passages, from what the model knows: the floor that retrieval must beat."""

    max_tokens: int = 128
    prompts: ClassVar[tuple[str, ...]] = ("answer_from_memory",)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"}) if generate else frozenset()

    def calls(self, generate: bool) -> Calls:
        return Calls(1, 1) if generate else Calls()

    async def run(self, state: State, resources: Resources) -> State:
        if not state.generate:
            return state
        language = state.question.language
        prompt = load_prompt("answer_from_memory")
        messages = prompt.messages(
            language, {"question": state.question.text, "abstention": shared_text(language, "abstention")}
        )
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(language), max_tokens=self.max_tokens))
        text = reply.text.strip()
        return state.with_response(answer=text, abstained=is_abstention(text)).with_step(
            "answer", reply.usage, cut_off=reply.finish_reason == "length"
        )


def take_citations(text: str) -> tuple[str, list[int]]:
    """The text without its markers like [1], and the numbers in them, in order."""
    numbers = [int(match[1]) for match in _CITATION.finditer(text)]
    return _CITATION.sub("", text).strip(), numbers
