"""LangChain's chat models and embeddings as rageval's models."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from rageval.errors import DeclarationError
from rageval.integrations.framework_models import (
    FrameworkChat,
    FrameworkEmbedder,
    error_text,
    finish_reason,
    http_status,
    with_options,
)
from rageval.integrations.langchain.callbacks import usage_of
from rageval.integrations.langchain.event_loop import run_in_langchain_loop
from rageval.integrations.langchain.identity import Settings, identity_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder
from rageval.models.wire import read_completion, to_payload, without_lengths
from rageval.types import Usage

# What a model may not know, and the words by which its error names it.
_REFUSABLE: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "structured", "method argument"),
    "logprobs": ("logprobs",),
    "seed": ("seed",),
    "temperature": ("temperature",),
}
_MESSAGES = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_log = logging.getLogger("rageval")


def chat_model(model: BaseChatModel, *, concurrency: int = 16) -> ChatModel:
    """A LangChain chat model for rageval's pipelines and judges; `concurrency` calls at once at most.

    Temperature, longest reply, seed and log-probabilities of a request are set where the model has fields for them, and
    a schema is asked for where it has structured output by `json_schema`; what it refuses by name is left out from then
    on, with a warning. Images are content parts of OpenAI's form, which LangChain's models translate. Without
    log-probabilities judges read the words alone, and without a schema the JSON that their prompts ask for. What the
    model itself is set to in these is not used. Retries are the model's own (`max_retries`).

    The identity names class and model and ends in a digest of the plain settings, without keys. Raises `ModelError`
    where key, model or address are refused, `ExecutionError` where one call failed.
    """
    if not isinstance(cast("object", model), BaseChatModel):
        raise DeclarationError(f"langchain.chat_model: found a {type(model).__name__}, expected a BaseChatModel")
    return LangChainChat(model, concurrency)


def embedder(embeddings: Embeddings) -> Embedder:
    """LangChain embeddings for rageval: `embed_query` for questions, `embed_documents` for passages.

    Vectors are scaled to unit length. Identity and errors are as in `chat_model`; of embeddings that are no pydantic
    model, the plain values that they hold are in the identity.
    """
    if not isinstance(cast("object", embeddings), Embeddings):
        raise DeclarationError(f"langchain.embedder: found a {type(embeddings).__name__}, expected Embeddings")
    return LangChainEmbedder(embeddings)


class LangChainChat(FrameworkChat[AIMessage]):
    """What `chat_model` returns."""

    def __init__(self, model: BaseChatModel, concurrency: int) -> None:
        settings = Settings(model)
        super().__init__(identity_of(model, settings), concurrency, frozenset(settings.secrets))
        self._model = model
        self._left_out: set[str] = set()

    async def _call(self, request: ChatRequest) -> AIMessage:
        while True:
            try:
                return await run_in_langchain_loop(self._ask(request))
            except Exception as error:
                if not self._leave_out(error, request):
                    raise

    def _read(self, reply: AIMessage) -> ChatReply:
        return read_completion(_as_completion(reply), self.identity)

    async def _ask(self, request: ChatRequest) -> AIMessage:
        payload = self._payload(request)
        contents = [(message["role"], message["content"]) for message in payload["messages"]]
        messages = [_MESSAGES[role](content) for role, content in contents]
        options = {name: value for name, value in payload.items() if name not in ("messages", "response_format")}
        model, _ = with_options(self._model, options)
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
        """Drops from now on the option that the model refused by name; returns False if there is none.

        Models of LangChain raise these three Python errors for an option that they do not know.
        """
        if not isinstance(error, TypeError | ValueError | NotImplementedError) and http_status(error) not in (400, 422):
            return False
        told, payload = str(error).lower(), self._payload(request)
        for option, words in _REFUSABLE.items():
            if option in payload and any(word in told for word in words):
                self._left_out.add(option)
                _log.warning(
                    "%s leaves out %s from now on: %s", self.identity, option, error_text(error, self._secrets)
                )
                return True
        return False


class LangChainEmbedder(FrameworkEmbedder):
    """What `embedder` returns."""

    def __init__(self, embeddings: Embeddings) -> None:
        settings = Settings(embeddings)
        super().__init__(identity_of(embeddings, settings), frozenset(settings.secrets))
        self._embeddings = embeddings

    async def _rows(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[list[float]]:
        if kind == "query":
            return [await asyncio.to_thread(self._embeddings.embed_query, text) for text in texts]
        return await asyncio.to_thread(self._embeddings.embed_documents, [*texts])


def _as_completion(message: AIMessage) -> dict[str, Any]:
    """A message as the body of an OpenAI chat completion."""
    metadata = cast("dict[str, Any]", message.response_metadata)  # pyright: ignore[reportUnknownMemberType]
    usage = usage_of(message.usage_metadata) if message.usage_metadata else Usage()
    more = cast("dict[str, Any]", message.additional_kwargs)  # pyright: ignore[reportUnknownMemberType]
    return {
        "choices": [
            {
                "message": {"content": str(message.text), "refusal": more.get("refusal")},
                "finish_reason": finish_reason(metadata),
                "logprobs": metadata.get("logprobs"),
            }
        ],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens": usage.completion_tokens,
        },
    }
