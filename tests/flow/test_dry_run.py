"""`rageval run --dry-run`: what is done, what the caches hold, and what would be asked, held against what is asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import PIPELINES, QUESTIONS, respond, write_experiment

N = len(QUESTIONS)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def chat_calls(server: FakeServer) -> int:
    return sum(received.path.endswith("/chat/completions") for received in server.received)


def outlook(command_line: CommandLine, experiment: Path, out: Path) -> dict[str, Any]:
    ended = command_line("run", experiment, "--out", out, "--dry-run", "--json")
    assert ended.code == 0
    return json.loads(ended.out)


def test_before_after_and_with_the_cache_alone(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment, out = write_experiment(tmp_path, server.base_url), tmp_path / "out"
    before = outlook(command_line, experiment, out)
    assert server.calls == 0
    assert not (out / "runs").exists()
    assert [(run["done"], run["cached"], run["open"]) for run in before["runs"]] == [(0, 0, N)] * len(PIPELINES)

    assert command_line("run", experiment, "--out", out).code == 0
    made = chat_calls(server)
    assert 0 < before["calls"] <= made <= sum(run["calls"] for run in before["runs"])
    after = outlook(command_line, experiment, out)
    assert [(run["done"], run["cached"], run["open"]) for run in after["runs"]] == [(N, 0, 0)] * len(PIPELINES)
    assert (after["calls"], after["texts"]) == (0, 0)

    shutil.rmtree(out / "runs")
    from_cache = outlook(command_line, experiment, out)
    assert [(run["done"], run["cached"], run["open"]) for run in from_cache["runs"]] == [(0, N, 0)] * len(PIPELINES)
    assert chat_calls(server) == made


def test_one_more_judge(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    """Answers are there; one call for each that is no abstention, and at most a second attempt."""
    out = tmp_path / "out"
    setting: dict[str, Any] = {"pipelines": ["closed_book"], "metrics": ["answer_relevance"]}
    assert command_line("run", write_experiment(tmp_path, server.base_url, **setting), "--out", out).code == 0
    made = chat_calls(server)
    setting["metrics"] = ["answer_relevance", "completeness"]
    experiment = write_experiment(tmp_path, server.base_url, **setting)
    found = outlook(command_line, experiment, out)
    assert found["runs"] == [{"pipeline": "closed_book", "done": 0, "cached": 0, "open": N, "calls": 2 * N}]
    assert found["calls"] == N
    assert chat_calls(server) == made
    assert command_line("run", experiment, "--out", out).code == 0
    assert chat_calls(server) - made == N


OUTSIDE = """
from pathlib import Path
from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.pipeline.function import CallFunction


def build() -> Stage:
    def found(question):
        Path("asked").touch()
        return "Because."

    return CallFunction("found", found) >> Answer()
"""


def test_what_asks_outside_is_not_asked(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither alone nor as a part of a pipeline."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside.py").write_text(OUTSIDE)
    experiment = write_experiment(tmp_path, server.base_url, pipelines=["./outside.py"], metrics=["answer_relevance"])
    (run,) = outlook(command_line, experiment, tmp_path / "out")["runs"]
    assert (run["pipeline"], run["open"], (tmp_path / "asked").exists()) == ("outside", N, False)
    assert command_line("run", experiment, "--out", tmp_path / "out").code == 0
    assert (tmp_path / "asked").exists()


def test_in_words(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    setting: dict[str, Any] = {"pipelines": ["closed_book"], "metrics": ["completeness"]}
    experiment = write_experiment(tmp_path, server.base_url, **setting)
    told = command_line("run", experiment, "--out", tmp_path / "out", "--dry-run").out.splitlines()
    assert told == [
        f"closed_book: 0 questions done, 0 in the cache, {N} to ask about (at most {3 * N} chat calls)",
        f"in all: {N} to {3 * N} chat calls and at least 0 texts to embed",
    ]
