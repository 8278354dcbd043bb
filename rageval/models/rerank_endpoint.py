"""Rerank models behind an address. A ranking is asked for as a chat request (the query, then the texts), so that cache,
budget and counts are those of chat models; the reply is a JSON list of scores.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from rageval.errors import DeclarationError, ExecutionError
from rageval.models.access import Access, Header, endpoint_identity
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Message
from rageval.models.budget import Price
from rageval.models.embedding_limits import is_batch_too_large, named_batch
from rageval.models.endpoint import Endpoint, Limits
from rageval.models.known_models import KnownModel
from rageval.models.refused_call import NotFoundError, RejectedError, TooLongError
from rageval.models.rerank_reply import COHERE, SHAPES, TEI, Shape, read_scores
from rageval.models.usage_reply import read_tokens
from rageval.models.wire import one_line
from rageval.models.wrapped import WrappedChat
from rageval.types import Json, Usage

_AUTO = "auto"
_PROMPT = "rerank@1"
_log = logging.getLogger("rageval")


@dataclass(frozen=True)
class RerankService:
    """A rerank model at `base_url`, which ends before `/rerank`; see `SHAPES` for what `shape` may be.

    By default the shape is that of Cohere, and becomes another one where the service says that it wants that. `batch`
    texts go into a call at most. `extra_body` is sent along. The other settings are those of `OpenAIChat`.
    """

    base_url: str
    model: str
    api_key_env: str | None = "OPENAI_API_KEY"
    shape: str = _AUTO
    batch: int = 100
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    concurrency: int = 16
    timeout_s: float = 60.0
    max_retries: int = 4
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    extra_headers: Mapping[str, Header] = field(default_factory=dict[str, Header], hash=False)
    auth: Literal["bearer", "api-key"] | None = None
    api_version: str | None = None
    verify: Path | None = None
    price: Price | None = None

    def __post_init__(self) -> None:
        if self.shape != _AUTO and self.shape not in SHAPES:
            raise DeclarationError(f"shape: found {self.shape!r}, expected {_AUTO} or one of {', '.join(SHAPES)}")
        if self.batch < 1:
            raise DeclarationError(f"batch: found {self.batch}, expected at least 1")

    @property
    def identity(self) -> str:
        """Names everything that can change a score. Raises DeclarationError for a bad address."""
        return endpoint_identity(self.base_url, self.model, {**self.access.settings, **self.settings})

    @property
    def settings(self) -> dict[str, Json]:
        """What can change a score, beside model, address and headers."""
        shape = None if self.shape == _AUTO else self.shape
        return {"rerank": True, "shape": shape, "extra_body": dict(self.extra_body)}

    @property
    def access(self) -> Access:
        """How the endpoint is reached."""
        return Access(self.auth, self.api_version, self.extra_headers, self.verify)


class TooManyTextsError(ExecutionError):
    """The service takes at most `batch` texts a call."""

    def __init__(self, message: str, batch: int) -> None:
        super().__init__(message)
        self.batch = batch


def rank_request(query: str, texts: Sequence[str]) -> ChatRequest:
    """The request for the scores of texts. `max_tokens` makes room for the query, which is read with each text."""
    messages = (Message("system", query), *(Message("user", text) for text in texts))
    return ChatRequest(messages, _PROMPT, max_tokens=len(texts) * (len(query.encode(errors="replace")) + 1))


def read_ranks(reply: ChatReply) -> list[float | None]:
    """The scores of the texts, in their order; None for a text without one."""
    return cast("list[float | None]", json.loads(reply.text))


class RerankCalls:
    """Makes one call for a request. Raises `TooManyTextsError` where that is too large, other errors as `Endpoint`.

    Scores are as the service gave them, logits too: higher is better, and no two models are comparable.
    """

    def __init__(self, service: RerankService, known: KnownModel) -> None:
        limits = Limits(
            service.concurrency,
            service.timeout_s,
            service.max_retries,
            service.requests_per_minute,
            service.tokens_per_minute,
        )
        self._endpoint = Endpoint(
            service.base_url, service.model, service.api_key_env, limits, service.access, service.settings
        )
        self._service = service
        self._known = known
        self._told = False

    def __repr__(self) -> str:
        return f"RerankCalls({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._service.identity

    @property
    def concurrency(self) -> int:
        return self._service.concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        query, *texts = (message.content for message in request.messages)
        try:
            body = await self._post(query, texts)
        except RejectedError as rejected:
            if len(texts) > 1 and is_batch_too_large(rejected.told):
                raise TooManyTextsError(
                    str(rejected), named_batch(rejected.told, len(texts)) or len(texts) // 2
                ) from None
            remedy = ": make passages shorter (chunk_tokens)" if isinstance(rejected, TooLongError) else ""
            raise ExecutionError(f"{rejected}{remedy}") from None
        scores = read_scores(body, len(texts), self.identity)
        self._tell_missing(scores)
        return ChatReply(json.dumps(scores), usage=Usage(calls=1, prompt_tokens=read_tokens(body)))

    async def close(self) -> None:
        await self._endpoint.close()

    async def _post(self, query: str, texts: Sequence[str]) -> Any:
        shape = self._shape
        try:
            return await self._endpoint.post(shape.path, {**shape.body(query, texts), **self._service.extra_body})
        except RejectedError as rejected:
            other = self._other_shape(shape, rejected)
            if other is None:
                raise
        except NotFoundError:
            if self._service.shape != _AUTO or "shape" in self._known.facts:
                raise
            other = SHAPES["dashscope"]
            found = await self._endpoint.post(other.path, {**other.body(query, texts), **self._service.extra_body})
            self._known.learn(shape=asdict(other))
            return found
        self._known.learn(shape=asdict(other))
        return await self._post(query, texts)

    @property
    def _shape(self) -> Shape:
        if self._service.shape != _AUTO:
            return SHAPES[self._service.shape]
        known = self._known.facts.get("shape")
        return Shape(**cast("dict[str, Any]", known)) if isinstance(known, dict) else COHERE

    def _other_shape(self, shape: Shape, rejected: RejectedError) -> Shape | None:
        """The shape that the service asks for by the name of a field; None where it complains about something else."""
        if self._service.shape != _AUTO:
            return None
        if shape.most is not None and rejected.field == shape.most:
            return replace(shape, most="top_k" if shape.most != "top_k" and _names(rejected.told, "top_k") else None)
        if shape.texts != TEI.texts and _names(rejected.told, TEI.texts):
            return TEI
        return None

    def _tell_missing(self, scores: Sequence[float | None]) -> None:
        if None in scores and not self._told:
            self._told = True
            _log.warning(
                "%s gave no score to %d of %d texts: they come last", self.identity, scores.count(None), len(scores)
            )


class SplitRerank(WrappedChat):
    """Splits requests into such as the service takes, and puts their scores together. Closing it closes the model."""

    def __init__(self, model: ChatModel, service: RerankService, known: KnownModel) -> None:
        super().__init__(model)
        self._most = service.batch
        self._known = known

    async def complete(self, request: ChatRequest) -> ChatReply:
        query, *texts = (message.content for message in request.messages)
        batch = min(self._most, self._known.whole("batch") or self._most)
        parts = [texts[start : start + batch] for start in range(0, len(texts), batch)]
        replies = await asyncio.gather(*(self._part(query, part) for part in parts))
        scores: list[Json] = [score for reply in replies for score in read_ranks(reply)]
        return ChatReply(json.dumps(scores), usage=sum((reply.usage for reply in replies), Usage()))

    async def close(self) -> None:
        await self._model.close()

    async def _part(self, query: str, texts: Sequence[str]) -> ChatReply:
        request = rank_request(query, texts)
        try:
            return await self._model.complete(request)
        except TooManyTextsError as error:
            before = self._known.whole("batch")
            if before is None or error.batch < before:
                self._known.learn(batch=error.batch)
                _log.warning(
                    "%s gets at most %d texts a call from now on: %s", self.identity, error.batch, one_line(error)
                )
            return await self.complete(request)


def _names(told: str, field_name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(field_name)}(?![\w-])", told) is not None
