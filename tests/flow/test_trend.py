"""`rageval trend` over runs that a scripted model made, and the pictures of the other commands' results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval import evaluate
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.conftest import CommandLine
from tests.flow.small_world import scripted_reply, write_benchmark

METRICS = ["ndcg@10", "faithfulness", "answer_relevance"]


def night(folder: Path, day: int, k: int = 2, chat: str = "scripted") -> Path:
    """One run of the small benchmark, in a folder named after the day."""
    benchmark = folder / "small"
    if not benchmark.exists():
        write_benchmark(benchmark)
    model = ScriptedChat(scripted_reply, identity=chat)
    out = folder / "nightly" / f"2026-11-{day:02}"
    pipelines: list[Any] = [{"naive": {"retriever": "bm25", "k": k}}]
    (run,) = evaluate(benchmark, pipelines, METRICS, chat=model, embed=HashEmbedder(), out=out).runs
    return run


def test_a_trend_of_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    night(tmp_path, 1)
    night(tmp_path, 2)
    night(tmp_path, 3, chat="other")
    ended = command_line("trend", "nightly", "--format", "json", "--plot", "trend.png")
    assert ended.code == 0, ended.err
    assert (tmp_path / "trend.png").stat().st_size > 0
    found = json.loads(ended.out)
    (series,) = found["series"]
    assert series["pipeline"] == "naive(retriever=bm25, k=2)"
    assert [run["made_from"] for run in series["runs"]] == ["manifest"] * 3
    first, same, other = (run["against_the_run_before"] for run in series["runs"])
    assert first is None
    assert same["changes"] == []
    assert {one["difference"]["point"] for one in same["metrics"].values()} == {0.0}
    assert [(one["kind"], one["name"], one["after"]) for one in other["changes"]][:1] == [("model", "chat", "other")]
    assert {*other["metrics"]} == {"ndcg@10"}
    assert {*other["not_told"]} == {"faithfulness", "answer_relevance"}  # the model is the judge as well
    board = json.loads(command_line("leaderboard", series["runs"][0]["path"], "--format", "json").out)
    assert series["runs"][0]["metrics"] == board["runs"][0]["metrics"]
    printed = command_line("trend", "nightly").out
    assert "changed: model chat: scripted → other; judge: scripted → other" in printed
    assert "not told: faithfulness: found other judges (" in printed
    text = command_line("trend", "nightly", "--format", "md", "-m", "ndcg@10").out
    assert "**ndcg@10 (paired steps)**" in text
    assert "by Holm over all 2 differences" in text


def test_settings_and_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    night(tmp_path, 1)
    night(tmp_path, 2, k=3)
    assert "2 runs" not in command_line("trend", "nightly").out
    joined = command_line("trend", "nightly", "--pipeline", "naive").out
    assert joined.startswith("naive: 2 runs, ")
    assert "changed: setting k: 2 → 3\n" in joined
    for arguments, code, told in (
        (("nightly", "--format", "pdf"), 2, "'pdf' is not one of 'terminal', 'md', 'csv', 'latex', 'html', 'json'"),
        (("nightly", "--plot", "x.gif"), 2, "x.gif: found the ending '.gif', expected one of .svg, .png, .pdf"),
        (("small",), 4, "small: found no finished run: found no manifest.json in it or below it"),
        (("nightly", "--pipeline", "hyde"), 2, "--pipeline: found 'hyde', expected one of naive("),
    ):
        ended = command_line("trend", *arguments)
        assert (ended.code, ended.out) == (code, "")
        assert told in ended.err
