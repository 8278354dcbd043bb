"""Stored answers are reused aloud, and `--fresh` asks again, through the command line and `rageval.evaluate`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval import Question
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer, Received
from tests.flow.small_world import (
    QUESTIONS,
    Interrupter,
    read_jsonl,
    respond,
    run_folders,
    scripted_reply,
    start_rageval,
    write_benchmark,
    write_experiment,
)

N = len(QUESTIONS)
NOTHING = {"answers": 0, "failures": 0, "judgments": 0}
SMALL: dict[str, Any] = {"pipelines": ["closed_book", {"naive": {"k": 1}}], "metrics": ["answer_relevance"]}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def chat_calls(received: list[Received]) -> list[str]:
    return sorted(json.dumps(one.payload, sort_keys=True) for one in received if one.path.endswith("/chat/completions"))


def answers(run: Path) -> list[str]:
    return [line["question_id"] for line in read_jsonl(run / "responses.jsonl")]


def test_a_second_run_says_what_it_reuses(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment, out = write_experiment(tmp_path, server.base_url, **SMALL), tmp_path / "out"
    first = command_line("run", experiment, "--out", out, "--json")
    assert "reused" not in first.err
    assert [run["reused"] for run in json.loads(first.out)["runs"]] == [
        {"answers": 0, "failures": 0, "judgments": 0}
    ] * 2
    judged = [len(read_jsonl(next((run / "judgments").iterdir()))) for run in run_folders(out).values()]
    second = command_line("run", experiment, "--out", out, "--json")
    line = f"reused {2 * N} of {2 * N} answers (and {sum(judged)} judgments); --fresh asks again"
    assert line in second.err.splitlines()
    assert [run["reused"] for run in json.loads(second.out)["runs"]] == [
        {"answers": N, "failures": 0, "judgments": N}
    ] * 2
    changed = write_experiment(tmp_path, server.base_url, **{**SMALL, "pipelines": ["closed_book", "oracle"]})
    third = command_line("run", changed, "--out", out)
    assert f"reused {N} of {2 * N} answers (and {N} judgments); --fresh asks again" in third.err.splitlines()


def test_fresh_asks_everything_again(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    """Equal calls are still made once; what was there is kept elsewhere, people's labels included."""
    experiment, out = write_experiment(tmp_path, server.base_url, **SMALL), tmp_path / "out"
    assert command_line("run", experiment, "--out", out).code == 0
    asked = chat_calls(server.received)
    run = run_folders(out)["closed_book"]
    (run / "labels").mkdir()
    (run / "labels" / "answer_relevance.json").write_text("{}", encoding="utf-8")
    before = (run / "responses.jsonl").read_bytes()
    server.received.clear()
    ended = command_line("run", experiment, "--out", out, "--fresh", "--json")
    assert ended.code == 0, ended.err
    assert chat_calls(server.received) == asked
    assert [run["reused"] for run in json.loads(ended.out)["runs"]] == [
        {"answers": 0, "failures": 0, "judgments": 0}
    ] * 2
    assert sorted(answers(run)) == sorted(QUESTIONS)
    assert not (run / "labels").exists()
    earlier = out / "earlier" / f"{run.name}.1"
    assert (earlier / "responses.jsonl").read_bytes() == before
    assert (earlier / "labels" / "answer_relevance.json").exists()
    assert f"{run} starts again; its earlier content is in {earlier}" in caplog.messages
    command_line("run", experiment, "--out", out, "--fresh")
    assert (out / "earlier" / f"{run.name}.2").is_dir()
    server.received.clear()
    command_line("run", experiment, "--out", out)
    assert chat_calls(server.received) == []


def test_new_replies_take_the_place_of_the_old_ones(tmp_path: Path, command_line: CommandLine) -> None:
    replies = iter(["Salt.", "Fish."])
    word = next(replies)

    def say(received: Received) -> Any:
        from tests.flow.fake_server import completion, embeddings

        if received.path == "/v1/embeddings":
            return embeddings([[1.0, 0.0] for _ in received.payload["input"]])
        return completion("yes" if received.payload.get("logprobs") else word, top_logprobs={"yes": -0.1, "no": -2.5})

    with FakeServer(say) as server:
        experiment, out = write_experiment(tmp_path, server.base_url, **SMALL), tmp_path / "out"
        command_line("run", experiment, "--out", out)
        word = next(replies)
        command_line("run", experiment, "--out", out)
        said = {line["answer"] for line in read_jsonl(run_folders(out)["closed_book"] / "responses.jsonl")}
        assert said == {"Salt."}
        command_line("run", experiment, "--out", out, "--fresh")
        said = {line["answer"] for line in read_jsonl(run_folders(out)["closed_book"] / "responses.jsonl")}
        assert said == {"Fish."}
        changed = write_experiment(tmp_path, server.base_url, **{**SMALL, "questions": 2})
        command_line("run", changed, "--out", tmp_path / "out")
        few = next(run for run in (out / "runs").iterdir() if len(answers(run)) == 2 and "closed" in run.name)
        assert {line["answer"] for line in read_jsonl(few / "responses.jsonl")} == {"Fish."}


def test_an_interrupted_fresh_run_goes_on_with_the_same_command(tmp_path: Path, command_line: CommandLine) -> None:
    """Neither what it has asked already is asked again, nor do replies from before it began count."""
    rule = Interrupter(respond, at=10)
    with FakeServer(rule) as server:
        model = {"concurrency": 1}
        experiment = write_experiment(tmp_path, server.base_url, model=model, **{**SMALL, "pipelines": ["closed_book"]})
        out = tmp_path / "out"
        assert command_line("run", experiment, "--out", out).code == 0
        asked = chat_calls(server.received)
        server.received.clear()
        rule.calls = 0
        rule.process = start_rageval("run", experiment, "--out", out, "--fresh")
        _, told = rule.process.communicate(timeout=60)
        assert f"To go on:  rageval run {experiment} --out {out} --fresh" in told
        rule.process = None
        run = run_folders(out)["closed_book"]
        done = len(answers(run))
        assert 0 < done < N
        ended = command_line("run", experiment, "--out", out, "--fresh")
        assert ended.code == 0, ended.err
        assert f"reused {done} of {N} answers" in ended.err
        assert sorted(answers(run)) == sorted(QUESTIONS)
        assert sorted(set(chat_calls(server.received))) == asked
        assert [path.name for path in (out / "earlier").iterdir()] == [f"{run.name}.1"]
        server.received.clear()
        command_line("run", experiment, "--out", out, "--fresh")  # it had ended, so that this begins once more
        assert chat_calls(server.received) == asked


@pytest.mark.parametrize("other", ["--offline", "--dry-run"])
def test_mistakes(other: str, tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment = write_experiment(tmp_path, server.base_url, **SMALL)
    ended = command_line("run", experiment, "--out", tmp_path / "out", "--fresh", other)
    assert (ended.code, server.calls) == (2, 0)
    assert ended.err == f"error: --fresh: found it with {other}, expected one of them\n"


def test_a_sweep_says_so_too(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    grid = {"pipelines": None, "sweep": {"pipeline": ["oracle"], "k": [1, 2]}, "metrics": ["answer_relevance"]}
    experiment, out = write_experiment(tmp_path, server.base_url, **grid), tmp_path / "out"
    assert "reused" not in command_line("sweep", experiment, "--out", out).err
    asked = chat_calls(server.received)
    again = command_line("sweep", experiment, "--out", out, "--json")
    assert f"reused {2 * N} of {2 * N} answers" in again.err
    found = json.loads(again.out)
    assert [run["reused"]["answers"] for run in found["runs"]] == [N, N]
    server.received.clear()
    fresh = command_line("sweep", experiment, "--out", out, "--fresh", "--json")
    assert [run["reused"]["answers"] for run in json.loads(fresh.out)["runs"]] == [0, 0]
    assert chat_calls(server.received) == asked


def test_judging_again_says_so_too(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment, out = write_experiment(tmp_path, server.base_url, **SMALL), tmp_path / "out"
    command_line("run", experiment, "--out", out)
    run = run_folders(out)["closed_book"]
    judge = ("judge", run, "--name", "other", "--experiment", experiment, "--samples", 2, "--out", out, "--json")
    first, second = command_line(*judge), command_line(*judge)
    assert json.loads(first.out)["reused"] == {"judgments": 0}
    assert json.loads(second.out)["reused"] == {"judgments": N}
    assert f"reused {N} judgments" in second.err.splitlines()


def test_evaluate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []
    chat = ScriptedChat(scripted_reply)

    def system(question: Question) -> str:
        asked.append(question.id)
        return "Salt."

    def evaluate(**options: Any) -> list[str]:
        asked.clear()
        chat.requests.clear()
        caplog.clear()
        with caplog.at_level(logging.WARNING, "rageval"):
            rageval.evaluate(
                tmp_path / "small",
                [system],
                ["answer_relevance"],
                chat=chat,
                embed=HashEmbedder(),
                out=tmp_path / "out",
                **options,
            )
        return [record.message for record in caplog.records if "reused" in record.message]

    write_benchmark(tmp_path / "small")
    assert evaluate() == []
    calls = len(chat.requests)
    assert evaluate() == [f"reused {N} of {N} answers (and {N} judgments); fresh=True asks again"]
    assert (asked, chat.requests) == ([], [])
    assert evaluate(fresh=True) == []
    assert sorted(asked) == sorted(QUESTIONS)
    assert len(chat.requests) == calls > 0
