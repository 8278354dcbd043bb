"""The engine of LlamaIndex's starter tutorial, evaluated beside `naive` and compared; and the page about all this."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.llms.types import CompletionResponse
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode

import rageval
from rageval.integrations.llama_index import chat_model, documents, pipeline
from tests.flow.small_world import read_jsonl, reply_to
from tests.integrations.evidence_by_sets import recall_of
from tests.integrations.llama_index.world import ScriptedLLM, WordEmbedding

PAGE = (Path(__file__).parents[3] / "docs" / "integrations" / "llama_index.md").read_text(encoding="utf-8")
METRICS = ["hit_rate@3", "ndcg@3", "faithfulness", "answer_relevance"]


def speak(prompt: str) -> CompletionResponse:
    """By the rule of the small world, which needs the schema and whether yes or no is wanted."""
    text, _, schema = prompt.removesuffix("\nassistant: ").partition("\nJSON schema: ")
    yes_no = "Reply yes or no." in text or "只回复" in text
    said = reply_to(text.strip(), schema=json.loads(schema) if schema else None, wants_logprobs=yes_no)
    usage = {"prompt_tokens": said.usage.prompt_tokens, "completion_tokens": said.usage.completion_tokens}
    return CompletionResponse(text=said.text, raw={"usage": usage})


def test_a_starter_engine_beside_naive(tmp_path: Path) -> None:
    Settings.llm = ScriptedLLM(reply=speak)
    Settings.embed_model = WordEmbedding()
    benchmark = rageval.load_benchmark("handbook")
    questions = [question.id for question in benchmark.questions if question.answerable][:8]
    index = VectorStoreIndex.from_documents(documents(benchmark))
    engine = index.as_query_engine(similarity_top_k=3)

    result = rageval.evaluate(
        benchmark,
        [pipeline(engine, name="starter"), {"naive": {"retriever": "bm25", "k": 3}}],
        METRICS,
        questions=questions,
        chat=chat_model(Settings.llm),
        out=tmp_path,
    )

    starter = result["starter"]
    assert all(starter[name] is not None for name in METRICS)
    relevant = {(label.question_id, label.doc_id) for label in benchmark.labels if label.grade > 0}
    found = 0
    for question in benchmark.questions:
        if question.id in questions:
            nodes = index.as_retriever(similarity_top_k=3).retrieve(question.text)
            found += any((question.id, node.node.ref_doc_id) in relevant for node in nodes)
    hit_rate, faithfulness = starter["hit_rate@3"], starter["faithfulness"]
    assert hit_rate is not None
    assert faithfulness is not None
    assert hit_rate.point == pytest.approx(found / 8)
    assert 0 < found < 8
    assert hit_rate.low < hit_rate.point < hit_rate.high
    assert (hit_rate.n, hit_rate.failed, faithfulness.n + faithfulness.unscored) == (8, 0, 8)
    assert faithfulness.n >= 6

    responses = read_jsonl(result.runs[0] / "responses.jsonl")
    assert all(line["usage"]["calls"] == 1 and line["usage"]["prompt_tokens"] > 0 for line in responses)
    rows = {row.label: row for row in result.leaderboard.rows}
    assert set(rows) == {"starter", "naive(retriever=bm25, k=3)"}
    assert [row.failed for row in rows.values()] == [0, 0]
    compared = rageval.compare(*result.runs, ["hit_rate@3", "answer_relevance"])
    naive = result["naive(retriever=bm25, k=3)"]["hit_rate@3"]
    assert naive is not None
    assert compared.comparisons["hit_rate@3"].difference.point == pytest.approx(naive.point - hit_rate.point)
    assert compared.comparisons["answer_relevance"].pairs.n == 8


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(script.splitlines()) <= 15
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "| RetrieverQueryEngine |" in done.stdout
    assert "| naive(retriever=bm25) |" in done.stdout


def test_evidence_metrics_see_the_nodes_of_an_index(tmp_path: Path) -> None:
    """The same by sets of characters, from the nodes: each is the place of its text in its document."""
    Settings.embed_model = WordEmbedding()
    handbook = rageval.load_benchmark("handbook")
    asked = [question for question in handbook.questions if question.answerable][:8]
    texts = {document.id: document.text for document in handbook.documents}
    parser = SentenceSplitter(chunk_size=64, chunk_overlap=0)
    search = VectorStoreIndex(parser.get_nodes_from_documents(documents(handbook))).as_retriever(similarity_top_k=4)
    result = rageval.evaluate(
        handbook,
        [pipeline(search, name="nodes")],
        ["evidence_recall@4"],
        questions=[question.id for question in asked],
        out=tmp_path,
    )
    scores = json.loads((result.runs[0] / "scores.json").read_text(encoding="utf-8"))["evidence_recall@4"]["questions"]
    found = 0.0
    for question in asked:
        nodes = [
            (one.node.ref_doc_id, one.node.get_content(MetadataMode.NONE)) for one in search.retrieve(question.text)
        ]
        read = {
            (doc_id, texts[doc_id].index(text) + position)
            for doc_id, text in nodes
            if doc_id is not None
            for position in range(len(text))
        }
        expected = recall_of(handbook, question.id, read)
        assert scores[question.id] == pytest.approx(expected, abs=1e-12)
        found += expected
    assert 0 < found < len(asked)
