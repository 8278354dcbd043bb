"""LlamaIndex's LLMs and embedding models as rageval's models."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LogProb, MessageRole

from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.integrations.llama_index.identity import model_name
from rageval.integrations.llama_index.usage import as_mapping, usage_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Token, Vectors
from rageval.models.unit_vectors import unit_vectors
from rageval.models.wire import NoTextError, one_line, read_completion

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
    not tell LLMs apart (another address, another system prompt). At most `concurrency` calls are under way. To be used
    inside one event loop; after `close` it may be used in another.

    `complete` raises ModelError where the LLM reports a status 401, 402, 403 or 404 or, before its first reply, cannot
    be reached, and ExecutionError for any other failure.
    """
    if concurrency < 1:
        raise DeclarationError(f"concurrency: found {concurrency}, expected at least 1")
    return LlamaIndexChat(llm, concurrency, name)


def embedder(embed_model: BaseEmbedding, *, name: str | None = None) -> Embedder:
    """An embedder of rageval's from any embedding model of LlamaIndex; vectors are scaled to unit length.

    Questions go to `aget_query_embedding`, passages to `aget_text_embedding_batch`, `embed_batch_size` a call and 8
    calls at once. Identity and errors as at `chat_model`.
    """
    return LlamaIndexEmbedder(embed_model, name)


class LlamaIndexChat:
    """What `chat_model` makes."""

    def __init__(self, llm: BaseLLM, concurrency: int = 16, name: str | None = None) -> None:
        self._llm = llm
        self._identity = f"llama_index/{type(llm).__name__}/{name or model_name(llm)}"
        self._concurrency = concurrency
        self._set_up: dict[tuple[float, int, int], BaseLLM] = {}
        self._places: asyncio.Semaphore | None = None
        self._answered = False
        self._warned = False

    def __repr__(self) -> str:
        return f"LlamaIndexChat({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        messages = _messages(request)
        if self._places is None:
            self._places = asyncio.Semaphore(self._concurrency)
        async with self._places:
            try:
                response = await self._with_settings(request).achat(messages)
            except RagevalError:
                raise
            except Exception as error:
                raise _failure(error, self._identity, self._llm, self._answered) from error
        self._answered = True
        return _reply(response, self._identity)

    async def close(self) -> None:
        self._places = None

    def _with_settings(self, request: ChatRequest) -> BaseLLM:
        key = (request.temperature, request.max_tokens, request.top_logprobs)
        if key not in self._set_up:
            wanted: dict[str, object] = {"temperature": request.temperature}
            longest = "max_new_tokens" if "max_new_tokens" in type(self._llm).model_fields else "max_tokens"
            wanted[longest] = request.max_tokens
            if request.top_logprobs:
                wanted |= {"logprobs": True, "top_logprobs": request.top_logprobs}
            known = {name: value for name, value in wanted.items() if name in type(self._llm).model_fields}
            if len(known) < len(wanted) and not self._warned:
                self._warned = True
                lacking = ", ".join(sorted(wanted.keys() - known.keys()))
                _log.warning("%s does without %s: its class has no such fields", self._identity, lacking)
            self._set_up[key] = self._llm.model_copy(update=known)
        return self._set_up[key]


class LlamaIndexEmbedder:
    """What `embedder` makes."""

    def __init__(self, model: BaseEmbedding, name: str | None = None) -> None:
        self._model = model
        self._identity = f"llama_index/{type(model).__name__}/{name or model.model_name}"
        self._answered = False

    def __repr__(self) -> str:
        return f"LlamaIndexEmbedder({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        size = _BATCHES_AT_ONCE * (1 if kind == "query" else self._model.embed_batch_size)
        rows: list[list[float]] = []
        try:
            for first in range(0, len(texts), size):
                rows += await self._embed_part(list(texts[first : first + size]), kind)
        except RagevalError:
            raise
        except Exception as error:
            raise _failure(error, self._identity, self._model, self._answered) from error
        self._answered = True
        return unit_vectors(rows, len(texts), self._identity)

    async def close(self) -> None:
        return None

    async def _embed_part(self, texts: list[str], kind: Literal["query", "passage"]) -> list[list[float]]:
        if kind == "passage":
            return await self._model.aget_text_embedding_batch(texts)
        return list(await asyncio.gather(*(self._model.aget_query_embedding(text) for text in texts)))


def _failure(error: Exception, identity: str, model: object, answered: bool) -> ExecutionError | ModelError:
    """What an error of a model means for the run."""
    told = f"{type(error).__name__}: {one_line(_without_key(str(error), model))}"
    causes = list(_causes(error))
    status = next((status for cause in causes if (status := _status(cause)) is not None), None)
    if status in (401, 402, 403, 404):
        return ModelError(
            f"{identity}: status {status}: {told}: check key, model name and address of the LlamaIndex model"
        )
    unreachable = any(isinstance(cause, OSError) and not isinstance(cause, TimeoutError) for cause in causes)
    if unreachable and status is None and not answered:
        return ModelError(f"{identity}: cannot be reached ({told}): check its address and that the server runs")
    return ExecutionError(f"{identity}: {told}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error of any client: most have it themselves, some in their response."""
    holders = (error, getattr(error, "response", None))
    values = (getattr(holder, name, None) for holder in holders for name in ("status_code", "code", "status"))
    return next((value for value in values if isinstance(value, int) and 400 <= value < 600), None)


def _without_key(text: str, model: object) -> str:
    key = getattr(model, "api_key", None)
    reveal = getattr(key, "get_secret_value", None)
    key = reveal() if callable(reveal) else key
    return text.replace(key, "***") if isinstance(key, str) and key else text


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
    finish_reason = _finish_reason(raw)
    if not text:
        raise NoTextError(f"{identity}: the reply holds no text (finish reason {finish_reason})")
    return ChatReply(text, finish_reason, _tokens(response.logprobs, text), usage_of(response))


def _finish_reason(raw: Mapping[str, Any]) -> str:
    """Why the reply ended, in rageval's words where it was cut off; `stop` where nobody says."""
    told = next((raw[name] for name in ("finish_reason", "stop_reason", "done_reason") if raw.get(name)), "stop")
    reason = str(told.value if isinstance(told, Enum) else told).lower()
    return "length" if reason in ("length", "max_tokens") else "stop" if reason == "end_turn" else reason


def _tokens(logprobs: list[list[LogProb]] | None, text: str) -> tuple[Token, ...]:
    """The tokens of a reply, where the likeliest alternatives spell it: LlamaIndex does not say which were drawn."""
    tokens: list[Token] = []
    for alternatives in logprobs or ():
        pairs = sorted(((one.token, one.logprob) for one in alternatives), key=lambda pair: -pair[1])
        tokens.append(Token(pairs[0][0] if pairs else "", tuple(pair for pair in pairs if math.isfinite(pair[1]))))
    return tuple(tokens) if "".join(token.text for token in tokens) == text else ()
