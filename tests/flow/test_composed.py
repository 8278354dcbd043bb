"""A pipeline composed in an experiment file, from the price to the report, with a model that answers by rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import QUESTIONS, respond, run_folders, write_experiment

COMPOSED = [
    {
        "whole": {
            "chunk": {"headings": {"tokens": 64}},
            "stages": [
                "normalise",
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


SHORT = 'en: "{question} In ten words:"\nzh: "{question}请简短回答："\n'


def test_a_prompt_of_ones_own_is_a_factor_and_runs_beside_the_default(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    (tmp_path / "short.yaml").write_text(SHORT, encoding="utf-8")
    stages = [{"retrieve": {"retriever": "bm25", "k": 2}}, {"answer": {"abstain": "never"}}]
    sweep = {"pipeline": [{"mine": {"stages": stages}}], "answer.prompt": [None, "short.yaml"]}
    setting = {"pipelines": None, "sweep": sweep, "metrics": ["answer_relevance"]}
    experiment, out = write_experiment(tmp_path, server.base_url, **setting), tmp_path / "out"
    ended = command_line("sweep", experiment, "--out", out, "--json")
    assert ended.code == 0, ended.err
    labels = [cell["label"] for cell in json.loads(ended.out)["cells"]]
    assert labels == ["mine(answer.prompt=None)", "mine(answer.prompt=short.yaml)"]
    asked = [one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload]
    ends = [content.rpartition("</passages>")[2].strip() for content in asked]
    for question in QUESTIONS.values():
        shown = f"{question} In ten words:" if question.isascii() else f"{question}请简短回答："
        assert ends.count(shown) == 1
    server.received.clear()
    (tmp_path / "short.yaml").write_text(SHORT.replace("ten", "six"), encoding="utf-8")
    assert command_line("sweep", experiment, "--out", out).code == 0
    asked = [one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload]
    assert sum(content.endswith("In six words:") for content in asked) == sum(q.isascii() for q in QUESTIONS.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('en: "Why?"\n', "set.answer.prompt: short.yaml: en: found the placeholders none, expected {question} or"),
        ('en: "{question}"\n', "short.yaml: found no text under zh, in which 3 of the 6 questions are prompted"),
    ],
)
def test_a_prompt_that_cannot_serve_is_told_before_any_call(
    text: str, told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    (tmp_path / "short.yaml").write_text(text, encoding="utf-8")
    stages = ["retrieve", {"answer": {"prompt": "short.yaml"}}]
    experiment = write_experiment(tmp_path, server.base_url, pipelines=[{"mine": {"stages": stages}}])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 2
    assert told.removeprefix("set.answer.prompt: ") in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0
