"""The seam to models: what a chat model and an embedder must offer, and the messages that cross it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError, ModelError
from rageval.text.images import Image
from rageval.types import Json, Usage

Vectors = NDArray[np.float32]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. The `images` stand after its text."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call. Equal requests get equal cache keys.

    `prompt` names the template and its version (`answer/zh@1`), so that an edited template is a new request.
    `schema` is a JSON schema that the reply must satisfy; `top_logprobs` (0 to 20) asks for that many
    alternatives of every generated token. `sample` distinguishes repeated draws of the same request.
    """

    messages: tuple[Message, ...]
    prompt: str
    max_tokens: int
    temperature: float = 0.0
    schema: Mapping[str, Json] | None = None
    top_logprobs: int = 0
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token and its `alternatives`: (token, log-probability) pairs, most likely first.

    Where a schema constrains the reply, the token itself need not be the most likely alternative.
    """

    text: str
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ChatReply:
    """`finish_reason` is `stop` or `length` (cut off at max_tokens) or whatever else the endpoint said.

    `tokens` spell out `text`; empty where log-probabilities were not asked for or the endpoint gives none. `reasoning`
    is what the model wrote before its answer, never part of `text`.
    """

    text: str
    finish_reason: str = "stop"
    tokens: tuple[Token, ...] = ()
    usage: Usage = field(default_factory=Usage)
    reasoning: str = ""

    @property
    def first_token(self) -> tuple[tuple[str, float], ...]:
        """The alternatives of the first token; empty where there are none."""
        return self.tokens[0].alternatives if self.tokens else ()


class ChatModel(Protocol):
    """Anything that completes chats.

    `identity` names model and endpoint (never a key) and is part of every cache key and fingerprint.
    `concurrency` is how many calls may be in flight at once. `complete` raises `ExecutionError` for a call that failed
    after retries and `ModelError` where no call can succeed. A model that cannot read images says
    `reads_images = False`, so that this is told before any call.
    """

    @property
    def identity(self) -> str: ...

    @property
    def concurrency(self) -> int: ...

    async def complete(self, request: ChatRequest) -> ChatReply: ...

    async def close(self) -> None: ...


class Embedder(Protocol):
    """Anything that embeds texts. `embed` returns one unit-length float32 row per text, in order: shape (n, dim).

    `kind` matters to models such as E5 that prefix questions and passages differently. An embedder that has images in
    the same space says `embeds_images = True`: it is given them as texts that are data URIs.
    """

    @property
    def identity(self) -> str: ...

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors: ...

    async def close(self) -> None: ...


def refuse_images(request: ChatRequest, model: str) -> None:
    """Raises ModelError, which names the model, where the request has images: for models that read texts alone."""
    if any(message.images for message in request.messages):
        raise ModelError(f"{model}: cannot read images: choose a model that can, at an endpoint (provider: openai)")


def check_identity(model: ChatModel | Embedder) -> None:
    """Raises DeclarationError unless the model has an identity that could be the same in another process."""
    identity = cast("object", model.identity)
    if not isinstance(identity, str) or not identity.strip() or _ADDRESS.search(identity):
        raise DeclarationError(
            f"{type(model).__name__}: found {identity!r} as its identity, expected the names of model and endpoint, "
            "which are the same in every process: replies are kept under it"
        )
