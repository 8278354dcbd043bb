"""A chat model in front of another one."""

from __future__ import annotations

from rageval.models.base import ChatModel, ChatReply, ChatRequest


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
