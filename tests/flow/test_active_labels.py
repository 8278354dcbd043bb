"""Labels drawn where the judge is in doubt, from the command line: for a mean, and for the gate of two runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, Ended
from tests.flow.judged_run import JudgedRun, fill, mean, read_sheet
from tests.flow.two_judged_runs import TwoJudgedRuns


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def test_a_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    run = JudgedRun(tmp_path / "lakes", failed=6, unscored=4, graded=True)
    ended = command_line("sample", "lakes", "-m", run.name, "-n", 80, "--active", "--out", "a.csv")
    assert done(ended) == "a.csv\n"
    assert "80 draws of " in ended.err
    rows = read_sheet(tmp_path / "a.csv")
    questions = [row["question_id"] for row in rows]
    assert len(set(questions)) == len(questions) < 80
    assert not {*questions} & {*run.failed, *run.unscored}
    fill(tmp_path / "a.csv", lambda question: int(run.gold[question]))
    said = done(command_line("label", "lakes", "a.csv"))
    assert "active beta chain" in said
    (found,) = json.loads(done(command_line("leaderboard", "lakes", "--format", "json")))["runs"]
    metric = found["metrics"][run.name]
    assert metric["low"] <= mean(run.gold) <= metric["high"]
    assert (metric["n"], metric["warning"]) == (296, "")
    assert len(questions) <= metric["n_labelled"] <= len(questions) + len(run.failed)


def test_a_larger_sample_begins_with_the_smaller_one_and_asks_nothing_twice(
    tmp_path: Path, command_line: CommandLine
) -> None:
    run, sheets = JudgedRun(tmp_path / "lakes", graded=True), [tmp_path / f"{name}.jsonl" for name in "ab"]
    common = ("sample", run.folder.path, "-m", run.name, "--active")
    done(command_line(*common, "-n", 40, "--out", sheets[0]))
    fill(sheets[0], run.gold.get)
    done(command_line("label", run.folder.path, sheets[0]))
    ended = command_line(*common, "-n", 70, "--out", sheets[1])
    assert done(ended)
    first, more = ([row["question_id"] for row in read_sheet(sheet)] for sheet in sheets)
    assert not {*first} & {*more}
    assert f"70 draws of {len(first) + len(more)} questions, {len(more)} to label" in ended.err
    fill(sheets[1], run.gold.get)
    assert f"{len(first) + len(more)} labels" in done(command_line("label", run.folder.path, sheets[1]))


def test_labels_in_another_order_or_without_some_are_refused(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", graded=True), tmp_path / "a.jsonl"
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 40, "--active", "--out", sheet))
    fill(sheet, run.gold.get, first=25)
    assert "25 labels" in done(command_line("label", run.folder.path, sheet))


def test_a_gate_says_which_labels_would_decide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = TwoJudgedRuns(tmp_path)
    metric = runs.new.name
    draw = ("sample", "new", "-m", metric, "--active", "--against", "old")
    assert done(command_line(*draw, "-n", 40)).split() == [
        f"new-{metric}.jsonl",
        f"new-{metric}-baseline.jsonl",
    ]
    gate = ("gate", "new", "--baseline", "old", "--margin", f"{metric}=0.05", "--json")
    label_both(runs, command_line, f"new-{metric}.jsonl", f"new-{metric}-baseline.jsonl")
    ended = command_line(*gate)
    assert ended.code == 3, ended.err
    (found,) = json.loads(ended.out)["metrics"].values()
    assert found["labelled"] <= 40
    need: dict[str, Any] = found["label_need"]
    assert found["more_labels"] == min(need[way]["questions"] for way in ("active", "random") if need[way])
    assert "more questions, labelled in both runs, would decide it if" in found["sentence"]

    program, *arguments = shlex.split(need["active"]["command"])
    assert program == "rageval"
    done(command_line(*arguments, "--out", "more.jsonl"))
    assert len(read_sheet(tmp_path / "more.jsonl")) == pytest.approx(need["active"]["questions"], rel=0.35, abs=5)
    label_both(runs, command_line, "more.jsonl", "more-baseline.jsonl")
    (after,) = json.loads(command_line(*gate).out)["metrics"].values()
    assert after["labelled"] > found["labelled"]
    true = mean(runs.new.gold) - mean(runs.old.gold)
    assert after["difference"]["low"] <= true <= after["difference"]["high"]
    assert (
        after["difference"]["high"] - after["difference"]["low"]
        < found["difference"]["high"] - found["difference"]["low"]
    )

    board = json.loads(done(command_line("leaderboard", "new", "old", "--format", "json")))
    for row in board["runs"]:
        assert "drawn for the difference to" in row["metrics"][metric]["warning"]


def label_both(runs: TwoJudgedRuns, command_line: CommandLine, new: str, old: str) -> None:
    for run, sheet in ((runs.new, new), (runs.old, old)):
        fill(Path(sheet), run.gold.get)
        done(command_line("label", run.folder.path.name, sheet))


def test_draws_of_one_run_alone_do_not_compare_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = TwoJudgedRuns(tmp_path)
    for run in (runs.new, runs.old):
        name = run.folder.path.name
        done(command_line("sample", name, "-m", run.name, "-n", 40, "--active", "--out", f"{name}.jsonl"))
        fill(Path(f"{name}.jsonl"), run.gold.get)
        done(command_line("label", name, f"{name}.jsonl"))
    ended = command_line("gate", "new", "--baseline", "old", "--margin", f"{runs.new.name}=0.1")
    assert ended.code == 3
    assert "were not drawn together" in ended.out.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-n", "0"], "found a sample of 0, expected 1 to "),
        (["-n", "301"], "found a sample of 301, expected 1 to 300"),
        (["-n", "9", "--carry-from", "lakes"], "--carry-from: found it with --active"),
        (["-n", "9", "--against", "nowhere"], "nowhere"),
    ],
)
def test_what_is_refused(options: list[str], told: str, tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes")
    ended = command_line("sample", run.folder.path, "-m", run.name, "--active", "--out", tmp_path / "a.jsonl", *options)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert not (tmp_path / "a.jsonl").exists()
