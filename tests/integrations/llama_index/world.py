"""A small corpus, and models of LlamaIndex that do as they are told: no weights, no network."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
from llama_index.core.node_parser import SentenceSplitter
from pydantic import Field

from rageval.benchmark import from_records
from rageval.integrations.llama_index import documents
from rageval.pipeline import Pipeline, Resources
from rageval.types import Benchmark, Document, Question, RelevanceLabel, Response

BENCHMARK = from_records(
    "peaks",
    [
        Document("arlen", "Mount Arlen is 2310 metres high. Two sisters reached its summit in 1871.", "Mount Arlen"),
        Document("brone", "The river Brone is 95 kilometres long. It flows into Lake Corva."),
        Document("baisha", "白沙镇有两万居民。多数人以捕鱼为生。", "白沙镇", "zh", {"source": "survey"}),
    ],
    [Question("q1", "How high is Mount Arlen?"), Question("q2", "How long is the river Brone?")],
    [RelevanceLabel("q1", "arlen", 1), RelevanceLabel("q2", "brone", 1)],
)


class WordEmbedding(BaseEmbedding):
    """Counts of words in 256 bins: texts that share words are close."""

    def _get_text_embedding(self, text: str) -> list[float]:
        vector = [0.0] * 256
        for word in text.lower().replace(".", " ").replace("?", " ").split():
            vector[zlib.crc32(word.encode()) % 256] += 1.0
        return vector

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class ScriptedLLM(CustomLLM):
    """Completes with what `reply` makes of the prompt, or raises it; the prompts are kept, also those of its copies."""

    model: str = "scripted-1"
    temperature: float = 0.1
    max_tokens: int | None = None
    api_key: str | None = None
    reply: Callable[[str], str | CompletionResponse | Exception] = lambda prompt: "It is so."
    prompts: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.prompts.append(prompt)
        said = self.reply(prompt)
        if isinstance(said, Exception):
            raise said
        return CompletionResponse(text=said) if isinstance(said, str) else said

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        whole = self.complete(prompt)

        def parts() -> CompletionResponseGen:
            for end in range(1, len(whole.text) + 1):
                yield CompletionResponse(text=whole.text[:end], delta=whole.text[end - 1], raw=whole.raw)

        return parts()


class ChattingLLM(ScriptedLLM):
    """Its chat is what `respond` makes of itself (a copy with settings) and the messages."""

    logprobs: bool = False
    top_logprobs: int = 0
    respond: Callable[[Any, Sequence[ChatMessage]], Awaitable[ChatResponse]]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self.respond(self, messages)


def index_of(benchmark: Benchmark = BENCHMARK, chunk_size: int = 64) -> VectorStoreIndex:
    """Chunks of whole sentences, of so many words; LlamaIndex's own sentence splitter would read files of NLTK's."""
    splitter = SentenceSplitter(
        chunk_size=chunk_size,
        chunk_overlap=0,
        include_metadata=False,
        chunking_tokenizer_fn=lambda text: re.findall(r"[^.。]+[.。]\s*", text),
    )
    return VectorStoreIndex.from_documents(
        documents(benchmark), embed_model=WordEmbedding(), transformations=[splitter]
    )


def ask(pipeline: Pipeline, text: str = "How high is Mount Arlen?", *, generate: bool = True) -> Response:
    return asyncio.run(pipeline.answer(Question("q", text), Resources(BENCHMARK.documents), generate=generate))
