"""A model that must not be called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

from rageval.errors import ModelError
from rageval.models.base import ChatReply, ChatRequest, Vectors

_REMEDY = "and --offline asks no model: import an exported cache that has it (`rageval cache import`), or go online"


class OfflineModel:
    """Stands behind a cache that holds all replies and vectors of the model with that identity. Raises `ModelError` if
    one is missing.
    """

    concurrency = 16

    def __init__(self, identity: str) -> None:
        self._identity = identity

    @property
    def identity(self) -> str:
        return self._identity

    async def complete(self, request: ChatRequest) -> ChatReply:
        self._refuse(f"the reply to a call of {request.prompt}")

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self._refuse(f"the vectors of {len(texts)} texts ({kind})")

    async def close(self) -> None:
        return None

    def _refuse(self, what: str) -> NoReturn:
        raise ModelError(f"{self._identity}: {what} is not in the cache, {_REMEDY}")
