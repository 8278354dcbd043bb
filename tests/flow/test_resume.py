"""A run that is killed goes on where it was, and ends where an undisturbed run ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rageval import evaluate
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received
from tests.flow.small_world import (
    METRICS,
    PIPELINES,
    QUESTIONS,
    read_jsonl,
    respond,
    results,
    run_folders,
    scripted_reply,
    start_rageval,
    write_benchmark,
    write_experiment,
)

CONCURRENCY = 4


@dataclass
class Saboteur:
    """Answers by the rule, and sends `signal` to the process `pid` when the call number `at` arrives."""

    at: int = 0
    signal: signal.Signals = signal.SIGKILL
    pid: int = 0
    calls: int = 0
    slow: bool = False

    def __call__(self, received: Received) -> Canned:
        self.calls += 1
        if self.calls == self.at:
            os.kill(self.pid, self.signal)
        return replace(respond(received), delay_s=60.0 if self.slow else 0.002)

    def interrupt(self, experiment: Path, out: Path, at: int, sent: signal.Signals) -> tuple[int, str]:
        """Run until the call number `at`; exit code and standard error."""
        process = start_rageval("run", experiment, "--out", out)
        self.pid, self.calls, self.at, self.signal = process.pid, 0, at, sent
        _, err = process.communicate(timeout=60)
        self.at = 0
        return process.returncode, err


@pytest.fixture(scope="module")
def saboteur() -> Saboteur:
    return Saboteur()


@pytest.fixture(scope="module")
def server(saboteur: Saboteur) -> Iterator[FakeServer]:
    with FakeServer(saboteur) as server:
        yield server


@dataclass(frozen=True)
class Finished:
    """What a complete run left behind, and what it asked of the server."""

    experiment: Path
    out: Path
    asked: Counter[str]
    results: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(server: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("undisturbed")
    experiment = write_experiment(folder, server.base_url, model={"concurrency": CONCURRENCY})
    process = start_rageval("run", experiment, "--out", folder / "out")
    asked = requests(server, lambda: process.communicate(timeout=60))
    assert process.returncode == 0
    return Finished(experiment, folder / "out", asked, results(folder / "out"))


def requests(server: FakeServer, work: Callable[[], object]) -> Counter[str]:
    """The chat requests that the server gets while `work` runs."""
    before = server.calls
    work()
    received = server.received[before:]
    return Counter(json.dumps(r.payload, sort_keys=True) for r in received if r.path.endswith("/chat/completions"))


def test_undisturbed_run_asks_everything_once(undisturbed: Finished) -> None:
    assert set(undisturbed.results) == {next(iter(pipeline)) for pipeline in PIPELINES}
    assert all(set(responses) == set(QUESTIONS) for _, responses in undisturbed.results.values())
    assert set(undisturbed.asked.values()) == {1}


@pytest.mark.parametrize("at", [3, 41, 130])
def test_killed_run_goes_on(
    at: int, undisturbed: Finished, server: FakeServer, saboteur: Saboteur, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    before = requests(server, lambda: saboteur.interrupt(undisturbed.experiment, out, at, signal.SIGKILL))
    assert not any((folder / "scores.json").exists() for folder in (out / "runs").iterdir())
    after = requests(server, lambda: command_line("run", undisturbed.experiment, "--out", out))
    assert set(before | after) == set(undisturbed.asked)
    # What was in flight at the kill may be asked again, and nothing else.
    assert (before + after).total() <= undisturbed.asked.total() + CONCURRENCY
    assert results(out) == undisturbed.results


def test_killed_again_and_again(
    undisturbed: Finished, server: FakeServer, saboteur: Saboteur, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    kills = (17, 60, 29)

    def work() -> None:
        for at in kills:
            code, _ = saboteur.interrupt(undisturbed.experiment, out, at, signal.SIGKILL)
            assert code == -signal.SIGKILL
        command_line("run", undisturbed.experiment, "--out", out)

    asked = requests(server, work)
    assert set(asked) == set(undisturbed.asked)
    assert asked.total() <= undisturbed.asked.total() + len(kills) * CONCURRENCY
    assert results(out) == undisturbed.results


def test_ctrl_c_says_how_to_go_on(
    undisturbed: Finished, server: FakeServer, saboteur: Saboteur, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "a folder"
    code, err = saboteur.interrupt(undisturbed.experiment, out, 50, signal.SIGINT)
    assert code == 130
    assert err.splitlines() == [
        f"stopped; everything done so far is kept. To go on:  rageval run {undisturbed.experiment} --out '{out}'"
    ]
    assert command_line("run", undisturbed.experiment, "--out", out).code == 0
    assert results(out) == undisturbed.results


def test_torn_last_lines_are_dropped(
    undisturbed: Finished, server: FakeServer, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    torn = [log for folder in run_folders(out).values() for log in sorted(folder.rglob("*.jsonl"))]
    torn = [log for log in torn if log.name != "questions.jsonl"]
    assert len(torn) == len(PIPELINES) * (1 + 3) + 1  # responses and three judges, and what the summaries cost
    for log in torn:
        content = log.read_bytes()
        log.write_bytes(content[: content[:-1].rfind(b"\n") + 20])
    before = server.calls
    assert command_line("run", undisturbed.experiment, "--out", out).code == 0
    assert server.calls == before  # every reply is in the cache
    assert results(out) == undisturbed.results
    for log in torn:
        if log.name != "indexing.jsonl":
            assert {line["question_id"] for line in read_jsonl(log)} == set(QUESTIONS)


def test_second_run_calls_nothing(undisturbed: Finished, server: FakeServer, command_line: CommandLine) -> None:
    before = server.calls
    ended = command_line("run", undisturbed.experiment, "--out", undisturbed.out)
    assert ended.code == 0
    assert server.calls == before
    assert results(undisturbed.out) == undisturbed.results


def test_second_run_loads_no_model(tmp_path: Path) -> None:
    """A model is loaded by its first call, so one that fails at any call is never loaded."""

    class Unloadable(HashEmbedder):
        async def embed(self, *_: object) -> Any:
            raise AssertionError("an embedder was loaded")

    def unloadable(_: ChatRequest) -> ChatReply:
        raise AssertionError("a chat model was loaded")

    benchmark, out = write_benchmark(tmp_path / "small"), tmp_path / "out"
    pipelines: list[Any] = PIPELINES
    first = evaluate(benchmark, pipelines, METRICS, chat=ScriptedChat(scripted_reply), embed=HashEmbedder(), out=out)
    (out / "cache" / "chat.sqlite").unlink()
    second = evaluate(benchmark, pipelines, METRICS, chat=ScriptedChat(unloadable), embed=Unloadable(), out=out)
    assert str(second) == str(first)


def test_second_process_on_the_same_experiment_is_refused(
    undisturbed: Finished,
    server: FakeServer,
    saboteur: Saboteur,
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(saboteur, "slow", True)
    before, saboteur.calls = server.calls, 0
    first = start_rageval("run", undisturbed.experiment, "--out", out)
    try:
        while saboteur.calls == 0:
            assert first.poll() is None
            time.sleep(0.01)
        second = command_line("run", undisturbed.experiment, "--out", out)
    finally:
        first.kill()
        first.communicate()
    assert second.code == 2
    (line,) = second.err.splitlines()
    assert "another rageval process is writing this run; wait for it or stop it" in line
    assert line.startswith(f"error: {out}")
    asked = [json.dumps(received.payload, sort_keys=True) for received in server.received[before:]]
    assert len(set(asked)) == len(asked)  # the second would have asked the same
