"""LangChain's chat models and embeddings as rageval's models."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.integrations.langchain.callbacks import usage_of
from rageval.integrations.langchain.event_loop import run_in_langchain_loop
from rageval.integrations.langchain.identity import Settings, error_text, identity_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Vectors
from rageval.models.unit_vectors import unit_vectors
from rageval.models.wire import read_completion, to_payload, without_lengths
from rageval.types import Usage

# How the fields of LangChain's chat models are called that set what a request asks for.
_OPTION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens", "max_output_tokens", "num_predict", "max_new_tokens"),
    "seed": ("seed",),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
}
# What a model may not know, and the words by which its error names it.
_REFUSABLE: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "structured", "method argument"),
    "logprobs": ("logprobs",),
    "seed": ("seed",),
    "temperature": ("temperature",),
}
_FINISH_REASONS = {"max_tokens": "length", "end_turn": "stop", "stop_sequence": "stop", "safety": "content_filter"}
_MESSAGES = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_log = logging.getLogger("rageval")


def chat_model(model: BaseChatModel, *, concurrency: int = 16) -> ChatModel:
    """A LangChain chat model for rageval's pipelines and judges; `concurrency` calls at once at most.

    Temperature, longest reply, seed and log-probabilities of a request are set where the model has fields for them, and
    a schema is asked for where it has structured output by `json_schema`; what it refuses by name is left out from then
    on, with a warning. Without log-probabilities judges read the words alone, and without a schema the JSON that their
    prompts ask for. What the model itself is set to in these is not used. Retries are the model's own (`max_retries`).

    The identity names class and model and ends in a digest of the plain settings, without keys. Raises `ModelError`
    where key, model or address are refused, `ExecutionError` where one call failed.
    """
    if not isinstance(cast("object", model), BaseChatModel):
        raise DeclarationError(f"langchain.chat_model: found a {type(model).__name__}, expected a BaseChatModel")
    if concurrency < 1:
        raise DeclarationError(f"concurrency: found {concurrency}, expected at least 1")
    return LangChainChat(model, concurrency)


def embedder(embeddings: Embeddings) -> Embedder:
    """LangChain embeddings for rageval: `embed_query` for questions, `embed_documents` for passages.

    Vectors are scaled to unit length. Identity and errors are as in `chat_model`; of embeddings that are no pydantic
    model, the class and the model's name alone are in the identity.
    """
    if not isinstance(cast("object", embeddings), Embeddings):
        raise DeclarationError(f"langchain.embedder: found a {type(embeddings).__name__}, expected Embeddings")
    return LangChainEmbedder(embeddings)


class LangChainChat:
    """What `chat_model` returns. To be used inside one event loop; after `close` it may be used in another."""

    def __init__(self, model: BaseChatModel, concurrency: int) -> None:
        settings = Settings(model)
        self._model = model
        self._identity = identity_of(model, settings)
        self._secrets = frozenset(settings.secrets)
        self._concurrency = concurrency
        self._places: asyncio.Semaphore | None = None
        self._left_out: set[str] = set()
        self._answered = False

    def __repr__(self) -> str:
        return f"LangChainChat({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        if self._places is None:
            self._places = asyncio.Semaphore(self._concurrency)
        async with self._places:
            outcome = await self._attempt(request)
            while isinstance(outcome, Exception) and self._leave_out(outcome, request):
                outcome = await self._attempt(request)
        if isinstance(outcome, Exception):
            raise _failure(outcome, self.identity, self._secrets, self._answered)
        self._answered = True
        return read_completion(_as_completion(outcome), self.identity)

    async def close(self) -> None:
        self._places = None

    async def _attempt(self, request: ChatRequest) -> AIMessage | Exception:
        """The message, or what was raised: told outside, so that no chained exception carries the request's key."""
        try:
            return await run_in_langchain_loop(self._ask(request))
        except Exception as error:  # noqa: BLE001 (whatever a provider's package raises)
            return error

    async def _ask(self, request: ChatRequest) -> AIMessage:
        payload = self._payload(request)
        messages = [_MESSAGES[message.role](message.content) for message in request.messages]
        model = _with_options(self._model, payload)
        structured = type(model).with_structured_output
        taken = inspect.signature(structured).parameters
        if "response_format" not in payload or "method" not in taken:
            return await model.ainvoke(messages)
        form = payload["response_format"]["json_schema"]
        strict: dict[str, Any] = {"strict": form["strict"]} if "strict" in taken else {}
        schema = {"title": form["name"], "description": "The reply.", **form["schema"]}
        asked = cast(
            "Runnable[Any, dict[str, Any]]", structured(model, schema, method="json_schema", include_raw=True, **strict)
        )
        return (await asked.ainvoke(messages))["raw"]

    def _payload(self, request: ChatRequest) -> dict[str, Any]:
        payload = without_lengths(to_payload(request))
        for option in self._left_out:
            payload.pop(option, None)
        if "logprobs" in self._left_out:
            payload.pop("top_logprobs", None)
        return payload

    def _leave_out(self, error: Exception, request: ChatRequest) -> bool:
        """Do from now on without the option of this request that the model refused by name; False where none is."""
        if not isinstance(error, TypeError | ValueError | NotImplementedError) and _status(error) not in (400, 422):
            return False
        told, payload = str(error).lower(), self._payload(request)
        for option, words in _REFUSABLE.items():
            if option in payload and any(word in told for word in words):
                self._left_out.add(option)
                _log.warning(
                    "%s does without %s from now on: %s", self.identity, option, error_text(error, self._secrets)
                )
                return True
        return False


class LangChainEmbedder:
    """What `embedder` returns."""

    def __init__(self, embeddings: Embeddings) -> None:
        settings = Settings(embeddings)
        self._embeddings = embeddings
        self._identity = identity_of(embeddings, settings)
        self._secrets = frozenset(settings.secrets)
        self._answered = False

    def __repr__(self) -> str:
        return f"LangChainEmbedder({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        rows = await self._attempt(texts, kind)
        if isinstance(rows, Exception):
            raise _failure(rows, self.identity, self._secrets, self._answered)
        self._answered = True
        return unit_vectors(rows, len(texts), self.identity)

    async def close(self) -> None:
        return None

    async def _attempt(self, texts: Sequence[str], kind: str) -> list[list[float]] | Exception:
        try:
            if kind == "query":
                return [await asyncio.to_thread(self._embeddings.embed_query, text) for text in texts]
            return await asyncio.to_thread(self._embeddings.embed_documents, [*texts])
        except Exception as error:  # noqa: BLE001 (whatever a provider's package raises)
            return error


def _with_options(model: BaseChatModel, payload: Mapping[str, Any]) -> BaseChatModel:
    """The model, with those of its fields set that the payload asks for."""
    fields = type(model).model_fields
    named = {option: next((name for name in names if name in fields), None) for option, names in _OPTION_FIELDS.items()}
    changes = {name: payload[option] for option, name in named.items() if name and option in payload}
    return model.model_copy(update=changes) if changes else model


def _as_completion(message: AIMessage) -> dict[str, Any]:
    """A message as the body of an OpenAI chat completion."""
    metadata = cast("dict[str, Any]", message.response_metadata)  # pyright: ignore[reportUnknownMemberType]
    reason = next(
        (metadata[key] for key in ("finish_reason", "stop_reason", "done_reason") if metadata.get(key)), "stop"
    )
    finish_reason = str(reason).lower()
    usage = usage_of(message.usage_metadata) if message.usage_metadata else Usage()
    more = cast("dict[str, Any]", message.additional_kwargs)  # pyright: ignore[reportUnknownMemberType]
    return {
        "choices": [
            {
                "message": {"content": str(message.text), "refusal": more.get("refusal")},
                "finish_reason": _FINISH_REASONS.get(finish_reason, finish_reason),
                "logprobs": metadata.get("logprobs"),
            }
        ],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens": usage.completion_tokens,
        },
    }


def _failure(error: Exception, identity: str, secrets: frozenset[str], answered: bool) -> Exception:
    """The error to raise for what a model's package raised. `answered` says that the model has answered before."""
    if isinstance(error, RagevalError):
        return error
    status, told = _status(error), f"{identity}: {error_text(error, secrets)}"
    if status in (401, 402, 403, 404) or getattr(error, "code", None) == "insufficient_quota":
        return ModelError(f"{told}: check key, model name and address")
    if not answered and _is_unreachable(error):
        return ModelError(f"{told}: cannot be reached: check the address and that the server runs")
    return ExecutionError(told)


def _status(error: Exception) -> int | None:
    """The HTTP status, as providers' packages keep it."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _is_unreachable(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ConnectionError):
        error = error.__cause__ or error.__context__
    return error is not None
