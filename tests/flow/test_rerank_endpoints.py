"""A rerank endpoint in an experiment file, through the command line: order, cost, caches, budget, mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rageval.retrieval import RerankEndpoint
from rageval.testing import check_reranker
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, Received
from tests.flow.small_world import QUESTIONS, read_jsonl, respond, run_folders, write_experiment
from tests.unit.models.test_rerank_endpoint import RerankServer

N = len(QUESTIONS)
TOKENS = 40


def shortest_first(received: Received) -> Canned:
    if not received.path.endswith("/rerank"):
        return respond(received)
    texts = received.payload["documents"]
    results = [{"index": n, "relevance_score": -float(len(text))} for n, text in enumerate(texts)]
    results.sort(key=lambda one: -one["relevance_score"])
    return Canned({"results": results, "usage": {"total_tokens": TOKENS}})


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer(shortest_first) as server:
        yield server


def experiment(folder: Path, server: RerankServer, *, endpoint: dict[str, Any] | None = None, **changes: Any) -> Path:
    service = {"base_url": server.base_url, "model": "ranker", **(endpoint or {})}
    search = {"retriever": "bm25", "candidates": 8, "k": 2, "reranker": {"endpoint": service}}
    return write_experiment(
        folder, server.base_url, **{"pipelines": [{"rerank": search}], "metrics": ["ndcg@10"], **changes}
    )


def rerank_calls(server: RerankServer) -> int:
    return sum(received.path.endswith("/rerank") for received in server.received)


def test_the_order_is_that_of_the_scores_and_nothing_is_paid_twice(
    tmp_path: Path, server: RerankServer, command_line: CommandLine
) -> None:
    file, out = experiment(tmp_path, server), tmp_path / "out"
    assert command_line("run", file, "--out", out, "--dry-run").code == 0
    assert server.calls == 0
    assert command_line("run", file, "--out", out).code == 0
    made = rerank_calls(server)
    assert made == server.calls == N
    (folder,) = run_folders(out).values()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["usage_by_stage"]["rerank"]["paid_calls"] == N
    assert manifest["usage_by_stage"]["rerank"]["prompt_tokens"] == N * TOKENS
    for response in read_jsonl(folder / "responses.jsonl"):
        (step,) = (step for step in response["steps"] if step["name"] == "rerank")
        scores = dict(zip(step["detail"]["passages"], step["detail"]["scores"], strict=True))
        best = sorted(scores.values(), reverse=True)[:2]
        read = [response["hits"][position] for position in response["context"]]
        assert [scores[f"{document}#{start}-{end}"] for document, start, end, _ in read] == best

    assert command_line("run", file, "--out", out, "--fresh").code == 0
    assert rerank_calls(server) == 2 * N
    exported = tmp_path / "cache.jsonl.gz"
    assert command_line("cache", "export", exported, "--out", out).code == 0
    assert command_line("cache", "import", exported, "--out", tmp_path / "there").code == 0
    assert command_line("run", file, "--out", tmp_path / "there", "--offline").code == 0
    assert rerank_calls(server) == 2 * N


def test_it_counts_in_the_announced_bounds_and_in_the_budget(
    tmp_path: Path, server: RerankServer, command_line: CommandLine
) -> None:
    told = json.loads(command_line("check", experiment(tmp_path, server, endpoint={"batch": 3}), "--json").out)
    assert told["pipelines"][0]["calls"] == [0, N * 3]  # eight candidates, three a call
    ended = command_line("run", experiment(tmp_path, server, budget={"max_calls": 2}), "--out", tmp_path / "out")
    assert (ended.code, server.calls) == (6, 2)


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ({"api_key_env": "RAGEVAL_NO_KEY", "base_url": "https://models.example/v1"}, "no key in the environment var"),
        ({"base_url": "models.example"}, "expected an address such as"),
        ({"shape": "cohre"}, "shape: found 'cohre', expected auto or one of cohere, dashscope, jina"),
        ({"model": None}, "model"),
        ({"top": 3}, "top"),
    ],
)
def test_mistakes_are_told_before_any_call(
    endpoint: dict[str, Any], told: str, tmp_path: Path, server: RerankServer, command_line: CommandLine
) -> None:
    ended = command_line("run", experiment(tmp_path, server, endpoint=endpoint), "--out", tmp_path / "out")
    assert (ended.code, server.calls) == (2, 0)
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_settings_that_change_no_score_leave_the_run_as_it_is(
    tmp_path: Path, server: RerankServer, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    for endpoint in ({}, {"concurrency": 2, "timeout_s": 9, "batch": 50}):
        assert command_line("run", experiment(tmp_path, server, endpoint=endpoint), "--out", out).code == 0
    assert rerank_calls(server) == N
    assert command_line("run", experiment(tmp_path, server, endpoint={"extra_body": {"x": 1}}), "--out", out).code == 0
    assert rerank_calls(server) == 2 * N
    assert len([*(out / "runs").iterdir()]) == 2


def test_it_keeps_the_protocol(server: RerankServer) -> None:
    check_reranker(RerankEndpoint(server.base_url, "ranker"))
