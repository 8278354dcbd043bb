"""Every technique, by its name, over real documents: with a chat model that knows what is relevant it must do its work.

What asks no model, or an embedder that hashes words, is held to what can be known of any search: all questions
answered, all spans exact, and another result than without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.experiment.stages import STAGES
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.retrieval.chunkers import CHUNKERS
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.rerankers import RERANKERS
from rageval.types import Benchmark
from tests.flow import real_documents as real

pytestmark = pytest.mark.skipif(not real.DATA.exists(), reason="needs ../shared/data beside the project")

Stages = Sequence[Any]


def search(retriever: Any = "bm25", **settings: Any) -> dict[str, Any]:
    return {"retrieve": {"retriever": retriever, **settings}}


GRAPH = {"triples": str(real.DATA / "musique" / "openie_gpt35.json"), "facts": 0}


@dataclass(frozen=True)
class Case:
    """A technique, what it is compared with, and the metric on which it must be better by more than `gain`; with None
    it must only be different.
    """

    name: str
    data: Callable[[], Benchmark]
    stages: Stages
    baseline: Stages
    metric: str
    gain: float | None = None


def indexed(name: str, data: Callable[[], Benchmark] = real.rgb, gain: float | None = None, **settings: Any) -> Case:
    return Case(name, data, [search({name: settings} if settings else name)], [search()], "ndcg@10", gain)


def chunked(name: str, **settings: int) -> Case:
    return Case(
        name,
        real.speech,
        [search({"bm25": {"chunker": {name: settings}}})],
        [search({"bm25": {"chunker": {"sentences": {"tokens": 384}}}})],
        "evidence_recall@1000t",
    )


IN_RGB = [search(k=10)]
IN_SPEECH = [search({"bm25": {"chunker": {"sentences": {"tokens": 48}}}}, k=3)]
IN_STEPS = {"iterate": {"retriever": "bm25", "keep": 5, "steps": 4}}
STAGE_CASES = [
    Case("self_contained", real.mtrag, ["self_contained", search()], [search()], "recall@5", 0.0),
    Case("normalise", real.scifact, [{"normalise": {"case": "lower"}}, search("dense")], [search()], "ndcg@10"),
    Case("rewrite", real.scifact, ["rewrite", search()], [search()], "ndcg@10", 0.0),
    Case("sub_questions", real.musique, ["sub_questions", search(combine="turns")], [search()], "recall@5", 0.1),
    Case("step_back", real.scifact, ["step_back", search()], [search()], "ndcg@10", 0.0),
    Case("expand", real.scifact, [{"expand": {"repeat": 1}}, search()], [search()], "ndcg@10", 0.0),
    Case("hypothetical_answers", real.scifact, ["hypothetical_answers", search()], [search()], "ndcg@10", 0.0),
    Case("read_filters", real.speech, ["read_filters", search(k=50)], [search(k=50)], "precision@5"),
    Case("retrieve", real.rgb, [search("hybrid")], [search()], "ndcg@10"),
    Case("feedback", real.scifact, [search(), "feedback", search()], [search()], "ndcg@10"),
    Case("iterate", real.musique, [IN_STEPS], [search()], "recall@5", 0.1),
    Case("recency", real.speech, [search(k=50), {"recency": {"field": "year"}}], [search(k=50)], "precision@5"),
    Case("subgraph", real.musique, [search(), {"subgraph": GRAPH}], [search()], "recall@5"),
    Case("cypher", real.scifact, [search(), "cypher"], [search()], "recall@5"),
    Case("rerank", real.rgb, [*IN_RGB, {"rerank": {"keep": 5}}], IN_RGB, "ndcg@10", 0.1),
    Case("filter", real.rgb, [*IN_RGB, "filter"], IN_RGB, "ndcg@10"),
    Case("corrective", real.rgb, [*IN_RGB, "corrective"], IN_RGB, "ndcg@10"),
    Case("diversify", real.rgb, [*IN_RGB, {"diversify": {"relevance": 0.3}}], IN_RGB, "ndcg@10"),
    Case("to_parent", real.speech, [*IN_SPEECH, {"to_parent": {"share": 0.05}}], IN_SPEECH, "evidence_recall@5", 0.0),
    Case("window", real.speech, [*IN_SPEECH, "window"], IN_SPEECH, "evidence_recall@5", 0.0),
    Case("compress", real.speech, [*IN_SPEECH, {"compress": {"by": "model"}}], IN_SPEECH, "evidence_precision@5", 0.0),
    Case(
        "compress",
        real.speech,
        [*IN_SPEECH, {"compress": {"sentences": 3, "by": "self_information"}}],
        IN_SPEECH,
        "evidence_recall@5",
    ),
    Case("order", real.rgb, [*IN_RGB, "order"], IN_RGB, "ndcg@10"),
    Case("budget", real.rgb, [*IN_RGB, {"budget": 300}], IN_RGB, "ndcg@10"),
    Case("answer", real.rgb, [*IN_RGB, "answer"], IN_RGB, "answer_contains"),
    Case("answer_candidates", real.rgb, [*IN_RGB, "answer_candidates"], IN_RGB, "answer_contains"),
    Case("answer_from_memory", real.rgb, ["answer_from_memory"], IN_RGB, "answer_contains"),
    Case("adaptive", real.musique, [{"adaptive": {"several": [IN_STEPS]}}], [search()], "recall@5", 0.1),
]
INDEX_CASES = [
    indexed("bm25", chunker={"sentences": {"tokens": 32}}),
    indexed("dense"),
    indexed("approximate"),
    indexed("hybrid"),
    indexed("multi_vector", views=["key_phrases", "propositions"]),
    indexed("multi_vector", real.tables, views=["tables", "table_rows", "table_summaries"], own=False),
    indexed("ivf", lists=8, probes=4),
    indexed("weighted", weights=[0.3, 0.7]),
    indexed("contextual", real.speech, index="bm25", chunker={"sentences": {"tokens": 64}}),
    indexed("hierarchical", index="bm25", by="summary", keep=30),
    indexed("hierarchical", index="bm25", groups="clusters", keep=3),
    indexed("graph", real.scifact),
]
CHUNKER_CASES = [
    chunked("sentences", tokens=200),
    chunked("recursive", tokens=200),
    chunked("headings", tokens=200),
    chunked("windows", size=200),
    chunked("semantic", tokens=200),
    chunked("cluster_semantic", tokens=200),
    chunked("by_model", tokens=200),
]
RERANKER_CASES = [
    Case(
        name,
        real.rgb,
        [*IN_RGB, {"rerank": {"by": name, "keep": 10}}],
        IN_RGB,
        "ndcg@10",
        None if name == "late_interaction" else 0.1,
    )
    for name in ("late_interaction", "listwise", "pointwise")
]
ELSEWHERE = {
    "read_images": "tests/flow/test_images.py, with pictures drawn there",
    "images": "tests/flow/test_images.py, with pictures drawn there",
    "adapted": "tests/flow/test_adapter.py, which trains one first",
    "sparse": "tests/unit/retrieval/test_learned_sparse.py, with the packaged model",
    "endpoint": "tests/flow/test_rerank_endpoints.py, with imitated services",
    "gguf": "tests/unit/retrieval/test_gguf_reranker.py, with a file of its own",
    "langchain": "tests/unit/retrieval/test_foreign_chunkers.py",
    "llama_index": "tests/unit/retrieval/test_foreign_chunkers.py",
    "chonkie": "tests/unit/retrieval/test_foreign_chunkers.py",
}
CASES = [*STAGE_CASES, *INDEX_CASES, *CHUNKER_CASES, *RERANKER_CASES]


def test_none_is_left_out() -> None:
    tried = {case.name for case in CASES} | {*ELSEWHERE}
    assert tried == {*STAGES, *INDEXES, *CHUNKERS, *RERANKERS}


REWRITTEN = {"subgraph", "cypher", "compress"}
"""Those whose entries in the context do not quote a span."""


def run(case: Case, stages: Stages, out: Path) -> tuple[float, dict[str, rageval.Response], Counter[str]]:
    """The metric, the responses by question, and how often the chat model was asked with each prompt."""
    model = real.Knowing(case.data())
    result = rageval.evaluate(
        case.data(),
        [{"mine": {"stages": [*stages]}}],
        [case.metric],
        chat=ScriptedChat(model),
        embed=HashEmbedder(512),
        out=out,
    )
    outcomes = rageval.RunFolder(result.runs[0]).outcomes()
    responses = {name: one for name in outcomes if isinstance(one := outcomes[name], rageval.Response)}
    assert {*responses} == {question.id for question in case.data().questions}
    estimate = result.leaderboard.rows[0].estimates[case.metric]
    return estimate.point if estimate else 0.0, responses, model.named


def read_and_said(responses: dict[str, rageval.Response]) -> dict[str, tuple[list[str], str | None]]:
    return {name: ([one.text for one in found.context_passages], found.answer) for name, found in responses.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.data.__name__}")
def test_on_real_documents(case: Case, tmp_path: Path) -> None:
    found, responses, asked = run(case, case.stages, tmp_path / "with")
    alone, plain, _ = run(case, case.baseline, tmp_path / "without")
    documents = {document.id: document.text for document in case.data().documents}
    for response in responses.values():
        for passage in response.context_passages:
            spanned = documents.get(passage.doc_id, "")[passage.start : passage.end]
            assert passage.text == spanned or case.name in REWRITTEN
    assert read_and_said(responses) != read_and_said(plain)
    if case.gain is not None:
        assert found > alone + case.gain
        assert asked or case.name in ("to_parent", "window")


@pytest.mark.parametrize("stage", ["filter", "corrective"])
def test_what_is_read_is_relevant(stage: str, tmp_path: Path) -> None:
    case = next(one for one in CASES if one.name == stage)
    _, responses, _ = run(case, case.stages, tmp_path)
    model = real.Knowing(case.data())
    read = [
        model.relevant(question, passage.text)
        for question in case.data().questions
        for passage in responses[question.id].context_passages
    ]
    assert len(read) > 20
    assert all(read)
