"""Stages that change what is searched with: questions written in other ways, and hypothetical answers."""

from __future__ import annotations

import unicodedata
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, final

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
from rageval.prompts import Prompt, as_prompt, shown_question
from rageval.prompts.own import OwnPrompt
from rageval.text import count_tokens, reply_lines
from rageval.types import Usage

_LINE = 40  # tokens of a written question


@dataclass(frozen=True)
class _WriteQuestions(Stage):
    """Questions that the chat model writes in one call, a line each, join the queries behind the question itself.

    Empty lines, repeated ones and the question itself are dropped, so there may be fewer than were asked for. `prompt`
    replaces the one that `prompts` names.
    """

    prompt: Prompt | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def most(self) -> int:
        """The most questions that are written."""

    @property
    def _name(self) -> str:
        (name,) = self.prompts
        return name

    @property
    def _fields(self) -> dict[str, object]:
        return {}

    @property
    def _temperature(self) -> float:
        return 0.0

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        others = (count_tokens(str(value)) for value in self._fields.values())
        return prompt_size(self.prompt or self._name, sizes.language, sizes.question, *others)

    @final
    async def run(self, state: State, resources: Resources) -> State:
        question, language = state.standalone, state.question.language
        prompt = as_prompt(self.prompt or self._name)
        messages = prompt.messages(language, {"question": shown_question(question), **self._fields})
        reply = await resources.chat.complete(
            ChatRequest(messages, prompt.id(language), max_tokens=_LINE * self.most, temperature=self._temperature)
        )
        written = [line for line in reply_lines(reply.text) if line != question.text][: self.most]
        queries = (*state.queries, *(Query(text) for text in written))
        return replace(state, queries=queries).with_step(self._name, reply.usage, queries=[*written])


@dataclass(frozen=True)
class _SeveralQuestions(_WriteQuestions):
    """At most `n` written questions."""

    n: int = 3

    def __post_init__(self) -> None:
        _require_positive("n", self.n)

    @property
    def most(self) -> int:
        return self.n

    @property
    def _fields(self) -> dict[str, object]:
        return {"n": self.n}


@dataclass(frozen=True)
class RewriteQueries(_SeveralQuestions):
    """Add `n` rewritten questions, written in one call, to the queries; the question itself stays the first.

    Empty and repeated lines are dropped, so there may be fewer than n. Source: RAG-Fusion (Rackauckas 2024,
    arXiv 2402.03367).
    """

    temperature: float = 0.0
    prompt: Annotated[Prompt, OwnPrompt("rewrite_queries")] | None = field(default=None, kw_only=True)
    prompts: ClassVar[tuple[str, ...]] = ("rewrite_queries",)

    @property
    def _temperature(self) -> float:
        return self.temperature


@dataclass(frozen=True)
class SubQuestions(_SeveralQuestions):
    """Add at most `n` simpler questions, into which the model splits the question; all are searched side by side.

    Helps where the answer joins facts of several passages that no single search finds. Source: the sub-question query
    engine of LlamaIndex; Press et al. 2023, arXiv 2210.03350 (self-ask), for the idea.
    """

    prompt: Annotated[Prompt, OwnPrompt("sub_questions")] | None = field(default=None, kw_only=True)
    prompts: ClassVar[tuple[str, ...]] = ("sub_questions",)


@dataclass(frozen=True)
class StepBack(_WriteQuestions):
    """Add the more general question behind the question. Source: Zheng et al. 2023, arXiv 2310.06117."""

    prompt: Annotated[Prompt, OwnPrompt("step_back")] | None = field(default=None, kw_only=True)
    prompts: ClassVar[tuple[str, ...]] = ("step_back",)

    @property
    def most(self) -> int:
        return 1


@dataclass(frozen=True)
class ExpandQuery(Stage):
    """Search with the question and a written answer to it as one text, beside the question alone.

    The question is repeated `repeat` times before the answer, which is longer, so that its words weigh enough in a
    lexical search. `prompt` replaces `hypothetical_answer`. Source: Query2doc (Wang et al. 2023, arXiv 2303.07678),
    which repeats it five times.
    """

    repeat: int = 5
    max_tokens: int = 96
    prompt: Annotated[Prompt, OwnPrompt("hypothetical_answer")] | None = None
    prompts: ClassVar[tuple[str, ...]] = ("hypothetical_answer",)

    def __post_init__(self) -> None:
        _require_positive("repeat", self.repeat)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return prompt_size(self.prompt or "hypothetical_answer", sizes.language, sizes.question)

    async def run(self, state: State, resources: Resources) -> State:
        language = state.question.language
        prompt = as_prompt(self.prompt or "hypothetical_answer")
        messages = prompt.messages(language, {"question": shown_question(state.standalone)})
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(language), self.max_tokens))
        written = " ".join(reply.text.split())
        queries = state.queries
        if written:
            queries = (*queries, Query(" ".join([*[state.standalone.text] * self.repeat, written])))
        return replace(state, queries=queries).with_step("expand_query", reply.usage, document=written)


@dataclass(frozen=True)
class NormaliseQuery(Stage):
    """Search with the question in plain characters and, with `case`, in lower case.

    Full-width characters become half-width (NFKC), white space is joined. The question that is shown and answered stays
    as it is. No model is asked.
    """

    case: Literal["keep", "lower"] = "keep"

    async def run(self, state: State, resources: Resources) -> State:
        return replace(state, queries=tuple(replace(query, text=self._plain(query.text)) for query in state.queries))

    def _plain(self, text: str) -> str:
        plain = " ".join(unicodedata.normalize("NFKC", text).split())
        return plain.lower() if self.case == "lower" else plain


@dataclass(frozen=True)
class WriteHypotheticalAnswers(Stage):
    """Add `n` hypothetical answers to the queries, to be searched with beside the question.

    With n = 1 the answer is written at temperature 0, with more at `temperature`, one sample each. `prompt` replaces
    `hypothetical_answer`. Source: HyDE (Gao et al. 2022, arXiv 2212.10496).
    """

    n: int = 1
    temperature: float = 0.7
    max_tokens: int = 96
    prompt: Annotated[Prompt, OwnPrompt("hypothetical_answer")] | None = None
    prompts: ClassVar[tuple[str, ...]] = ("hypothetical_answer",)

    def __post_init__(self) -> None:
        _require_positive("n", self.n)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(self.n, self.n)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return times(self.n, prompt_size(self.prompt or "hypothetical_answer", sizes.language, sizes.question))

    async def run(self, state: State, resources: Resources) -> State:
        language = state.question.language
        prompt = as_prompt(self.prompt or "hypothetical_answer")
        messages = prompt.messages(language, {"question": shown_question(state.standalone)})
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
