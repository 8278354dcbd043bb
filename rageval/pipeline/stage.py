"""A pipeline is stages composed with `>>`; each stage is a frozen dataclass whose fields are its whole configuration.

    RewriteQueries(n=4) >> Retrieve(Dense(), k=5) >> Answer()

A `State` flows through the stages: the question, the texts to search with, and the `Response` as far as it has come.
Models and indexes are not fields: they come from `Resources`, so a pipeline can be compared, printed and fingerprinted
without loading anything, and what several pipelines share is built once.
"""

from __future__ import annotations

import asyncio
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias, cast, final

from rageval.errors import STOPS_THE_RUN, ExecutionError
from rageval.identity import describe
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.pipeline.check_response import check_response
from rageval.pipeline.resources import Resources, Shared
from rageval.pipeline.sizes import NO_CONTEXT, Calls, ContextSize, PromptSizes, total
from rageval.pipeline.state import State
from rageval.source import module_origin
from rageval.types import Document, Json

Need: TypeAlias = Literal["chat", "embed"]


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a pipeline. Subclass it as a frozen dataclass and implement `run`.

    `prompts` names the prompt templates that the stage uses: their text is part of the fingerprint. `needs` and `calls`
    say what it will ask of models, so that everything can be checked and priced before anything is spent. `before` is
    the context that the earlier stages pass to it. A stage that calls a model may bound its prompts (`prompt_tokens`),
    and a stage that answers may bound its answers (`answer_tokens`); otherwise these count as not known.
    """

    prompts: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def run(self, state: State, resources: Resources) -> State: ...

    def needs(self, generate: bool) -> frozenset[Need]:
        """Which models the stage uses; `generate` says whether answers are wanted."""
        return frozenset()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        """The calls that one question takes."""
        return Calls()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        """Model calls for building the stage's indexes over these documents, once per experiment."""
        return 0

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        """Estimated tokens, at most, of all prompts for one question together; `sizes` is what reaches the stage."""
        return None if self.calls(generate, sizes.context).high else 0

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        """Estimated tokens, at most, of all prompts for building the stage's indexes."""
        return None if self.indexing_calls(documents) else 0

    def answer_tokens(self, before: int | None) -> int | None:
        """Upper bound on the estimated tokens of the answer after the stage; `before` is the bound before it."""
        return before if module_origin(type(self).__module__) == "rageval" else None

    def asks_outside(self) -> bool:
        """Whether the stage, or one inside it, makes calls that rageval does not cache; a dry run makes none."""
        inner = (getattr(self, f.name) for f in dataclasses.fields(self))
        return any(stage.asks_outside() for stage in inner if isinstance(stage, Stage))

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        """The context after the stage."""
        return before

    def indexes(self) -> tuple[Shared[object], ...]:
        """What the stage takes from `Resources`: built before the first question, so that no latency includes it."""
        return ()

    @final
    def spec(self) -> dict[str, Json]:
        """Return class, fields and user code as JSON data: see `rageval.identity.describe`."""
        return cast("dict[str, Json]", describe(self))

    def all_prompts(self) -> frozenset[str]:
        inner = (getattr(self, f.name) for f in dataclasses.fields(self))
        return frozenset(self.prompts).union(*(s.all_prompts() for s in inner if isinstance(s, Stage)))

    def __rshift__(self, other: Stage) -> Chain:
        return Chain((*_links(self), *_links(other)))


@dataclass(frozen=True)
class Chain(Stage):
    """Stages run one after another; what `>>` builds."""

    stages: tuple[Stage, ...] = ()

    async def run(self, state: State, resources: Resources) -> State:
        for stage in self.stages:
            state = await run_stage(stage, state, resources)
        return state

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]().union(*(stage.needs(generate) for stage in self.stages))

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        calls = Calls()
        for stage in self.stages:
            calls += stage.calls(generate, before)
            before = stage.context_size(before)
        return calls

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(stage.indexing_calls(documents) for stage in self.stages)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        tokens: list[int | None] = []
        for stage in self.stages:
            tokens.append(stage.prompt_tokens(generate, sizes))
            sizes = replace(sizes, context=stage.context_size(sizes.context), answer=stage.answer_tokens(sizes.answer))
        return total(*tokens)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return total(*(stage.indexing_tokens(documents) for stage in self.stages))

    def answer_tokens(self, before: int | None) -> int | None:
        for stage in self.stages:
            before = stage.answer_tokens(before)
        return before

    def asks_outside(self) -> bool:
        return any(stage.asks_outside() for stage in self.stages)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        for stage in self.stages:
            before = stage.context_size(before)
        return before

    def indexes(self) -> tuple[Shared[object], ...]:
        return tuple(index for stage in self.stages for index in stage.indexes())

    def all_prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(stage.all_prompts() for stage in self.stages))


async def run_stage(stage: Stage, state: State, resources: Resources) -> State:
    """Run the stage and return its state. Raises what the stage raises, and ExecutionError if it returns something
    other than a state or was given an invalid response.
    """
    try:
        returned = await stage.run(state, resources)
    except STOPS_THE_RUN:
        raise
    except Exception:
        check_response(state.response)  # what an earlier stage left there may be the cause
        raise
    if not isinstance(cast("object", returned), State):
        raise ExecutionError(f"{type(stage).__name__}.run returned a {type(returned).__name__}, expected a State")
    return returned


def _links(stage: Stage) -> tuple[Stage, ...]:
    return stage.stages if isinstance(stage, Chain) else (stage,)


async def complete_all(chat: ChatModel, requests: list[ChatRequest]) -> list[ChatReply]:
    """Send requests together and return the replies in order. The model decides how many are in flight."""
    return list(await asyncio.gather(*(chat.complete(request) for request in requests)))
