"""LlamaIndex's LLMs and embedding models as rageval's models."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Sequence
from typing import Literal

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LogProb, MessageRole

from rageval.errors import ExecutionError
from rageval.integrations.framework_models import FrameworkChat, FrameworkEmbedder, finish_reason, with_options
from rageval.integrations.llama_index.identity import model_name
from rageval.integrations.llama_index.usage import as_mapping, usage_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Token, refuse_images
from rageval.models.wire import NoTextError, read_completion

_BATCHES_AT_ONCE = 8
_log = logging.getLogger("rageval")


def chat_model(llm: BaseLLM, *, concurrency: int = 16, name: str | None = None) -> ChatModel:
    """A chat model of rageval's from any LLM of LlamaIndex, for answers and for judging.

    Each call is made by a copy of the LLM whose fields `temperature`, `max_tokens` (or `max_new_tokens`), `logprobs`
    and `top_logprobs` say what is asked for; of those that its class lacks, one warning is logged, and the LLM does as
    it was built. A JSON schema stands at the end of the last message, and nothing holds the LLM to it. A raw reply that
    is a chat completion of OpenAI's form is read whole (tokens, log-probabilities, why it ended); of others the text,
    the usual names of usage, and log-probabilities whose likeliest tokens spell the text. Retries are its own, and an
    LLM without async methods answers one call after another.

    The identity, under which replies are kept, is the class and the model's name, or `name`: give one where those do
    not tell LLMs apart (another address, another system prompt). At most `concurrency` calls are under way.

    `complete` raises ModelError for images, where the LLM reports a status 401, 402, 403 or 404 or, before its first
    reply, cannot be reached, and ExecutionError for any other failure.
    """
    return LlamaIndexChat(llm, concurrency, name)


def embedder(embed_model: BaseEmbedding, *, name: str | None = None) -> Embedder:
    """An embedder of rageval's from any embedding model of LlamaIndex; vectors are scaled to unit length.

    Questions go to `aget_query_embedding`, passages to `aget_text_embedding_batch`, `embed_batch_size` a call and 8
    calls at once. Identity and errors as at `chat_model`.
    """
    return LlamaIndexEmbedder(embed_model, name)


class LlamaIndexChat(FrameworkChat[ChatResponse]):
    """What `chat_model` returns."""

    reads_images = False

    def __init__(self, llm: BaseLLM, concurrency: int = 16, name: str | None = None) -> None:
        super().__init__(f"llama_index/{type(llm).__name__}/{name or model_name(llm)}", concurrency, _secrets(llm))
        self._llm = llm
        self._set_up: dict[tuple[float, int, int], BaseLLM] = {}
        self._warned = False

    async def _call(self, request: ChatRequest) -> ChatResponse:
        refuse_images(request, self.identity)
        return await self._with_settings(request).achat(_messages(request))

    def _read(self, reply: ChatResponse) -> ChatReply:
        return _reply(reply, self.identity)

    def _with_settings(self, request: ChatRequest) -> BaseLLM:
        key = (request.temperature, request.max_tokens, request.top_logprobs)
        if key not in self._set_up:
            options: dict[str, object] = {"temperature": request.temperature, "max_tokens": request.max_tokens}
            if request.top_logprobs:
                options |= {"logprobs": True, "top_logprobs": request.top_logprobs}
            self._set_up[key], lacking = with_options(self._llm, options)
            if lacking and not self._warned:
                self._warned = True
                _log.warning("%s leaves out %s: its class has no such fields", self.identity, ", ".join(lacking))
        return self._set_up[key]


class LlamaIndexEmbedder(FrameworkEmbedder):
    """What `embedder` returns."""

    def __init__(self, model: BaseEmbedding, name: str | None = None) -> None:
        super().__init__(f"llama_index/{type(model).__name__}/{name or model.model_name}", _secrets(model))
        self._model = model

    async def _rows(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[list[float]]:
        size = _BATCHES_AT_ONCE * (1 if kind == "query" else self._model.embed_batch_size)
        rows: list[list[float]] = []
        for first in range(0, len(texts), size):
            rows += await self._batches(list(texts[first : first + size]), kind)
        return rows

    async def _batches(self, texts: list[str], kind: Literal["query", "passage"]) -> list[list[float]]:
        if kind == "passage":
            return await self._model.aget_text_embedding_batch(texts)
        return list(await asyncio.gather(*(self._model.aget_query_embedding(text) for text in texts)))


def _secrets(model: object) -> frozenset[str]:
    """The model's key, which no error may show."""
    key = getattr(model, "api_key", None)
    reveal = getattr(key, "get_secret_value", None)
    key = reveal() if callable(reveal) else key
    return frozenset({key}) if isinstance(key, str) and key else frozenset()


def _messages(request: ChatRequest) -> list[ChatMessage]:
    texts = [one.content for one in request.messages]
    if request.schema is not None:
        texts[-1] += f"\nJSON schema: {json.dumps(dict(request.schema), ensure_ascii=False)}"
    roles = [MessageRole(one.role) for one in request.messages]
    return [ChatMessage(role=role, content=text) for role, text in zip(roles, texts, strict=True)]


def _reply(response: ChatResponse, identity: str) -> ChatReply:
    """The reply in LlamaIndex's response. Raises NoTextError where it holds no text."""
    raw = as_mapping(response.raw)
    if raw.get("choices"):
        try:
            return read_completion(raw, identity)
        except NoTextError:
            raise
        except ExecutionError:
            pass  # of another form, so only what LlamaIndex read in it is known
    text = response.message.content
    reason = finish_reason(raw)
    if not text:
        raise NoTextError(f"{identity}: the reply holds no text (finish reason {reason})")
    return ChatReply(text, reason, _tokens(response.logprobs, text), usage_of(response))


def _tokens(logprobs: list[list[LogProb]] | None, text: str) -> tuple[Token, ...]:
    """The tokens of a reply, where the likeliest alternatives spell it: LlamaIndex does not say which were drawn."""
    tokens: list[Token] = []
    for alternatives in logprobs or ():
        pairs = sorted(((one.token, one.logprob) for one in alternatives), key=lambda pair: -pair[1])
        tokens.append(Token(pairs[0][0] if pairs else "", tuple(pair for pair in pairs if math.isfinite(pair[1]))))
    return tuple(tokens) if "".join(token.text for token in tokens) == text else ()
