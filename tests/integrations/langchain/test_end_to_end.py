"""A chain as LangChain's tutorials build it, on the handbook, beside rageval's own pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

import rageval
from rageval.integrations.langchain import documents, embedder, pipeline
from rageval.io.records import usage_from_json
from rageval.models.scripted import ScriptedChat
from rageval.types import Usage
from tests.flow.small_world import scripted_reply
from tests.integrations.evidence_by_sets import recall_of
from tests.integrations.langchain.parts import WordEmbeddings, counted, model, pieces_of

QUESTIONS = ["en-a-01", "en-a-02", "en-a-03", "zh-a-01", "zh-a-02"]
METRICS = ["hit_rate@5", "ndcg@10", "faithfulness", "answer_relevance"]
K = 4


def joined(found: list[Document]) -> str:
    return "\n\n".join(one.page_content for one in found)


def split(found: list[Document], way: str) -> list[Document]:
    if way == "by hand":
        return pieces_of(found, 400)
    splitters = pytest.importorskip("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter(chunk_size=400, chunk_overlap=50, add_start_index=True)
    return splitter.split_documents(found)


@pytest.mark.parametrize("way", ["by hand", "by LangChain"])
def test_a_chain_on_the_handbook_beside_naive(tmp_path: Path, way: str) -> None:
    handbook = rageval.load_benchmark("handbook")
    store = InMemoryVectorStore(WordEmbeddings())
    store.add_documents(split(documents(handbook), way))
    prompt = ChatPromptTemplate.from_template("Answer from the context.\n\n{context}\n\nQuestion: {question}")
    chain: Any = (
        {"context": store.as_retriever(search_kwargs={"k": K}) | joined, "question": RunnablePassthrough()}
        | prompt
        | model(counted("It is 65 GB, and then 2 GB.", 50, 10))
        | StrOutputParser()
    )
    naive = {"naive": {"retriever": "dense", "k": K, "chunk_tokens": 96}}
    chat = ScriptedChat(scripted_reply)

    def run() -> rageval.Result:
        return rageval.evaluate(
            handbook,
            [pipeline(chain, name="tutorial"), naive],
            METRICS,
            questions=QUESTIONS,
            chat=chat,
            embed=embedder(WordEmbeddings()),
            out=tmp_path,
        )

    result = run()
    label = "naive(retriever=dense, k=4, chunk_tokens=96)"
    for estimates in (result["tutorial"], result[label]):
        assert [*estimates] == METRICS
        for estimate in estimates.values():
            assert estimate
            assert 0.0 <= estimate.low <= estimate.point <= estimate.high <= 1.0
            assert (estimate.failed, estimate.n + estimate.unscored) == (0, len(QUESTIONS))

    texts = {document.id: document.text for document in handbook.documents}
    relevant = {(one.question_id, one.doc_id) for one in handbook.labels if one.grade > 0}
    asked = {question.id: question.text for question in handbook.questions if question.id in QUESTIONS}
    hits = 0
    answered = {line["question_id"]: line for line in read(result.runs[0] / "responses.jsonl")}
    for question_id, text in asked.items():
        found = store.similarity_search(text, k=K)
        hits += any((question_id, one.metadata["id"]) in relevant for one in found)
        line = answered[question_id]
        assert [hit[0] for hit in line["hits"]] == [one.metadata["id"] for one in found]
        assert [texts[doc_id][start:end] for doc_id, start, end, _ in line["hits"]] == [o.page_content for o in found]
        assert usage_from_json(line["usage"]) == Usage(calls=1, prompt_tokens=50, completion_tokens=10)
    hit_rate = result["tutorial"]["hit_rate@5"]
    assert hit_rate
    assert hit_rate.point == hits / len(QUESTIONS)

    compared = rageval.compare(result.runs[0], result.runs[1])
    assert set(compared.comparisons) == set(METRICS)

    calls = len(chat.requests)
    again = run()
    assert (again.runs, len(chat.requests)) == (result.runs, calls)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_evidence_metrics_see_the_pieces_of_a_store(tmp_path: Path) -> None:
    """The same by sets of characters, from what the store returns."""
    handbook = rageval.load_benchmark("handbook")
    store = InMemoryVectorStore(WordEmbeddings())
    store.add_documents(pieces_of(documents(handbook), 400))
    search = store.as_retriever(search_kwargs={"k": K})
    result = rageval.evaluate(
        handbook, [pipeline(search, name="store")], ["evidence_recall@4"], questions=QUESTIONS, out=tmp_path
    )
    scores = json.loads((result.runs[0] / "scores.json").read_text(encoding="utf-8"))["evidence_recall@4"]["questions"]
    assert [*scores] == QUESTIONS
    for question in handbook.questions:
        if question.id in QUESTIONS:
            read = {
                (one.metadata["id"], one.metadata["start_index"] + position)
                for one in search.invoke(question.text)
                for position in range(len(one.page_content))
            }
            assert scores[question.id] == pytest.approx(recall_of(handbook, question.id, read), abs=1e-12)
