"""What models of other frameworks share as rageval's models: limits, errors, settings by field, reasons to end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import BaseModel

from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.models.unit_vectors import unit_vectors
from rageval.models.wire import one_line

T = TypeVar("T")
Reply = TypeVar("Reply")
Model = TypeVar("Model", bound=BaseModel)

# What the fields of frameworks' models are called that set what a request asks for.
_OPTION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens", "max_output_tokens", "num_predict", "max_new_tokens"),
    "seed": ("seed",),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
}
_FINISH_REASONS = {"max_tokens": "length", "end_turn": "stop", "stop_sequence": "stop", "safety": "content_filter"}


class FrameworkChat(ABC, Generic[Reply]):
    """A chat model of a framework as a `ChatModel`: `_call` asks it, `_read` reads what it replied.

    At most `concurrency` calls are in flight in an event loop. `secrets` are struck from errors. Raises
    DeclarationError where `concurrency` is below 1.
    """

    def __init__(self, identity: str, concurrency: int, secrets: frozenset[str]) -> None:
        if concurrency < 1:
            raise DeclarationError(f"concurrency: found {concurrency}, expected at least 1")
        self._identity = identity
        self._concurrency = concurrency
        self._secrets = secrets
        self._slots = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]()
        self._answered = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Raises what `model_failure` makes of an error of the framework's."""
        async with self._slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._concurrency)):
            reply = await _reply_or_error(self._call(request))
        if isinstance(reply, Exception):
            raise model_failure(reply, self._identity, self._secrets, self._answered)
        self._answered = True
        return self._read(reply)

    async def close(self) -> None:
        return None

    @abstractmethod
    async def _call(self, request: ChatRequest) -> Reply: ...

    @abstractmethod
    def _read(self, reply: Reply) -> ChatReply: ...


class FrameworkEmbedder(ABC):
    """An embedder of a framework as an `Embedder`: `_rows` asks it. Vectors are scaled to unit length."""

    def __init__(self, identity: str, secrets: frozenset[str]) -> None:
        self._identity = identity
        self._secrets = secrets
        self._answered = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Raises what `model_failure` makes of an error of the framework's."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        rows = await _reply_or_error(self._rows(texts, kind))
        if isinstance(rows, Exception):
            raise model_failure(rows, self._identity, self._secrets, self._answered)
        self._answered = True
        return unit_vectors(rows, len(texts), self._identity)

    async def close(self) -> None:
        return None

    @abstractmethod
    async def _rows(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[list[float]]: ...


async def _reply_or_error(call: Coroutine[Any, Any, T]) -> T | Exception:
    """What the call returns or raises. The caller raises its own error outside of `except`: a chained exception would
    carry the request, and with it the key.
    """
    try:
        return await call
    except Exception as error:  # noqa: BLE001 (whatever a provider's package raises)
        return error


def with_options(model: Model, options: Mapping[str, object]) -> tuple[Model, list[str]]:
    """Copies a model and sets the fields for these options (named as in a chat completion). Also returns the options it
    lacks.
    """
    known = type(model).model_fields
    fields = {option: next((name for name in _OPTION_FIELDS[option] if name in known), None) for option in options}
    changes = {name: options[option] for option, name in fields.items() if name is not None}
    lacking = [option for option, name in fields.items() if name is None]
    return (model.model_copy(update=changes) if changes else model), lacking


def finish_reason(metadata: Mapping[str, Any]) -> str:
    """Why a reply ended, under the names and in the words of several providers; `stop` where none is given."""
    reason = next((metadata[key] for key in ("finish_reason", "stop_reason", "done_reason") if metadata.get(key)), "")
    word = str(reason.value if isinstance(reason, Enum) else reason).lower() or "stop"
    return _FINISH_REASONS.get(word, word)


def first_text(thing: object, names: Sequence[str]) -> str:
    """The first of these attributes that is a text; an empty text where none is."""
    values = (getattr(thing, name, None) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


def model_failure(error: Exception, identity: str, secrets: frozenset[str], answered: bool) -> RagevalError:
    """The error to raise for what a model's package raised. `answered` says that the model has answered before.

    Returns `ModelError`, which stops the run, if the key, model or account is refused, or if the model cannot be
    reached and has not answered before. Otherwise returns `ExecutionError`. A rageval error is returned unchanged.
    """
    if isinstance(error, RagevalError):
        return error
    causes = [*_causes(error)]
    text = error_text(error, secrets)
    status = next((status for cause in causes if (status := http_status(cause)) is not None), None)
    if status in (401, 402, 403, 404) or getattr(error, "code", None) == "insufficient_quota":
        shown = "" if status is None else f"status {status}: "
        return ModelError(f"{identity}: {shown}{text}: check key, model name and address")
    unreachable = any(isinstance(cause, OSError) and not isinstance(cause, TimeoutError) for cause in causes)
    if unreachable and status is None and not answered:
        return ModelError(f"{identity}: cannot be reached ({text}): check the address and that the server runs")
    return ExecutionError(f"{identity}: {text}")


def http_status(error: BaseException) -> int | None:
    """The HTTP status in an error of any client: most have it themselves, some in their response."""
    holders = (error, getattr(error, "response", None))
    values = (getattr(holder, name, None) for holder in holders for name in ("status_code", "code", "status"))
    return next((value for value in values if isinstance(value, int) and 400 <= value < 600), None)


def error_text(error: Exception, secrets: frozenset[str] = frozenset()) -> str:
    """Kind and message of the error on one line, without the secrets."""
    text = f"{type(error).__name__}: {error}"
    for secret in secrets:
        text = text.replace(secret, "***")
    return one_line(text)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
