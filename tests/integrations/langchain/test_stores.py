"""Vector stores behind rageval's stages: FAISS in this process, and a Chroma server that the test starts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document as LangChainDocument
from langchain_core.vectorstores import VectorStore

import rageval
from rageval.errors import DeclarationError, ExecutionError
from rageval.generation import Answer
from rageval.integrations.langchain import documents, retrieve
from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Pipeline, Query, Resources, Stage, State
from rageval.types import Question, Response
from tests.flow.small_world import DOCUMENTS, LABELS, QUESTIONS, scripted_reply
from tests.integrations.chroma_server import chroma_server
from tests.integrations.langchain.parts import WordEmbeddings, pieces_of, store_of

BENCHMARK = rageval.benchmark_from_records(
    "small",
    [rageval.Document(name, text) for name, text in DOCUMENTS.items()],
    [Question(name, text) for name, text in QUESTIONS.items()],
    [rageval.RelevanceLabel(q, d, grade) for q, grades in LABELS.items() for d, grade in grades.items()],
)


def search(store: VectorStore, *queries: str, **settings: Any) -> Response:
    """What the stage finds for these queries."""
    state = State(Question("q", queries[0]), tuple(map(Query, queries)))
    return asyncio.run(retrieve(store, **settings).run(state, Resources(BENCHMARK.documents))).response


def found(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]


def vectors(*texts: str) -> Vectors:
    return asyncio.run(HashEmbedder().embed(texts, "passage"))


def check_search(store: VectorStore) -> None:
    """The ranking is by the cosine, all of it, and every hit is a document of the benchmark."""
    for question in QUESTIONS.values():
        response = search(store, question, k=2)
        cosines = vectors(*(DOCUMENTS[name] for name in found(response))) @ vectors(question)[0]
        assert np.all(np.diff(cosines) <= 1e-6)
        assert sorted(found(response)) == sorted(DOCUMENTS)
        assert response.context == (0, 1)
        assert all(hit.passage.text == DOCUMENTS[hit.passage.doc_id] for hit in response.hits)
        assert all((hit.passage.start, hit.passage.end) == (0, len(hit.passage.text)) for hit in response.hits)


def check_evaluation(store: VectorStore, out: Path) -> None:
    """Behind `Answer` in an evaluation. The labelled document of each question shares most words with it."""
    chat = ScriptedChat(scripted_reply)
    stored = Pipeline("stored", retrieve(store, k=2) >> Answer())
    result = rageval.evaluate(
        BENCHMARK, [stored], ["hit_rate@3", "faithfulness"], questions=["en-1", "en-2", "zh-1"], chat=chat, out=out
    )
    hit_rate, faithfulness = result["stored"]["hit_rate@3"], result["stored"]["faithfulness"]
    assert hit_rate
    assert faithfulness
    assert (hit_rate.point, hit_rate.n, hit_rate.failed) == (1.0, 3, 0)
    assert faithfulness.low <= faithfulness.point <= faithfulness.high


@pytest.fixture(scope="module")
def faiss() -> Any:
    stores = pytest.importorskip("langchain_community.vectorstores")
    return stores.FAISS.from_documents(documents(BENCHMARK), WordEmbeddings())


def test_faiss_in_this_process(faiss: VectorStore, tmp_path: Path) -> None:
    check_search(faiss)
    check_evaluation(faiss, tmp_path)


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Any]:
    """A client of a server in a process of its own, once that answers."""
    chromadb = pytest.importorskip("chromadb")
    with chroma_server(tmp_path) as port:
        yield chromadb.HttpClient("127.0.0.1", port, settings=chromadb.Settings(anonymized_telemetry=False))


def test_a_chroma_server(chroma: Any, tmp_path: Path) -> None:
    stores = pytest.importorskip("langchain_chroma")
    store = stores.Chroma("small", WordEmbeddings(), client=chroma)
    store.add_documents(documents(BENCHMARK))
    check_search(store)
    check_evaluation(store, tmp_path / "out")


def test_a_server_that_is_gone_fails_the_question(chroma: Any) -> None:
    stores = pytest.importorskip("langchain_chroma")
    store = stores.Chroma("small", WordEmbeddings(), client=chroma)
    store.add_documents(documents(BENCHMARK))
    chroma.delete_collection("small")
    with pytest.raises(ExecutionError, match=r"^Chroma: ") as failed:
        search(store, "How high is Mount Arlen?")
    assert "\n" not in str(failed.value)


def test_depth_and_context() -> None:
    store = store_of(documents(BENCHMARK))
    response = search(store, "How high is Mount Arlen?", k=1, depth=3)
    assert (len(response.hits), response.context) == (3, (0,))
    assert found(response)[0] == "arlen"
    with pytest.raises(DeclarationError, match=r"k: found 5 \(depth 3\)"):
        retrieve(store, k=5, depth=3)


def test_several_queries_are_fused() -> None:
    """With depth 1 each query has one document; both have rank 1, and ties go by the passage id."""
    response = search(store_of(documents(BENCHMARK)), "river Brone long", "How high is Mount Arlen?", k=1, depth=1)
    assert found(response) == ["arlen", "brone"]
    assert [hit.score for hit in response.hits] == [1 / 61, 1 / 61]


def test_a_store_of_other_documents_fails_the_question() -> None:
    store = store_of([LangChainDocument("Words.", metadata={"source": "other.txt"})])
    with pytest.raises(ExecutionError, match=r"found documents with ids such as 'other\.txt'"):
        search(store, "Words?")


def test_a_store_in_memory_is_known_by_its_settings_and_documents() -> None:
    store = store_of(documents(BENCHMARK))
    assert retrieve(store) == retrieve(store_of(documents(BENCHMARK)[::-1]))
    assert retrieve(store).spec() != retrieve(store_of(documents(BENCHMARK)[:-1])).spec()
    assert retrieve(store).spec() != retrieve(store, k=4).spec()
    assert retrieve(store, k=7).context_size().passages == 7


def test_faiss_is_known_by_its_documents(faiss: Any) -> None:
    stores = pytest.importorskip("langchain_community.vectorstores")
    again = stores.FAISS.from_documents(documents(BENCHMARK), WordEmbeddings())
    assert retrieve(again) == retrieve(faiss)
    again.add_documents([LangChainDocument("More.", metadata={"id": "arlen"})])
    assert retrieve(again) != retrieve(faiss)


def test_chroma_is_known_by_its_documents_and_metric(tmp_path: Path) -> None:
    chromadb = pytest.importorskip("chromadb")
    stores = pytest.importorskip("langchain_chroma")
    client = chromadb.EphemeralClient(settings=chromadb.Settings(anonymized_telemetry=False))

    def filled(documents: list[LangChainDocument], **settings: Any) -> Stage:
        for collection in client.list_collections():
            client.delete_collection(collection.name)
        store = stores.Chroma("mine", WordEmbeddings(), client=client, **settings)
        store.add_documents(documents)
        return retrieve(store)

    whole = filled(documents(BENCHMARK))
    assert filled(documents(BENCHMARK)) == whole
    assert filled(pieces_of(documents(BENCHMARK), 20)) != whole
    assert filled(documents(BENCHMARK), collection_metadata={"hnsw:space": "cosine"}) != whole


class ListStore(VectorStore):
    """A store of the user's own, over what cannot be read."""

    def __init__(self, documents: list[LangChainDocument], index: Any = None) -> None:
        self._documents = documents
        self._index = index

    @classmethod
    def from_texts(cls, texts: Any, embedding: Any, metadatas: Any = None, **more: Any) -> ListStore:
        raise NotImplementedError

    def similarity_search(self, query: str, k: int = 4, **more: Any) -> list[LangChainDocument]:
        return self._documents[:k]


def test_a_store_of_ones_own_is_known_by_what_it_holds() -> None:
    whole, cut = documents(BENCHMARK), pieces_of(documents(BENCHMARK), 20)
    assert retrieve(ListStore(whole)) == retrieve(ListStore(whole)) != retrieve(ListStore(cut))


def test_where_the_content_cannot_be_read_a_version_is_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rageval.identity._told", set())
    whole = documents(BENCHMARK)
    assert retrieve(ListStore(whole, StringIO())) != retrieve(ListStore(whole, StringIO()))
    (message,) = {record.message for record in caplog.records}
    assert message.startswith("langchain.retrieve: found a _io.StringIO (langchain.retrieve._index), whose content")
    assert message.endswith("give langchain.retrieve a `version`, and change it whenever that content changes")
    one, same = (retrieve(ListStore(whole, StringIO()), version="1") for _ in range(2))
    assert one == same != retrieve(ListStore(whole, StringIO()), version="2")


REBUILT_CASES = {"memory": ("memory", ""), "opaque": ("opaque", ""), "versioned": ("opaque", "1")}
REBUILT = """
import json
import sys
from io import StringIO
from pathlib import Path
import rageval
from rageval.integrations.langchain import documents, pipeline, retrieve
from rageval.pipeline import Pipeline
from tests.integrations.langchain.parts import pieces_of, store_of
from tests.integrations.langchain.test_stores import BENCHMARK, REBUILT_CASES, ListStore

size, suffix, out = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
pieces = pieces_of(documents(BENCHMARK), size)
found = {}
for case, (kind, version) in REBUILT_CASES.items():
    store = store_of(pieces) if kind == "memory" else ListStore(pieces, StringIO())
    version = version + suffix or None
    chain = pipeline(store.as_retriever(), name="chain", version=version)
    systems = [Pipeline("store", retrieve(store, version=version)), chain]
    runs = rageval.evaluate(BENCHMARK, systems, ["hit_rate@1"], out=out / case).runs
    found[case] = [run.name for run in runs]
print(json.dumps(found))
"""


def test_a_store_that_is_rebuilt_under_the_same_name_is_asked_again_by_another_process(tmp_path: Path) -> None:
    """Other chunks are seen where the content can be read. Where it cannot, nothing is reused unless a version says so,
    which answers for the content. A process takes all cases, since it imports for seconds."""

    def run(size: int, suffix: str = "") -> dict[str, list[str]]:
        command = [sys.executable, "-c", REBUILT, str(size), suffix, tmp_path]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    first, again, rebuilt, renamed = run(40), run(40), run(20), run(20, "x")
    assert {case: len(runs) for case, runs in first.items()} == dict.fromkeys(REBUILT_CASES, 2)
    assert [case for case in first if again[case] == first[case]] == ["memory", "versioned"]
    assert [case for case in first if rebuilt[case] == first[case]] == ["versioned"]
    assert not any(set(renamed[case]) & set(first[case]) for case in first)
