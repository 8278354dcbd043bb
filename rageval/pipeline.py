"""A pipeline is stages composed with `>>`; each stage is a frozen dataclass whose fields are its whole configuration.

    Rewrite(n=4) >> Retrieve(retriever="dense", k=5) >> Answer()

A `State` flows through the stages: the question, the texts to search with, and the `Response` as far as it has come.
Models and indexes are not fields: they come from `Resources`, so a pipeline can be compared, printed and fingerprinted
without loading anything, and what several pipelines share is built once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, cast

from rageval.errors import DeclarationError
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder
from rageval.types import Document, Json, Question, RelevanceLabel, Response, Step, Usage

Need: TypeAlias = Literal["chat", "embed"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shared(Protocol[T_co]):
    """Something built once and shared by all pipelines that name an equal one: an index, a passage list.

    Implementations are frozen dataclasses: equality of their fields decides what is shared.
    """

    def __hash__(self) -> int: ...

    async def build(self, resources: Resources) -> T_co: ...


@dataclass(frozen=True, slots=True)
class IndexStore:
    """Where indexes of large corpora are kept: those of more than `large` passages, for any chunking."""

    folder: Path
    large: int = 100_000


class Resources:
    """What pipelines draw on: documents, labels (for the oracle alone), models, and shared indexes built on demand.

    Without `indexes`, every index is kept in memory, however large.
    """

    def __init__(
        self,
        documents: tuple[Document, ...],
        *,
        labels: tuple[RelevanceLabel, ...] = (),
        chat: ChatModel | None = None,
        embedder: Embedder | None = None,
        indexes: IndexStore | None = None,
    ) -> None:
        self.documents = documents
        self.labels = labels
        self.indexes = indexes
        self._chat = chat
        self._embedder = embedder
        self._built: dict[Any, asyncio.Task[Any]] = {}

    @property
    def chat(self) -> ChatModel:
        if self._chat is None:
            raise DeclarationError("this pipeline needs a chat model, and none was given (models: chat)")
        return self._chat

    @property
    def embedder(self) -> Embedder:
        if self._embedder is None:
            raise DeclarationError("this pipeline needs an embedder, and none was given (models: embed)")
        return self._embedder

    async def get(self, shared: Shared[T]) -> T:
        """The thing that `shared` describes, built at the first call; concurrent callers wait for the same build.

        A build that fails is forgotten, so that a later question tries it again.
        """
        task = self._built.get(shared)
        if task is None:
            task = asyncio.ensure_future(shared.build(self))
            self._built[shared] = task
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._built.get(shared) is task:
                del self._built[shared]
            raise


@dataclass(frozen=True, slots=True)
class Query:
    """A text that is searched with. `kind` tells an embedder whether it reads like a question or like a passage."""

    text: str
    kind: Literal["query", "passage"] = "query"


@dataclass(frozen=True, slots=True)
class State:
    """A question on its way through a pipeline. `generate` is False where no metric needs an answer."""

    question: Question
    queries: tuple[Query, ...]
    response: Response = Response()
    generate: bool = True

    def with_response(self, **changes: Any) -> State:
        return dataclasses.replace(self, response=dataclasses.replace(self.response, **changes))

    def with_step(self, name: str, usage: Usage | None = None, **detail: Json) -> State:
        """This state with one more step recorded and its usage added."""
        step = Step(name, detail, usage or Usage())
        return self.with_response(steps=(*self.response.steps, step), usage=self.response.usage + step.usage)


@dataclass(frozen=True, slots=True)
class Calls:
    """How many model calls one question takes, at least and at most."""

    low: int = 0
    high: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class ContextSize:
    """How many passages a prompt holds at most, and how many tokens each of them may have."""

    passages: int = 0
    tokens_each: int = 0


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a pipeline. Subclass it as a frozen dataclass and implement `run`.

    `prompts` names the prompt templates that it uses: their text is part of the fingerprint. `needs` and `calls` say
    what it will ask of models, so that everything can be checked and priced before any of it is spent.
    """

    prompts: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def run(self, state: State, resources: Resources) -> State: ...

    def needs(self, generate: bool) -> frozenset[Need]:
        """Which models the stage uses; `generate` says whether answers are wanted."""
        return frozenset()

    def calls(self, generate: bool) -> Calls:
        return Calls()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        """Model calls for building the stage's indexes over these documents, once per experiment."""
        return 0

    def asks_outside(self) -> bool:
        """Whether it, or a stage in it, asks what rageval's caches do not stand before: no dry run does that."""
        inner = (getattr(self, f.name) for f in dataclasses.fields(self))
        return any(stage.asks_outside() for stage in inner if isinstance(stage, Stage))

    def context_size(self) -> ContextSize:
        return ContextSize()

    def indexes(self) -> tuple[Shared[object], ...]:
        """What the stage takes from `Resources`: built before the first question, so that no latency includes it."""
        return ()

    def spec(self) -> dict[str, Json]:
        """Class and fields as JSON data: what the fingerprint is taken of."""
        values = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"stage": type(self).__name__, **values}

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
            state = await stage.run(state, resources)
        return state

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]().union(*(stage.needs(generate) for stage in self.stages))

    def calls(self, generate: bool) -> Calls:
        return sum((stage.calls(generate) for stage in self.stages), Calls())

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(stage.indexing_calls(documents) for stage in self.stages)

    def asks_outside(self) -> bool:
        return any(stage.asks_outside() for stage in self.stages)

    def context_size(self) -> ContextSize:
        return max((stage.context_size() for stage in self.stages), key=lambda size: size.passages)

    def indexes(self) -> tuple[Shared[object], ...]:
        return tuple(index for stage in self.stages for index in stage.indexes())

    def all_prompts(self) -> frozenset[str]:
        return frozenset[str]().union(*(stage.all_prompts() for stage in self.stages))


def _links(stage: Stage) -> tuple[Stage, ...]:
    return stage.stages if isinstance(stage, Chain) else (stage,)


@dataclass(frozen=True)
class Pipeline:
    """A stage with a name. `params` are the settings that were given, for the label; defaults stay out of it.

    `source` is a digest of the code that built the stage, where there is any: it may define stages of its own, whose
    fields alone would not show that they changed.
    """

    name: str
    stage: Stage
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    source: str = ""

    @property
    def label(self) -> str:
        """`naive(retriever=bm25, k=5)`: what tables show and what must differ between pipelines of one experiment."""
        if not self.params:
            return self.name
        return f"{self.name}({', '.join(f'{k}={_short(v)}' for k, v in self.params.items())})"

    async def answer(self, question: Question, resources: Resources, *, generate: bool = True) -> Response:
        """Run the stages on one question. Errors of models pass through; latency is wall time in seconds."""
        started = time.perf_counter()
        state = await self.stage.run(State(question, (Query(question.text),), generate=generate), resources)
        return dataclasses.replace(state.response, latency_s=round(time.perf_counter() - started, 6))


async def complete_all(chat: ChatModel, requests: list[ChatRequest]) -> list[ChatReply]:
    """Send requests together and return the replies in order; how many are in flight is the model's affair."""
    return list(await asyncio.gather(*(chat.complete(request) for request in requests)))


def fingerprint(value: Json) -> str:
    """64 hex digits of the canonical JSON of `value`: equal values, equal digits, on every platform."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Json:
    if isinstance(value, Stage):
        return value.spec()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("tuple[Any, ...]", value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _short(value: Json) -> str:
    return "[" + ", ".join(_short(v) for v in value) + "]" if isinstance(value, list) else str(value)
