"""`rageval plan` on an experiment with a model: what it says before any call, and what earlier runs tell it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

from rageval.stats import required_questions
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import QUESTIONS, respond, run_folders, write_experiment

N = len(QUESTIONS)
METRICS = ["ndcg@10", "faithfulness", "answer_relevance"]
PRICE = {"prompt": 2.0, "completion": 8.0}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def experiment_file(folder: Path, server: FakeServer) -> Path:
    pipelines = [{"naive": {"k": 2, "retriever": "bm25"}}, {"rag_fusion": {"k": 2, "n": 2, "retriever": "bm25"}}]
    path = write_experiment(folder, server.base_url, pipelines=pipelines, metrics=METRICS)
    text = path.read_text("utf-8").replace("    model: fake\n", f"    model: fake\n    price: {json.dumps(PRICE)}\n", 1)
    path.write_text(text, "utf-8")
    return path


def planned(command_line: CommandLine, *arguments: object) -> dict[str, Any]:
    ended = command_line("plan", *arguments, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_before_any_run(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    """The bounds of `rageval check`, in proportion to the questions; no call is made."""
    experiment = experiment_file(tmp_path, server)
    found = planned(command_line, experiment, "--detect", 0.1, "--margin", 0.05)
    checked = json.loads(command_line("check", experiment, "--json").out)["pipelines"]
    assert (found["questions"], found["metrics_compared"]) == ({"asked": N, "available": N}, 3)
    assert [one["spread"]["name"] for one in found["plans"]] == ["typical", "worst case"] * 3
    first, *more = found["costs"]
    assert first["questions"] == N
    assert first["calls"] == [sum(one["calls"][i] for one in checked) for i in (0, 1)]
    assert first["prompt_tokens"] == sum(one["prompt_tokens"] for one in checked)
    assert first["money_for_prompts"] == pytest.approx(2.0 * first["prompt_tokens"] / 1e6)
    for cost in more:
        assert cost["calls"][1] == pytest.approx(first["calls"][1] * cost["questions"] / N, abs=2)
    assert found["measured"] == []
    assert [*found["labels"]] == ["faithfulness", "answer_relevance"]
    assert server.calls == 0


def test_like_earlier_runs(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, out = experiment_file(tmp_path, server), tmp_path / "out"
    assert command_line("run", experiment, "--out", out).code == 0
    made = server.calls
    runs = run_folders(out)
    like = [part for name in ("naive", "rag_fusion") for part in ("--like", runs[name])]
    found = planned(command_line, experiment, *like, "--detect", 0.1, "-m", "answer_relevance")
    scores = [
        json.loads((runs[name] / "scores.json").read_text("utf-8"))["answer_relevance"]["questions"]
        for name in ("naive", "rag_fusion")
    ]
    shared = sorted(scores[0].keys() & scores[1].keys())
    d = [scores[1][question] - scores[0][question] for question in shared]
    (one,) = found["plans"]
    spread = one["spread"]
    assert spread["sd"] == pytest.approx(stdev(d), abs=1e-5)
    assert spread["scored"] == len(shared) / N
    needed = required_questions(0.1, spread["sd"], skewness=spread["skewness"], binary=set(d) <= {-1.0, 0.0, 1.0})
    assert one["comparison"]["questions"] == math.ceil(needed / spread["scored"])
    usage = [json.loads((runs[name] / "manifest.json").read_text("utf-8"))["usage"] for name in ("naive", "rag_fusion")]
    for took, run in zip(usage, ("naive", "rag_fusion"), strict=True):
        measured = next(m for m in found["measured"] if m["run"] == str(runs[run]) and m["questions"] == N)
        assert measured["calls"] == sum(part["calls"] for part in took.values())
        assert measured["money"] == pytest.approx(
            sum(2.0 * part["prompt_tokens"] + 8.0 * part["completion_tokens"] for part in took.values()) / 1e6
        )
    monkeypatch.setenv("COLUMNS", "80")
    text = command_line("plan", experiment, *like, "--detect", 0.1, "--within", 0.3, "--repeats", 2).out
    assert max(len(line) for line in text.splitlines() if "results" not in line and str(tmp_path) not in line) <= 80
    assert f"Measuredon{runs['naive']}" in "".join(text.split())  # a path longer than the width goes on below
    assert "People's labels of answer_relevance" in text
    one_run = planned(command_line, experiment, "--like", runs["naive"], "--margin", 0.1, "-m", "answer_relevance")
    assert one_run["plans"][0]["spread"]["sd"] == pytest.approx(stdev(scores[0].values()), abs=1e-5)
    assert server.calls == made


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "found nothing to show, expected --detect, --margin, or both"),
        (("--detect", 0.1, "--like", "nowhere"), 4, "nowhere: found neither a run folder nor a baseline"),
        (("--detect", 0.1, "-m", "map"), 2, "--metric: found map, expected one of the experiment"),
        (("--detect", 0.1, "--repeats", 3), 2, "--repeats: found 3 without --within"),
    ],
)
def test_errors_before_any_call(
    tmp_path: Path,
    server: FakeServer,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command_line("plan", experiment_file(tmp_path, server), *arguments)
    assert (ended.code, ended.out, server.calls) == (code, "", 0)
    assert told in ended.err
    assert ended.err.count("\n") == 1
