"""A search of rageval's as a LangChain retriever."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from rageval.errors import DeclarationError, ExecutionError
from rageval.generation import WriteHypotheticalAnswers
from rageval.integrations.langchain import chat_model, pipeline, retriever
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources, Stage, State
from rageval.retrieval import BM25, Dense, Retrieve, SentenceChunker, hybrid
from rageval.types import Hit, Question, Response
from tests.integrations.langchain.test_stores import BENCHMARK

QUESTION = "How high is Mount Arlen?"
STAGES = {
    "bm25": Retrieve(BM25(), k=2),
    "dense": Retrieve(Dense(), k=4),
    "hybrid": Retrieve(hybrid(SentenceChunker(tokens=12)), k=3),
}


def straight(stage: Stage, text: str = QUESTION) -> list[Hit]:
    """The context of the stage where LangChain has no part in it."""
    state = State(Question("q", text), (Query(text),))
    resources = Resources(BENCHMARK.documents, embedder=HashEmbedder())
    response = asyncio.run(stage.run(state, resources)).response
    return [response.hits[place] for place in response.context]


@pytest.mark.parametrize("name", STAGES)
def test_it_finds_what_the_stage_finds(name: str) -> None:
    stage = STAGES[name]
    hits = straight(stage)
    found = retriever(BENCHMARK, stage, embedder=HashEmbedder()).invoke(QUESTION)
    assert [(d.page_content, d.metadata["id"], d.metadata["start"], d.metadata["end"]) for d in found] == [
        (hit.passage.text, hit.passage.doc_id, hit.passage.start, hit.passage.end) for hit in hits
    ]
    assert [d.metadata["score"] for d in found] == [hit.score for hit in hits]
    assert [d.id for d in found] == [hit.passage.id for hit in hits]


@pytest.mark.parametrize("name", STAGES)
def test_as_a_pipeline_its_documents_map_back(name: str) -> None:
    stage = STAGES[name]
    used = pipeline(retriever(BENCHMARK, stage, embedder=HashEmbedder()))
    response = asyncio.run(used.answer(Question("q", QUESTION), Resources(BENCHMARK.documents)))
    assert [hit.passage for hit in response.hits] == [hit.passage for hit in straight(stage)]


def test_from_several_threads_and_event_loops() -> None:
    search = retriever(BENCHMARK, STAGES["hybrid"], embedder=HashEmbedder())
    expected = [hit.passage.id for hit in straight(STAGES["hybrid"])]
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: search.invoke(QUESTION), range(8))]

    async def several() -> list[list[str | None]]:
        return [[d.id for d in found] for found in await asyncio.gather(*(search.ainvoke(QUESTION) for _ in range(3)))]

    assert [[d.id for d in one] for one in found] == [expected] * 8
    assert asyncio.run(several()) == [expected] * 3
    assert asyncio.run(several()) == [expected] * 3


def test_within_a_chain_that_runs_in_an_event_loop() -> None:
    search = retriever(BENCHMARK)

    def first(text: str) -> str:
        return str(search.invoke(text)[0].metadata["id"])

    chain = RunnableLambda(first)
    assert asyncio.run(chain.ainvoke(QUESTION)) == "arlen"


def test_a_blocking_call_that_would_wait_for_itself_is_refused() -> None:
    model = FakeListChatModel(responses=["Mount Arlen is 2310 m high."])
    search = retriever(BENCHMARK, WriteHypotheticalAnswers(1) >> Retrieve(BM25(), k=2), chat=chat_model(model))

    async def blocking(text: str) -> list[Document]:
        return search.invoke(text)

    async def waiting(text: str) -> list[Document]:
        return await search.ainvoke(text)

    def ask(function: Callable[[str], Awaitable[list[Document]]]) -> Response:
        chain = pipeline(RunnableLambda(function))
        return asyncio.run(chain.answer(Question("q", QUESTION), Resources(BENCHMARK.documents)))

    with pytest.raises(ExecutionError, match=r"called by `invoke` in an async function.*expected `await retriever.ain"):
        ask(blocking)
    assert ask(waiting).hits[0].passage.doc_id == "arlen"
    assert search.invoke(QUESTION)[0].metadata["id"] == "arlen"


def test_what_it_lacks_is_said_when_it_is_made() -> None:
    with pytest.raises(DeclarationError, match="needs an embedder"):
        retriever(BENCHMARK, Retrieve(Dense()))


def test_its_thread_ends_with_it() -> None:
    search = retriever(BENCHMARK)
    assert search.invoke(QUESTION)
    threads = [thread for thread in threading.enumerate() if thread.name == "rageval-retriever"]
    del search
    gc.collect()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_its_settings_are_in_the_fingerprint_of_a_chain() -> None:
    def spec(stage: Stage) -> object:
        return pipeline(retriever(BENCHMARK, stage, embedder=HashEmbedder())).stage.spec()

    assert spec(Retrieve(Dense(), k=4)) == spec(STAGES["dense"]) != spec(Retrieve(Dense(), k=3))
