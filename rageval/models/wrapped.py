"""Base classes for models that wrap another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Vectors
from rageval.types import Usage

_A_REPEAT = 100_000


class WrappedChat:
    """Passes every call on; a subclass overrides `complete`. The owner of the wrapped model closes it."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def identity(self) -> str:
        return self._model.identity

    @property
    def concurrency(self) -> int:
        return self._model.concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        return await self._model.complete(request)

    async def close(self) -> None:
        return None


class MeteredChat(WrappedChat):
    """Counts what is asked through it: `asked` requests, and the `usage` of those that were answered."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.asked = 0
        self.usage = Usage()

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked += 1
        reply = await super().complete(request)
        self.usage += reply.usage
        return reply


class RepeatedChat(WrappedChat):
    """Asks for other draws of the same requests: `repeat` 1 for the first ones beyond the model's own, 2 for the next.

    The requests differ in `sample` alone, so each draw has a cache key and, where the model takes seeds, a seed of its
    own. A request may itself have a `sample` below 100,000.
    """

    def __init__(self, model: ChatModel, repeat: int) -> None:
        super().__init__(model)
        self._first_sample = _A_REPEAT * repeat

    async def complete(self, request: ChatRequest) -> ChatReply:
        return await super().complete(replace(request, sample=request.sample + self._first_sample))


class WarmChat(WrappedChat):
    """Asks for texts at that temperature. Requests from whose reply JSON or a probability is read stay as they are."""

    def __init__(self, model: ChatModel, temperature: float) -> None:
        super().__init__(model)
        self._temperature = temperature

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.schema is None and not request.top_logprobs:
            request = replace(request, temperature=self._temperature)
        return await super().complete(request)


class WrappedEmbedder:
    """Passes every call on. The owner of the wrapped embedder closes it."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def identity(self) -> str:
        return self._embedder.identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return await self._embedder.embed(texts, kind)

    async def close(self) -> None:
        return None
