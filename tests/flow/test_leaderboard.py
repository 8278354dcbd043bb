"""`rageval leaderboard`: ranks where they are due, and what is said where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill, response


def labelled(path: Path, command_line: CommandLine, label: float | None = None, n: int = 80) -> JudgedRun:
    """A run with fifty of its questions labelled; people say what the judge should have, or `label` throughout."""
    run = JudgedRun(path, n)
    sheet = path.with_suffix(".jsonl")
    assert command_line("sample", path, "-m", run.name, "-n", 50, "--out", sheet).code == 0
    fill(sheet, run.gold.get if label is None else lambda question: label)
    assert command_line("label", path, sheet).code == 0
    return run


def board(command_line: CommandLine, *arguments: object) -> dict[str, Any]:
    ended = command_line("leaderboard", *arguments, "--format", "json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_labels_that_are_not_used_leave_the_ranks(tmp_path: Path, command_line: CommandLine) -> None:
    """Answers that have changed since: the numbers shown are the judge's, and so are the ranks."""
    run = labelled(tmp_path / "one", command_line)
    for question in run.judged:
        run.folder.add_outcome(question, response(0, answer=f"Another answer to {question}."))
    found = board(command_line, tmp_path / "one")
    assert (found["unranked"], found["runs"][0]["rank"]) == (None, [1, 1])
    assert found["runs"][0]["metrics"]["answer_relevance"]["warning"].startswith("labels not used")


def test_labels_on_another_metric_leave_the_ranks(tmp_path: Path, command_line: CommandLine) -> None:
    run = labelled(tmp_path / "one", command_line)
    scores = run.folder.scores()
    run.folder.write_scores({**scores, "map": scores[run.name]})
    run.write_manifest(metrics=["map", run.name])
    found = board(command_line, tmp_path / "one")
    assert (found["unranked"], found["runs"][0]["rank"]) == (None, [1, 1])


def test_other_judges_are_code_4_and_shown_unranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    JudgedRun(tmp_path / "one", 20)
    other = JudgedRun(tmp_path / "two", 20)
    other.write_manifest(judges={"answer_relevance": {"key": "answer_relevance-2", "model": "another critic"}})
    ended = command_line("leaderboard", "one", "two")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == (
        "error: answer_relevance: found other judges (one: answer_relevance-1 by critic; two: answer_relevance-2 by "
        "another critic), expected the same model, prompts and calibration: judge all with the same judge, "
        "or show them without ranks (--unranked)\n"
    )
    found = board(command_line, "two", "one", "--unranked")
    assert [(run["pipeline"], run["rank"]) for run in found["runs"]] == [("two", None), ("one", None)]
    assert [run["differs"]["judge"] for run in found["runs"]] == ["another critic", "critic"]
    printed = command_line("leaderboard", "one", "two", "--unranked").out
    assert "No ranks: different judges scored answer_relevance." in printed.splitlines()
    assert "  two (two): judge another critic; judging by answer_relevance answer_relevance-2" in printed.splitlines()
