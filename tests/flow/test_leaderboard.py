"""`rageval leaderboard`: ranks where they are due, and what is said where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval.decide.leaderboard import read_leaderboard
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill

NO_RANKS = "No ranks: people's labels correct answer_relevance, and the tests behind ranks do not use labels yet."


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


def test_no_rank_comes_from_raw_scores_where_labels_correct_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """The judge scores `good` below `bad` on most questions; people say the reverse, and the order follows them."""
    monkeypatch.chdir(tmp_path)
    for name, score in (("good", 0.0), ("bad", 1.0)):
        run = JudgedRun(tmp_path / name, 80)
        scores = run.folder.scores()
        scores[run.name]["questions"] = dict.fromkeys(run.judged, score)
        run.folder.write_scores(scores)
    assert [(run["pipeline"], run["rank"]) for run in board(command_line, "good", "bad")["runs"]] == [
        ("bad", [1, 1]),
        ("good", [2, 2]),
    ]
    for name, label in (("good", 1), ("bad", 0)):
        sheet = tmp_path / f"{name}.jsonl"
        assert command_line("sample", name, "-m", "answer_relevance", "-n", 50, "--out", sheet).code == 0
        fill(sheet, lambda question, label=label: label)
        assert command_line("label", name, sheet).code == 0
    found = board(command_line, "good", "bad")
    assert [(run["pipeline"], run["rank"]) for run in found["runs"]] == [("good", None), ("bad", None)]
    means = [run["metrics"]["answer_relevance"]["mean"] for run in found["runs"]]
    assert means[0] > means[1]
    assert found["unranked"] == NO_RANKS.removeprefix("No ranks: ").removesuffix(".")
    for arguments in ([], ["--format", "md"]):
        printed = command_line("leaderboard", "good", "bad", *arguments).out
        assert NO_RANKS in printed.splitlines()
        assert "ranks by the first metric" not in printed


def test_one_labelled_run_is_enough_and_pandas_says_why(tmp_path: Path, command_line: CommandLine) -> None:
    labelled(tmp_path / "one", command_line)
    JudgedRun(tmp_path / "two", 80)
    frame = read_leaderboard([tmp_path / "one", tmp_path / "two"]).to_pandas("runs")
    assert frame["first_rank"].isna().all()
    assert frame["last_rank"].isna().all()
    assert {*frame["unranked"]} == {NO_RANKS.removeprefix("No ranks: ").removesuffix(".")}


def test_labels_that_are_not_used_leave_the_ranks(tmp_path: Path, command_line: CommandLine) -> None:
    """Answers that have changed since: the numbers shown are the judge's, and so are the ranks."""
    run = labelled(tmp_path / "one", command_line)
    run.folder.add_outcome("q000", run.folder.outcomes()["q001"])
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


def test_compare_and_gate_say_that_labels_are_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    run = labelled(tmp_path / "one", command_line)
    gated = command_line("gate", "one", "--baseline", "one", "--margin", f"{run.name}=0.1", "--markdown", "gate.md")
    compared = command_line("compare", "one", "one", "--markdown", "compare.md")
    for printed in (gated.out, compared.out):
        assert "(judge only, uncorrected)" in printed
    for file in ("gate.md", "compare.md"):
        page = (tmp_path / file).read_text("utf-8")
        assert "answer_relevance †" in page
        assert "† judge only, uncorrected" in page


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
