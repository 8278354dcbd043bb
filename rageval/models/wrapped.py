"""A chat model in front of another one."""

from __future__ import annotations

from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.types import Usage


class WrappedChat:
    """Passes everything on; a subclass adds what it is for in `complete`. Closing the model is left to its owner."""

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
