"""Engines and retrievers of LlamaIndex as pipelines."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import PromptTemplate, StorageContext, VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.base.response.schema import Response as LlamaResponse
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine
from llama_index.core.schema import (
    BaseNode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery, VectorStoreQueryResult
from pydantic import BaseModel, Field, PrivateAttr

import rageval
from rageval.errors import BudgetError, DeclarationError, ExecutionError
from rageval.generation import Answer
from rageval.integrations.llama_index import documents, pipeline, retrieve
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Chain, Pipeline, Query, Resources, State
from rageval.types import Question, Usage
from tests.integrations.llama_index.world import BENCHMARK, ChattingLLM, ScriptedLLM, WordEmbedding, ask, index_of

TOLD = {"usage": {"prompt_tokens": 30, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}}
ARLEN = BENCHMARK.documents[0]


class Gives(BaseRetriever):
    """A retriever without an async method of its own."""

    def __init__(self, *nodes: NodeWithScore) -> None:
        super().__init__()
        self._given = list(nodes)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self._given


class Custom(CustomQueryEngine):
    """A query engine of the user's own."""

    answer: Callable[[str], Any]

    def custom_query(self, query_str: str) -> Any:
        return self.answer(query_str)


def told(prompt: str) -> CompletionResponse:
    return CompletionResponse(text="2310 metres.", raw=TOLD)


# Hits, answers, usage


def test_a_query_engine_gives_passages_an_answer_and_usage() -> None:
    index = index_of(chunk_size=12)
    pipe = pipeline(index.as_query_engine(llm=ScriptedLLM(reply=told), similarity_top_k=3))
    response = ask(pipe)
    found = index.as_retriever(similarity_top_k=3).retrieve("How high is Mount Arlen?")
    assert pipe.label == "RetrieverQueryEngine"
    assert [hit.score for hit in response.hits] == [node.score for node in found]
    assert [hit.passage.doc_id for hit in response.hits] == [node.node.ref_doc_id for node in found]
    by_id = {document.id: document for document in BENCHMARK.documents}
    for hit in response.hits:
        document = by_id[hit.passage.doc_id]
        assert hit.passage.text == document.text[hit.passage.start : hit.passage.end]
        assert hit.passage.title == document.title
    assert response.hits[0].passage.text == "Mount Arlen is 2310 metres high."
    assert (response.context, response.answer, response.abstained) == ((0, 1, 2), "2310 metres.", False)
    # One call, though LlamaIndex tells three: a completion within a completion within a prediction.
    assert response.usage == Usage(calls=1, prompt_tokens=30, cached_tokens=8, completion_tokens=5)
    assert [(step.name, step.usage.calls) for step in response.steps] == [("llama_index", 1)]
    assert response.latency_s > 0.0


def test_an_llm_that_tells_no_tokens_is_counted_by_calls() -> None:
    response = ask(pipeline(index_of().as_query_engine(llm=ScriptedLLM())))
    assert response.usage == Usage(calls=1)


def test_calls_beside_each_other_all_count() -> None:
    """`accumulate` asks about each node, all at once."""

    async def respond(llm: ChattingLLM, messages: Any) -> ChatResponse:
        await asyncio.sleep(0)
        return ChatResponse(message={"role": "assistant", "content": "Part."}, raw=TOLD)

    llm = ChattingLLM(respond=respond)
    index = index_of(chunk_size=8)
    engine = index.as_query_engine(llm=llm, similarity_top_k=4, response_mode="accumulate")
    engine.update_prompts({"response_synthesizer:text_qa_template": PromptTemplate("{context_str}{query_str}")})
    assert ask(pipeline(engine)).usage == Usage(4, prompt_tokens=120, cached_tokens=32, completion_tokens=20)


def test_a_call_that_failed_hides_none_of_those_after_it() -> None:
    replies: list[Any] = [ConnectionResetError("gone"), CompletionResponse(text="Second.", raw=TOLD), "Third."]
    llm = ScriptedLLM(reply=lambda prompt: replies.pop(0))

    def twice(text: str) -> str:
        with pytest.raises(ConnectionResetError):
            llm.complete(text)
        return llm.complete(text).text + llm.complete(text).text

    response = ask(pipeline(Custom(answer=twice)))
    assert response.answer == "Second.Third."
    assert response.usage == Usage(2, prompt_tokens=30, cached_tokens=8, completion_tokens=5)


def test_questions_at_the_same_time_count_their_own_calls() -> None:
    together = asyncio.Barrier(2)

    async def respond(llm: ChattingLLM, messages: Any) -> ChatResponse:
        await together.wait()
        raw = {"usage": {"input_tokens": 7 if "Brone?" in str(messages[-1]) else 3, "output_tokens": 1}}
        return ChatResponse(message={"role": "assistant", "content": "So."}, raw=raw)

    pipe = pipeline(index_of().as_query_engine(llm=ChattingLLM(respond=respond), similarity_top_k=1))

    async def both() -> list[int]:
        asked = (pipe.answer(question, Resources(BENCHMARK.documents)) for question in BENCHMARK.questions)
        return [response.usage.prompt_tokens for response in await asyncio.gather(*asked)]

    assert asyncio.run(both()) == [3, 7]


def test_a_streaming_engine_is_read_to_its_end() -> None:
    response = ask(pipeline(index_of().as_query_engine(llm=ScriptedLLM(reply=told), streaming=True)))
    assert (response.answer, response.usage.completion_tokens, response.usage.calls) == ("2310 metres.", 5, 1)


def test_a_structured_answer_is_json() -> None:
    class Height(BaseModel):
        metres: int

    llm = ScriptedLLM(reply=lambda prompt: '{"metres": 2310}').as_structured_llm(Height)
    assert ask(pipeline(index_of().as_query_engine(llm=llm))).answer == '{"metres":2310}'


def test_a_retriever_gives_hits_and_no_answer() -> None:
    response = ask(pipeline(index_of().as_retriever(similarity_top_k=1), name="vectors"))
    assert [hit.passage.doc_id for hit in response.hits] == ["arlen"]
    assert (response.answer, response.abstained, response.context, response.usage) == (None, False, (0,), Usage())


def test_without_answers_a_query_engine_only_retrieves() -> None:
    llm = ScriptedLLM()
    response = ask(pipeline(index_of().as_query_engine(llm=llm, similarity_top_k=1)), generate=False)
    assert (response.answer, len(response.hits), llm.prompts) == (None, 1, [])


def test_an_engine_that_queries_in_its_own_way_is_queried() -> None:
    class Twice(RetrieverQueryEngine):
        async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
            nodes = await self.aretrieve(query_bundle)
            return LlamaResponse("Mine.", nodes + nodes)

    engine = Twice.from_args(index_of().as_retriever(similarity_top_k=1), llm=ScriptedLLM())
    response = ask(pipeline(engine), generate=False)
    assert (response.answer, len(response.hits)) == ("Mine.", 2)


def test_systems_without_async_methods_run_beside_each_other() -> None:
    """Each waits for the other: in one thread they would wait for ever."""
    barrier = threading.Barrier(2, timeout=20)

    def answer(text: str) -> str:
        barrier.wait()
        return "Because."

    class Waits(Gives):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            barrier.wait()
            return []

    async def both() -> None:
        pipes = pipeline(Custom(answer=answer)), pipeline(Waits())
        await asyncio.gather(*(pipe.answer(Question("q", "Why?"), Resources(())) for pipe in pipes))

    asyncio.run(both())


@pytest.mark.parametrize("text", ["Empty Response", "I don't know.", "根据已知信息无法回答该问题。"])
def test_having_nothing_to_say_is_an_abstention(text: str) -> None:
    assert ask(pipeline(Custom(answer=lambda question: text))).abstained


def test_an_engine_without_nodes_abstains() -> None:
    llm = ScriptedLLM()
    response = ask(pipeline(VectorStoreIndex([], embed_model=index_of()._embed_model).as_query_engine(llm=llm)))
    assert (response.hits, response.answer, response.abstained) == ((), "Empty Response", True)


# Chat engines


def test_a_chat_engine_forgets_each_question_and_hears_one_at_a_time() -> None:
    under_way: list[int] = []

    async def respond(llm: ChattingLLM, messages: Any) -> ChatResponse:
        under_way.append(1)
        assert len(under_way) == 1
        await asyncio.sleep(0.01)
        under_way.pop()
        said = sum(message.role.value == "user" for message in messages)
        return ChatResponse(message={"role": "assistant", "content": f"{said} said"}, raw=TOLD)

    engine = ContextChatEngine.from_defaults(
        retriever=index_of().as_retriever(similarity_top_k=1),
        llm=ChattingLLM(respond=respond),
        memory=ChatMemoryBuffer.from_defaults(token_limit=1000, tokenizer_fn=str.split),
    )
    pipe = pipeline(engine)

    async def all_three() -> list[Any]:
        resources = Resources(BENCHMARK.documents)
        return await asyncio.gather(*(pipe.answer(Question(str(n), "How high?"), resources) for n in range(3)))

    for responses in (asyncio.run(all_three()), asyncio.run(all_three())):
        assert [response.answer for response in responses] == ["1 said"] * 3
        assert all(len(response.hits) == response.usage.calls == 1 for response in responses)


# Nodes and documents


def node(text: str, ref: str | None = None, **fields: Any) -> TextNode:
    relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=ref)} if ref else {}
    return TextNode(text=text, relationships=relationships, **fields)


def hit_of(given: BaseNode, score: float | None = 0.5) -> Any:
    (hit,) = ask(pipeline(Gives(NodeWithScore(node=given, score=score)))).hits
    return hit


SUMMIT = "Two sisters reached its summit in 1871."


@pytest.mark.parametrize(
    ("given", "start"),
    [
        (node(SUMMIT, "arlen", start_char_idx=33, end_char_idx=72), 33),
        (node(SUMMIT, "arlen"), 33),
        (node(SUMMIT, "arlen", start_char_idx=0, end_char_idx=39), 33),  # offsets in a chunk that was split again
        (node(SUMMIT, "arlen", metadata={"doc_id": "brone"}), 33),
        (node(SUMMIT, "page 7", metadata={"doc_id": "arlen"}), 33),
        (node(SUMMIT, metadata={"doc_id": 7}, id_="arlen"), 33),
    ],
)
def test_a_node_is_a_span_of_its_document(given: TextNode, start: int) -> None:
    passage = hit_of(given).passage
    assert (passage.doc_id, passage.title, passage.text) == ("arlen", "Mount Arlen", given.text)
    assert (passage.start, passage.end) == (start, start + len(given.text))


def test_a_summary_has_no_place_in_its_document() -> None:
    passage = hit_of(node("A mountain.", "arlen", start_char_idx=5, end_char_idx=16)).passage
    assert (passage.start, passage.end, passage.text) == (0, 0, "A mountain.")


def test_the_place_that_a_node_tells_counts_where_its_text_stands_twice() -> None:
    benchmark = rageval.benchmark_from_records("echo", [rageval.Document("e", "So. So. So.")], BENCHMARK.questions)
    pipe = pipeline(Gives(NodeWithScore(node=node("So.", "e", start_char_idx=8, end_char_idx=11), score=1.0)))
    response = asyncio.run(pipe.answer(Question("q", "So?"), Resources(benchmark.documents)))
    assert (response.hits[0].passage.start, response.hits[0].passage.end) == (8, 11)


def test_a_whole_document_is_a_hit() -> None:
    passage = hit_of(documents(BENCHMARK)[0]).passage
    assert (passage.doc_id, passage.start, passage.end) == ("arlen", 0, len(ARLEN.text))


def test_scores_that_are_lacking_or_no_numbers() -> None:
    given = [NodeWithScore(node=node(text, "arlen"), score=None) for text in ARLEN.text.split()[:3]]
    assert [hit.score for hit in ask(pipeline(Gives(*given))).hits] == [0.0, -1.0, -2.0]
    with pytest.raises(ExecutionError, match="found the score nan, expected a finite number"):
        hit_of(node(SUMMIT, "arlen"), float("nan"))


def test_a_node_of_no_document_fails_its_question_and_is_counted(tmp_path: Path) -> None:
    stray = NodeWithScore(node=node("Elsewhere.", "page 7", id_="n1"), score=1.0)
    with pytest.raises(ExecutionError) as failed:
        ask(pipeline(Gives(stray)))
    assert str(failed.value).startswith("node 'n1': found ref_doc_id 'page 7' and metadata doc_id None, expected a doc")
    assert "documents(benchmark)" in str(failed.value)

    result = rageval.evaluate(BENCHMARK, [pipeline(Gives(stray))], ["hit_rate@1"], out=tmp_path)
    estimate = result["Gives"]["hit_rate@1"]
    assert estimate is not None
    assert (estimate.point, estimate.n, estimate.failed) == (0.0, 2, 2)


# What goes wrong


def test_whatever_it_raises_is_the_failure_of_that_question() -> None:
    def breaks(text: str) -> str:
        raise KeyError("a\nb")

    with pytest.raises(ExecutionError, match=r"^KeyError: 'a\\nb'$"):
        ask(pipeline(Custom(answer=breaks)))
    with pytest.raises(ExecutionError, match=r"^TimeoutError: late$"):
        ask(pipeline(index_of().as_query_engine(llm=ScriptedLLM(reply=lambda prompt: TimeoutError("late")))))
    with pytest.raises(ExecutionError, match="the engine returned a int, expected a response of LlamaIndex"):
        ask(pipeline(Custom(answer=lambda text: 7)))


def test_what_stops_a_run_in_rageval_stops_it_from_within_an_engine() -> None:
    with pytest.raises(BudgetError, match="spent"):
        ask(pipeline(index_of().as_query_engine(llm=ScriptedLLM(reply=lambda prompt: BudgetError("spent")))))


def test_other_things_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"found a VectorStoreIndex, expected a query engine.*as_query_engine"):
        pipeline(index_of())  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeclarationError, match="found a RetrieverQueryEngine, expected an index"):
        retrieve(index_of().as_query_engine(llm=ScriptedLLM()))  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeclarationError, match=r"k: found 6 \(depth 5\)"):
        retrieve(index_of(), k=6, depth=5)


# What identifies a pipeline


def source(pipe: Pipeline) -> object:
    fields = pipe.stage.spec()["fields"]
    assert isinstance(fields, dict)
    return fields["source"]


def engine(chunk_size: int = 64, **changes: Any) -> BaseQueryEngine:
    llm = ScriptedLLM(**changes.pop("llm", {}))
    return index_of(chunk_size=chunk_size).as_query_engine(llm=llm, **{"similarity_top_k": 2, **changes})


def test_systems_built_alike_have_one_fingerprint(caplog: pytest.LogCaptureFixture) -> None:
    """In spite of the ids that LlamaIndex draws anew, of keys, and of the name."""
    assert source(pipeline(engine())) == source(pipeline(engine(llm={"api_key": "sk-1"}), name="other"))
    assert not caplog.records


@pytest.mark.parametrize(
    "changes",
    [
        {"similarity_top_k": 3},
        {"chunk_size": 8},
        {"llm": {"model": "scripted-2"}},
        {"llm": {"temperature": 0.9}},
        {"response_mode": "tree_summarize"},
        {"text_qa_template": PromptTemplate("{context_str} {query_str}")},
        {"vector_store_query_mode": "mmr"},
    ],
    ids=str,
)
def test_what_can_be_seen_of_a_system_changes_its_fingerprint(changes: dict[str, Any]) -> None:
    assert source(pipeline(engine(**changes))) != source(pipeline(engine()))


def test_functions_in_an_engine_of_ones_own_are_in_the_fingerprint() -> None:
    one, same, other = (pipeline(Custom(answer=answer)) for answer in (say_one, say_one, say_other))
    assert source(one) == source(same) != source(other)


def say_one(text: str) -> str:
    return "one"


def say_other(text: str) -> str:
    return "other"


def test_the_code_of_a_class_of_ones_own_is_in_the_fingerprint() -> None:
    def build(n: int) -> BaseRetriever:
        class Mine(Gives):
            def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
                return self._given[:n]

        return Mine()

    assert source(pipeline(build(1))) == source(pipeline(build(1))) != source(pipeline(build(2)))


class ListStore(BasePydanticVectorStore):
    """A vector store of the user's own, which keeps texts itself, beside what cannot be read."""

    stores_text: bool = True
    nodes: list[BaseNode] = Field(default_factory=list)
    held: Any = None

    @property
    def client(self) -> Any:
        return self.held

    def add(self, nodes: Sequence[BaseNode], **more: Any) -> list[str]:
        self.nodes += nodes
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **more: Any) -> None:
        raise NotImplementedError

    def query(self, query: VectorStoreQuery, **more: Any) -> VectorStoreQueryResult:
        found = self.nodes[: query.similarity_top_k]
        return VectorStoreQueryResult(found, [1.0] * len(found), [node.node_id for node in found])


def stored(chunk_size: int, held: Any = None) -> VectorStoreIndex:
    """The index of these chunks in a `ListStore`."""
    nodes = [*index_of(chunk_size=chunk_size).docstore.docs.values()]
    context = StorageContext.from_defaults(vector_store=ListStore(held=held))
    return VectorStoreIndex(nodes, embed_model=WordEmbedding(), storage_context=context)


def test_a_store_of_ones_own_is_known_by_what_it_holds() -> None:
    assert retrieve(stored(64)).spec() == retrieve(stored(64)).spec() != retrieve(stored(8)).spec()


def test_where_the_content_cannot_be_read_a_version_is_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rageval.identity._told", set())
    assert retrieve(stored(64, StringIO())).spec() != retrieve(stored(64, StringIO())).spec()
    told = {record.message for record in caplog.records}
    assert all(message.startswith("llama_index.retrieve: found a _io.StringIO (llama_index") for message in told)
    assert all("give llama_index.retrieve a `version`, and change it whenever" in message for message in told)
    one, same, other = (retrieve(stored(64, StringIO()), version=version) for version in "112")
    assert one.spec() == same.spec() != other.spec()


def test_chroma_is_known_by_its_documents() -> None:
    """As LlamaIndex's store of Chroma keeps them, whose package needs not be here: texts, and ids within metadata."""
    chromadb = pytest.importorskip("chromadb")
    client = chromadb.EphemeralClient(settings=chromadb.Settings(anonymized_telemetry=False))

    class Chroma(ListStore):
        _collection: Any = PrivateAttr()

    def filled(chunk_size: int) -> VectorStoreIndex:
        for collection in client.list_collections():
            client.delete_collection(collection.name)
        nodes = [*index_of(chunk_size=chunk_size).docstore.docs.values()]
        store = Chroma(held=StringIO())
        store._collection = client.create_collection("mine")
        store._collection.add(
            ids=[node.node_id for node in nodes],
            documents=[node.get_content() for node in nodes],
            metadatas=[{"_node_content": node.node_id, "doc_id": node.ref_doc_id} for node in nodes],
            embeddings=[[1.0]] * len(nodes),
        )
        return VectorStoreIndex.from_vector_store(store, embed_model=WordEmbedding())

    whole = retrieve(filled(64)).spec()
    assert retrieve(filled(64)).spec() == whole != retrieve(filled(8)).spec()


REBUILT_CASES = {"memory": ("memory", ""), "opaque": ("opaque", ""), "versioned": ("opaque", "1")}
REBUILT = """
import json
import sys
from io import StringIO
from pathlib import Path
import rageval
from rageval.integrations.llama_index import pipeline, retrieve
from rageval.pipeline import Pipeline
from tests.integrations.llama_index.test_pipeline import REBUILT_CASES, stored
from tests.integrations.llama_index.world import BENCHMARK, index_of

size, suffix, out = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
found = {}
for case, (kind, version) in REBUILT_CASES.items():
    index = index_of(chunk_size=size) if kind == "memory" else stored(size, StringIO())
    version = version + suffix or None
    engine = pipeline(index.as_retriever(), name="engine", version=version)
    systems = [Pipeline("index", retrieve(index, version=version)), engine]
    runs = rageval.evaluate(BENCHMARK, systems, ["hit_rate@1"], out=out / case).runs
    found[case] = [run.name for run in runs]
print(json.dumps(found))
"""


def test_an_index_that_is_rebuilt_under_the_same_name_is_asked_again_by_another_process(tmp_path: Path) -> None:
    """Other chunks are seen where the content can be read. Where it cannot, nothing is reused unless a version says so,
    which answers for the content. A process takes all cases, since it imports for seconds."""

    def run(size: int, suffix: str = "") -> dict[str, list[str]]:
        command = [sys.executable, "-c", REBUILT, str(size), suffix, tmp_path]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])  # LlamaIndex prints too

    first, again, rebuilt, renamed = run(64), run(64), run(12), run(12, "x")
    assert {case: len(runs) for case, runs in first.items()} == dict.fromkeys(REBUILT_CASES, 2)
    assert [case for case in first if again[case] == first[case]] == ["memory", "versioned"]
    assert [case for case in first if rebuilt[case] == first[case]] == ["versioned"]
    assert not any(set(renamed[case]) & set(first[case]) for case in first)


# An index behind rageval's own stages


def test_an_index_behind_built_in_stages() -> None:
    chat = ScriptedChat(lambda request: "2310 metres.")
    stage = retrieve(index_of(chunk_size=8), k=2, depth=4) >> Answer(abstain="never")
    pipe = Pipeline("llama", stage)
    response = asyncio.run(pipe.answer(BENCHMARK.questions[0], Resources(BENCHMARK.documents, chat=chat)))
    assert (len(response.hits), response.context, response.answer) == (4, (0, 1), "2310 metres.")
    shown = chat.requests[0].messages[-1].content
    assert [hit.passage.text in shown for hit in response.hits] == [True, True, False, False]
    assert stage.context_size().passages == 2
    assert stage.spec() == (retrieve(index_of(chunk_size=8), k=2, depth=4) >> Answer(abstain="never")).spec()
    assert stage.spec() != (retrieve(index_of(chunk_size=8), k=3, depth=4) >> Answer(abstain="never")).spec()


def test_several_queries_are_fused() -> None:
    question = BENCHMARK.questions[0]
    stage = retrieve(index_of(), k=1, depth=3)
    queries = (Query("Mount Arlen metres high"), Query("river Brone kilometres long"), Query("Mount Arlen summit"))
    state = asyncio.run(stage.run(State(question, queries), Resources(BENCHMARK.documents)))
    # Reciprocal ranks with the constant 60: first, not first, first against not first, first, not first.
    assert [hit.passage.doc_id for hit in state.response.hits][:2] == ["arlen", "brone"]
    assert state.response.hits[0].score > state.response.hits[1].score
    assert state.response.context == (0,)


def test_a_dry_run_leaves_what_asks_outside_alone() -> None:
    outside, inside = retrieve(index_of()), Answer()
    assert outside.asks_outside()
    assert pipeline(Gives()).stage.asks_outside()
    assert isinstance(outside >> inside, Chain)
    assert (outside >> inside).asks_outside()
    assert not inside.asks_outside()
