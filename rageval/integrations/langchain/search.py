"""rageval's own search as a LangChain retriever."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from rageval.errors import ExecutionError
from rageval.integrations.langchain.event_loop import is_in_langchain_loop, start_loop
from rageval.integrations.langchain.models import LangChainChat
from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Query, Resources, Stage, State
from rageval.retrieval import BM25, Retrieve
from rageval.types import Benchmark, Hit, Question


def retriever(
    benchmark: Benchmark,
    stage: Stage | None = None,
    *,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
) -> BaseRetriever:
    """A search of rageval's over a benchmark's documents as a LangChain retriever: BM25 unless `stage` says otherwise.

    `Retrieve(k=3)` searches hybrid and needs an embedder; any stage that finds passages will do. The passages of its
    context are returned, with `id`, `start`, `end`, `title` and `score` as metadata. The index is built at once.
    """
    stage = stage or Retrieve(BM25())
    resources = Resources(benchmark.documents, chat=chat, embedder=embedder)
    search = _Search(stage, resources, isinstance(chat, LangChainChat))
    settings = {"benchmark": benchmark.content_hash, "stage": stage.spec(), "models": _identities(chat, embedder)}
    return BenchmarkRetriever(settings, search)


class BenchmarkRetriever(BaseRetriever):
    """What `retriever` returns. `settings` are for fingerprints."""

    settings: dict[str, Any]
    _search: _Search = PrivateAttr()

    def __init__(self, settings: Mapping[str, Any], search: _Search) -> None:
        super().__init__(settings=dict(settings))  # pyright: ignore[reportCallIssue] (pydantic's own)
        self._search = search

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self._search.wait_for(query)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await asyncio.wrap_future(self._search.begin(query))


class _Search:
    """A stage of rageval's and what it draws on, in an event loop of its own: chains ask it from any thread or loop."""

    def __init__(self, stage: Stage, resources: Resources, asks_langchain: bool) -> None:
        self._stage = stage
        self._resources = resources
        self._asks_langchain = asks_langchain
        self._loop = start_loop("rageval-retriever")
        weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        asyncio.run_coroutine_threadsafe(_build(stage, resources), self._loop).result()

    def wait_for(self, query: str) -> list[Document]:
        """Returns the search result. Raises ExecutionError if the model cannot answer while this blocks."""
        if self._asks_langchain and is_in_langchain_loop():
            raise ExecutionError(
                "found rageval's retriever called by `invoke` in an async function, which holds the event loop that "
                "its stage's chat model answers in, expected `await retriever.ainvoke(...)`"
            )
        return self.begin(query).result()

    def begin(self, query: str) -> Future[list[Document]]:
        return asyncio.run_coroutine_threadsafe(_find(query, self._stage, self._resources), self._loop)


async def _build(stage: Stage, resources: Resources) -> None:
    for index in stage.indexes():
        await resources.get(index)


async def _find(text: str, stage: Stage, resources: Resources) -> list[Document]:
    question = Question("", text)
    response = (await stage.run(State(question, (Query(text),), generate=False), resources)).response
    return [_as_document(response.hits[position]) for position in response.context]


def _as_document(hit: Hit) -> Document:
    passage = hit.passage
    metadata = {"start": passage.start, "end": passage.end, "title": passage.title, "score": hit.score}
    return Document(passage.text, id=passage.id, metadata={"id": passage.doc_id, **metadata})


def _identities(*models: ChatModel | Embedder | None) -> list[str | None]:
    return [None if model is None else model.identity for model in models]
