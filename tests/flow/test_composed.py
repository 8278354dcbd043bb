"""A pipeline composed in an experiment file, from the price to the report, with a model that answers by rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import (
    DOCUMENTS,
    QUESTIONS,
    respond,
    run_folders,
    write_benchmark,
    write_experiment,
    write_lines,
)

SEEN = date(2024, 5, 7)
COMPOSED = [
    {
        "whole": {
            "chunk": {"headings": {"tokens": 64}},
            "stages": [
                "normalise",
                "read_filters",
                "sub_questions",
                "step_back",
                {"expand": {"repeat": 2}},
                {"iterate": {"steps": 2, "keep": 6, "retriever": "bm25"}},
                "feedback",
                {"retrieve": {"k": 6}},
                {"rerank": {"keep": 4}},
                {"filter": {"least": 0.1}},
                {"diversify": {"keep": 3}},
                {"window": 1},
                {"compress": 6},
                {"order": "ends"},
                {"budget": 120},
                {"answer": {"cite": True}},
            ],
        }
    },
    {
        "placed": {
            "chunk": {"sentences": {"tokens": 16}},
            "stages": [
                {
                    "retrieve": {
                        "retriever": {
                            "contextual": {
                                "index": {
                                    "weighted": {
                                        "index": ["bm25", {"multi_vector": {"views": ["titles", "key_phrases"]}}],
                                        "weights": [0.3, 0.7],
                                    }
                                }
                            }
                        }
                    }
                },
                "answer",
            ],
        }
    },
    {
        "grouped": {
            "stages": [
                {"retrieve": {"retriever": {"hierarchical": {"groups": "clusters", "by": "summary", "size": 3}}}},
                "answer",
            ],
        }
    },
    {"plain": {"stages": [{"retrieve": {"retriever": "bm25", "k": 2}}, "answer"]}},
]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def test_it_is_priced_run_and_told_apart(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment = write_experiment(
        tmp_path, server.base_url, pipelines=COMPOSED, metrics=["recall@2", "answer_relevance"]
    )
    out = tmp_path / "out"
    priced = command_line("run", experiment, "--out", out, "--dry-run", "--json")
    assert priced.code == 0, priced.err
    bounds = {row["pipeline"]: row["calls"] for row in json.loads(priced.out)["runs"]}
    assert command_line("run", experiment, "--out", out).code == 0
    steps: dict[str, set[str]] = {}
    for label, folder in run_folders(out).items():
        responses = [json.loads(line) for line in (folder / "responses.jsonl").read_text("utf-8").splitlines()]
        assert len(responses) == len(QUESTIONS)
        steps[label] = {step["name"] for one in responses for step in one["steps"]}
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert 0 < manifest["usage"]["answering"]["calls"] <= bounds[label]
    assert steps["whole"] >= {
        "sub_questions",
        "step_back",
        "expand_query",
        "next_thought",
        "feedback",
        "rerank",
        "answer",
    }
    assert not steps["plain"] & {"sub_questions", "step_back", "expand_query", "rerank"}


def test_metadata_filter_and_order(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    stages = [
        "read_filters",
        {"retrieve": {"retriever": "bm25", "k": 3, "where": {"language": "{question.language}", "seen": {"to": SEEN}}}},
        {"recency": {"field": "seen", "weight": 1.0}},
        "answer",
    ]
    write_benchmark(tmp_path / "small")
    days = {name: f"2024-05-{n:02}" for n, name in enumerate(DOCUMENTS, start=1)}
    rows = [{"id": name, "text": text, "metadata": {"seen": days[name]}} for name, text in DOCUMENTS.items()]
    write_lines(tmp_path / "small" / "documents.jsonl", rows)
    experiment = write_experiment(tmp_path, server.base_url, pipelines=[{"mine": {"stages": stages}}])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    (folder,) = run_folders(tmp_path / "out").values()
    for line in (folder / "responses.jsonl").read_text("utf-8").splitlines():
        response = json.loads(line)
        found = [hit[0] for hit in response["hits"]]
        assert [days[name] for name in found] == sorted((days[name] for name in found), reverse=True)
        assert {DOCUMENTS[name].isascii() for name in found} <= {response["question_id"].startswith("en")}
        assert "donghu" not in found
        assert [step["name"] for step in response["steps"]][:2] == ["read_filters", "filter_documents"]


def test_a_field_that_is_nowhere_is_told_before_any_call(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    mine = {"mine": {"stages": [{"retrieve": {"retriever": "bm25", "where": {"year": 2024}}}, "answer"]}}
    ended = command_line(
        "run", write_experiment(tmp_path, server.base_url, pipelines=[mine]), "--out", tmp_path / "out"
    )
    assert ended.code == 2
    assert "where.year: found a field that no document has, expected one of language" in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0


def test_a_mistake_is_told_before_any_call(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    wrong = [{"mine": {"stages": [{"retrieve": {"k": 3}}, {"rerank": {"kept": 3}}]}}]
    ended = command_line("run", write_experiment(tmp_path, server.base_url, pipelines=wrong), "--out", tmp_path / "out")
    assert ended.code == 2
    assert "pipelines.mine.stages.2.rerank: found the setting 'kept', expected one of: by, keep" in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0


def test_stages_are_listed(command_line: CommandLine) -> None:
    listed = command_line("list", "stages").out
    for name in ("retrieve", "rerank", "sub_questions", "order", "budget"):
        assert any(line.startswith(f"{name} ") for line in listed.splitlines())
