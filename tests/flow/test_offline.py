"""An exported cache repeats an experiment elsewhere, without server and key, through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond, run_folders, write_experiment

PIPELINES = ["naive", {"hyde": {"k": 2}}]
KEY = {"api_key_env": "RAGEVAL_TEST_KEY"}


def test_an_exported_cache_repeats_the_experiment(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", "sk-test")
    file = tmp_path / "cache.jsonl.gz"
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, model=KEY, pipelines=PIPELINES)
        assert command_line("run", experiment, "--out", tmp_path / "here").code == 0
    monkeypatch.delenv("RAGEVAL_TEST_KEY")
    exported = command_line("cache", "export", file, "--out", tmp_path / "here")
    assert exported.code == 0
    assert exported.out.endswith(f"vectors in {file}\n")
    assert "sk-test" not in file.read_bytes().decode("latin-1")
    assert command_line("cache", "import", file, "--out", tmp_path / "there").code == 0
    ended = command_line("run", experiment, "--out", tmp_path / "there", "--offline")
    assert (ended.code, ended.err.count("error")) == (0, 0)
    here, there = run_folders(tmp_path / "here"), run_folders(tmp_path / "there")
    assert here.keys() == there.keys() == {"naive", "hyde"}
    for name, folder in here.items():
        assert (folder / "scores.json").read_bytes() == (there[name] / "scores.json").read_bytes()


def test_what_is_not_in_the_cache_is_named(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=["closed_book"], metrics=["completeness"])
        ended = command_line("run", experiment, "--out", tmp_path / "out", "--offline")
        assert (ended.code, server.calls) == (5, 0)
    assert f"error: fake @ {server.base_url}: the reply to a call of answer_from_memory/" in ended.err
    assert "is not in the cache, and --offline asks no model" in ended.err


def test_stats_and_prune(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=["closed_book"], metrics=["completeness"])
        command_line("run", experiment, "--out", tmp_path / "out")
        told = command_line("cache", "stats", "--out", tmp_path / "out").out
        assert f"{server.calls} replies of fake @ {server.base_url}" in told
        pruned = command_line("cache", "prune", "--model", f"fake @ {server.base_url}", "--out", tmp_path / "out")
        assert pruned.out == f"{server.calls} replies deleted\n"
    nothing = command_line("cache", "stats", "--out", tmp_path / "nowhere")
    assert nothing.code == 2
    assert "found no chat.sqlite" in nothing.err
