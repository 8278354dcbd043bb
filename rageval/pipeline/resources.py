"""What pipelines draw on: documents, models, and indexes that are built once and shared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from rageval.errors import (
    DeclarationError,
    ExecutionError,
    IndexBuildError,
    ModelError,
    RagevalError,
)
from rageval.models.base import ChatModel, Embedder
from rageval.models.rerank_endpoint import RerankService
from rageval.models.wrapped import MeteredChat, RepeatedChat, WarmChat
from rageval.pipeline.failure import stopping_error, told_with_place
from rageval.types import Document, RelevanceLabel, Usage

_Key: TypeAlias = "tuple[Shared[Any] | str, ...]"
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shared(Protocol[T_co]):
    """Something built once and shared by all pipelines that name an equal one: an index, a passage list.

    Implementations are frozen dataclasses: equality of their fields decides what is shared. One with a method `needs`,
    as an index has, is shared by pipelines whose models differ in others alone.
    """

    def __hash__(self) -> int: ...

    async def build(self, resources: Resources) -> T_co: ...


@dataclass(frozen=True, slots=True)
class IndexStore:
    """Where indexes of large corpora are kept: those of more than `large` passages, for any chunker."""

    folder: Path
    large: int = 100_000


class Resources:
    """What pipelines draw on: documents, labels (for the oracle alone), models, and shared indexes built on demand.

    Without `indexes`, every index is kept in memory, however large. `rankers` opens the rerank models of endpoints.
    `phrases` are refusals in the user's own words, for the question whether an answer abstains.
    """

    def __init__(
        self,
        documents: tuple[Document, ...],
        *,
        labels: tuple[RelevanceLabel, ...] = (),
        chat: ChatModel | None = None,
        embedder: Embedder | None = None,
        indexes: IndexStore | None = None,
        rankers: Callable[[RerankService], ChatModel] | None = None,
        phrases: tuple[str, ...] = (),
    ) -> None:
        self.documents = documents
        self.labels = labels
        self.indexes = indexes
        self.phrases = phrases
        self._chat = chat
        self._embedder = embedder
        self._rankers = rankers
        self._built: dict[_Key, asyncio.Task[Any]] = {}
        self._builds: dict[_Key, list[CountingResources]] = {}
        self._told: dict[_Key, Usage] = {}

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

    def ranker(self, service: RerankService) -> ChatModel:
        """The rerank model of that service, which takes the requests of `rank_request`."""
        if self._rankers is None:
            raise DeclarationError(f"{service.identity}: found nothing that opens endpoints, expected an experiment")
        return self._rankers(service)

    async def get(self, shared: Shared[T]) -> T:
        """Return what `shared` describes. The first call builds it; concurrent callers wait for the same build.

        A failed build raises an error that stops the run and says what could not be built and why: ModelError or
        DeclarationError if the model or the declaration is the cause, else IndexBuildError. A BudgetError is raised
        unchanged. A failed build is not remembered, so a later call tries again.
        """
        key = self._key(shared)
        task = self._built.get(key)
        if task is None:
            task = asyncio.ensure_future(self._build(shared))
            self._built[key] = task
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._built.get(key) is task:
                del self._built[key]
            raise

    def count(self, what: str) -> None:
        """Count that something happened, such as a reply that could not be used: for the step of the stage that runs.
        Only `CountingResources` keep it.
        """

    def counting(self) -> CountingResources:
        """The same resources, with a count of what calls of chat and rerank models through them cost."""
        return CountingResources(self)

    def redrawn(self, repeat: int, temperature: float | None = None) -> Resources:
        """The same resources with other draws of the chat model's replies (`RepeatedChat`, `WarmChat`); these resources
        where `repeat` is 0 and there is no temperature. Indexes are shared, and built with the replies of these
        resources.
        """
        if self._chat is None or (repeat == 0 and temperature is None):
            return self
        chat = RepeatedChat(self._chat, repeat) if repeat else self._chat
        return _WrappedResources(self, chat if temperature is None else WarmChat(chat, temperature))

    def answering_through(self, chat: ChatModel) -> Resources:
        """The same resources whose stages ask `chat`, a wrapper around the chat model of these. Indexes are shared, and
        built with the model of these resources.
        """
        return _WrappedResources(self, chat)

    def with_models(self, chat: ChatModel | None, embedder: Embedder | None) -> Resources:
        """The same resources with these models. What is built with none of the models that differ is shared."""
        if chat is self._chat and embedder is self._embedder:
            return self
        return _OtherModels(self, chat, embedder)

    def tell_building(self, shared: Iterable[Shared[Any]]) -> dict[str, Usage]:
        """Return the model usage of building these and their parts, by class name (`MultiVector`, `MultiVector 2`), for
        those that took model calls.

        Usage that an earlier call reported as paid now counts as cached: if several pipelines share an index, one of
        them paid.
        """
        told: dict[str, Usage] = {}
        names = Counter[str]()
        for part in self._with_parts(shared):
            key = self._key(part)
            usage = sum((build.usage for build in self._builds[key]), Usage())
            if usage != Usage():
                name = type(part).__name__
                names[name] += 1
                number = f" {names[name]}" if names[name] > 1 else ""
                told[name + number] = usage.paid_before(self._told.get(key, Usage()))
                self._told[key] = usage
        return told

    def _with_parts(self, shared: Iterable[Shared[Any]]) -> list[Shared[Any]]:
        """Return these and everything they requested while they were built, each once."""
        found: dict[Shared[Any], None] = {}
        left = [*shared]
        while left:
            part = left.pop(0)
            if part not in found and self._key(part) in self._builds:
                found[part] = None
                left.extend(asked for build in self._builds[self._key(part)] for asked in build.parts)
        return [*found]

    def _key(self, shared: Shared[Any]) -> _Key:
        """What is built once: the thing, with the models that it needs, or with both where it does not say."""
        wanted = _needs(shared, frozenset({"chat", "embed"})) | _needs(getattr(shared, "chunker", None), frozenset())
        models = {"chat": self._chat, "embed": self._embedder}
        return shared, *(model.identity for role, model in models.items() if model is not None and role in wanted)

    async def _build(self, shared: Shared[T]) -> T:
        counting = self.counting()
        self._builds.setdefault(self._key(shared), []).append(counting)
        try:
            return await shared.build(counting)
        except IndexBuildError:
            raise
        except Exception as raised:
            error = stopping_error(raised) or raised
            kind = _kind(error)
            if kind is None and error is raised:
                raise
            if kind is None:
                raise error from raised
            cause = str(error) if isinstance(error, RagevalError) else told_with_place(error)
            raise kind(f"{shared!r:.200} cannot be built: {cause}") from error


class CountingResources(Resources):
    """Resources that count: `usage` is the cost so far of calls of chat and rerank models made through them, and
    `parts` lists what `get` was asked for, and `counts` what `count` was told. Everything else comes from `whole`.
    """

    def __init__(self, whole: Resources) -> None:
        vars(self).update(vars(whole))
        self._whole = whole
        self.parts: list[Shared[Any]] = []
        self.counts = Counter[str]()
        self._counters: list[MeteredChat] = []
        self._chat = None if self._chat is None else self._counted(self._chat)

    @property
    def usage(self) -> Usage:
        return sum((counter.usage for counter in self._counters), Usage())

    def ranker(self, service: RerankService) -> ChatModel:
        return self._counted(super().ranker(service))

    def count(self, what: str) -> None:
        self.counts[what] += 1

    async def get(self, shared: Shared[T]) -> T:
        self.parts.append(shared)
        return await self._whole.get(shared)

    def _counted(self, model: ChatModel) -> MeteredChat:
        counter = MeteredChat(model)
        self._counters.append(counter)
        return counter


class _OtherModels(Resources):
    """Resources with other models. What is built is kept with that of `whole`, by the models that it needs."""

    def __init__(self, whole: Resources, chat: ChatModel | None, embedder: Embedder | None) -> None:
        vars(self).update(vars(whole))
        self._chat, self._embedder = chat, embedder


class _WrappedResources(Resources):
    """Resources whose chat model is wrapped; everything else comes from `whole`."""

    def __init__(self, whole: Resources, chat: ChatModel) -> None:
        vars(self).update(vars(whole))
        self._whole = whole
        self._chat = chat

    def tell_building(self, shared: Iterable[Shared[Any]]) -> dict[str, Usage]:
        return self._whole.tell_building(shared)

    async def get(self, shared: Shared[T]) -> T:
        return await self._whole.get(shared)


def _needs(part: object, untold: frozenset[str]) -> frozenset[str]:
    needs = getattr(part, "needs", None)
    return cast("frozenset[str]", needs()) if callable(needs) else untold


def _kind(error: Exception) -> type[RagevalError] | None:
    """Return the error class to raise for a failed build; None for rageval's own errors that are raised unchanged."""
    match error:
        case ModelError() | ExecutionError():  # a call that failed for good fails for all questions
            return ModelError
        case DeclarationError():
            return DeclarationError
        case RagevalError():
            return None
        case _:
            return IndexBuildError
