"""A second judge of a run: read beside the first wherever people's labels are, and told."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.stats import ppi_mean
from rageval.types import Json
from tests.conftest import CommandLine, Ended
from tests.flow.judged_run import JudgedRun, fill, mean
from tests.flow.two_judged_runs import TwoJudgedRuns


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def add_judge(run: JudgedRun, name: str, *, right: float = 0.97, lacks: int = 0, model: str = "light") -> None:
    """As `rageval judge --name NAME` would, with a judge that is right on that share; without the last `lacks`."""
    rng = random.Random(3)
    said = {q: abs(run.gold[q] - (rng.random() > right)) for q in run.gold}
    for question in [*said][len(said) - lacks :]:
        del said[question]
    metric, scores, judges = f"{run.name}:{name}", run.folder.scores(), run.folder.manifest()["judges"]
    rest = {q: "no verdict" for q in run.gold if q not in said}
    added: Json = {"estimate": None, "questions": {**said}, "failed": [], "unscored": {**rest}}
    run.folder.write_scores({**scores, metric: added})
    entry = {**next(iter(judges.values())), "model": model, "key": f"{model}-1"}
    run.write_manifest(
        metrics=[*run.folder.manifest()["metrics"], metric],
        judges={**judges, f"{next(iter(judges))}:{name}": entry},
    )


def label(command_line: CommandLine, run: JudgedRun, sheet: Path, n: int, *options: str) -> Ended:
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", n, "--out", sheet))
    fill(sheet, run.gold.get)
    return command_line("label", run.folder.path, sheet, *options)


def on_board(command_line: CommandLine, run: JudgedRun) -> dict[str, Any]:
    board = json.loads(done(command_line("leaderboard", run.folder.path, "--format", "json")))
    return board["runs"][0]["metrics"][run.name]


def test_a_light_judge_is_read_beside_the_first(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", graded=True)
    done(label(command_line, run, tmp_path / "a.jsonl", 60))
    alone = on_board(command_line, run)
    add_judge(run, "light")
    both = on_board(command_line, run)
    assert "second_judge" not in alone
    assert both["second_judge"]["used"]
    assert both["second_judge"]["name"] == "light"
    assert both["method"] == "beta chain, 2 of 2 judges"
    assert both["high"] - both["low"] < alone["high"] - alone["low"]
    assert both["low"] <= mean(run.gold) <= both["high"]
    assert (both["judge_only"], both["labels_only"]) == (alone["judge_only"], alone["labels_only"])
    board = " ".join(done(command_line("leaderboard", run.folder.path, "--explain")).split())
    assert "with light as second judge, weights" in board


def test_the_number_is_that_of_ppi_mean(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", graded=True), tmp_path / "a.jsonl"
    add_judge(run, "light", lacks=30)
    ended = label(command_line, run, sheet, 60)
    assert "without a score of 30 of 300 questions" in done(ended)
    given = {row["question_id"] for row in map(json.loads, sheet.read_text("utf-8").splitlines())}
    light = run.folder.scores()[f"{run.name}:light"]["questions"]
    labelled, others = [q for q in run.gold if q in given], [q for q in run.gold if q not in given]
    seen, rest = ([[run.judged[q], light.get(q, np.nan)] for q in some] for some in (labelled, others))
    by_hand = ppi_mean([run.gold[q] for q in labelled], np.array(seen), np.array(rest))
    found = on_board(command_line, run)
    assert (found["mean"], found["low"], found["high"]) == (by_hand.point, by_hand.low, by_hand.high)
    assert found["second_judge"]["weights"] == [*by_hand.weights]
    assert found["second_judge"]["without_score"] == 30


def test_a_judge_of_another_name_is_read_only_if_it_is_named(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes"), tmp_path / "a.jsonl"
    add_judge(run, "small")
    done(label(command_line, run, sheet, 60))
    assert "second_judge" not in on_board(command_line, run)
    said = done(command_line("label", run.folder.path, "--second-judge", "small", "-m", run.name))
    assert "with small as second judge" in said
    assert on_board(command_line, run)["second_judge"]["name"] == "small"
    ended = command_line("label", run.folder.path, sheet, "--second-judge", "tiny")
    assert (ended.code, ended.out) == (2, "")
    assert f"found no scores of {run.name}:tiny" in ended.err
    assert f"expected one of: {run.name}:small" in ended.err


def test_a_useless_judge_changes_no_digit(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes")
    done(label(command_line, run, tmp_path / "a.jsonl", 60))
    alone = on_board(command_line, run)
    add_judge(run, "light", right=0.5)
    both = on_board(command_line, run)
    told = both.pop("second_judge")
    assert both == alone
    assert (told["used"], told["weights"]) == (False, [1.0, 0.0])
    assert "with it the labels say nothing more for certain" in told["in_words"]


def test_labels_drawn_by_doubt_leave_it_out(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", graded=True), tmp_path / "a.jsonl"
    add_judge(run, "light")
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 50, "--active", "--out", sheet))
    fill(sheet, run.gold.get)
    said = done(command_line("label", run.folder.path, sheet))
    assert "light is not used as second judge: labels were drawn where the first is in doubt" in said


def test_differences(tmp_path: Path, command_line: CommandLine) -> None:
    runs = TwoJudgedRuns(tmp_path)
    for name, run in (("old", runs.old), ("new", runs.new)):
        done(label(command_line, run, tmp_path / f"{name}.jsonl", 100))
    pair = (runs.old.folder.path, runs.new.folder.path)

    def compared() -> dict[str, Any]:
        (found,) = json.loads(done(command_line("compare", *pair, "--format", "json")))["metrics"].values()
        return found

    alone = compared()
    for run in (runs.old, runs.new):
        add_judge(run, "light", right=0.99)
    found = json.loads(done(command_line("compare", *pair, "-m", runs.old.name, "--format", "json")))
    both = found["metrics"][runs.old.name]
    assert "second_judge" not in alone
    assert both["second_judge"]["used"]
    widths = [one["difference"]["high"] - one["difference"]["low"] for one in (both, alone)]
    assert widths[0] < widths[1]
    text = " ".join(done(command_line("compare", *pair, "-m", runs.old.name)).split())
    assert "‡ with light as second judge, weights" in text
    gate = command_line("gate", pair[1], "--baseline", pair[0], "--margin", f"{runs.old.name}=0.2", "--format", "json")
    assert json.loads(gate.out)["metrics"][runs.old.name]["second_judge"] == both["second_judge"]


@pytest.mark.parametrize("model", ["light", "another"])
def test_two_runs_need_the_same_second_judge(model: str, tmp_path: Path, command_line: CommandLine) -> None:
    runs = TwoJudgedRuns(tmp_path)
    for name, run in (("old", runs.old), ("new", runs.new)):
        done(label(command_line, run, tmp_path / f"{name}.jsonl", 100))
    add_judge(runs.old, "light")
    add_judge(runs.new, "light", model=model)
    ended = command_line("compare", runs.old.folder.path, runs.new.folder.path, "-m", runs.old.name)
    assert ("the two runs have not the same one" in " ".join(done(ended).split())) == (model == "another")
