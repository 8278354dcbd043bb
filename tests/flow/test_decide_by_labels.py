"""People's labels of two runs decide ranks, comparisons and gates, whatever the judge says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from rageval.decide.leaderboard import read_leaderboard
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill, response

METRIC = "answer_relevance"
N = 80


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_run(name: str, n: int = N, *, judged: float | None = None, same: int = 0) -> JudgedRun:
    """A run whose answers are its own, but for the first `same`, and which the judge gives `judged` throughout."""
    run = JudgedRun(Path(name), n)
    for i in range(same, n):
        run.folder.add_outcome(f"q{i:03}", response(i, answer=f"{name} says {i}."))
    if judged is not None:
        scores = run.folder.scores()
        scores[METRIC]["questions"] = dict.fromkeys(run.judged, judged)
        run.folder.write_scores(scores)
    return run


def label(command_line: CommandLine, name: str, says: Callable[[str], Any], n: int = 30, *options: str) -> None:
    sheet = f"{name}.jsonl"
    assert command_line("sample", name, "-m", METRIC, "-n", n, "--out", sheet, *options).code == 0
    fill(Path(sheet), says)
    assert command_line("label", name, sheet).code == 0


def board(command_line: CommandLine, *arguments: object) -> dict[str, Any]:
    ended = command_line("leaderboard", *arguments, "--format", "json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def one_in_five() -> Callable[[str], float]:
    answers = cycle([1.0, 0.0, 0.0, 0.0, 0.0])
    return lambda question: next(answers)


@pytest.fixture
def good_and_bad(command_line: CommandLine) -> None:
    """The judge prefers `bad`; thirty labels of each say that `good` is always right and `bad` one time in five."""
    for name, judged, says in (("good", 0.2, lambda question: 1.0), ("bad", 0.9, one_in_five())):
        make_run(name, judged=judged)
        label(command_line, name, says)


@pytest.mark.usefixtures("good_and_bad")
def test_thirty_labels_of_each_give_ranks_a_verdict_and_a_failed_gate(command_line: CommandLine) -> None:
    found = board(command_line, "bad", "good")
    assert [(run["pipeline"], run["rank"]) for run in found["runs"]] == [("good", [1, 1]), ("bad", [2, 2])]
    assert found["unranked"] is None
    means = [run["metrics"][METRIC]["mean"] for run in found["runs"]]
    assert means == pytest.approx([1.0, 0.2])
    printed = " ".join(command_line("leaderboard", "bad", "good").out.split())
    assert f"Ranks by {METRIC} and people's labels of it; shared where runs cannot be told apart" in printed
    for first, second, verdict in (("good", "bad", "worse"), ("bad", "good", "better")):
        ended = command_line("compare", first, second, "--json")
        (one,) = json.loads(ended.out)["metrics"].values()
        assert (one["verdict"], one["labelled"], one["judge_only"]) == (verdict, 30, False)
        assert one["sentence"].endswith("(by 30 people's labels of both and the judge)")
        assert abs(one["difference"]["point"]) == pytest.approx(0.8)
    failed = command_line("gate", "bad", "--baseline", "good", "--margin", f"{METRIC}=0.1", "--json")
    passed = command_line("gate", "good", "--baseline", "bad", "--margin", f"{METRIC}=0.1", "--json")
    assert (failed.code, passed.code) == (1, 0)
    (one,) = json.loads(failed.out)["metrics"].values()
    assert (one["verdict"], one["labelled"]) == ("fail", 30)
    assert one["difference"]["high"] < -0.1


@pytest.mark.usefixtures("good_and_bad")
def test_reports_mark_what_labels_decide(command_line: CommandLine) -> None:
    gate = ("gate", "bad", "--baseline", "good", "--margin", f"{METRIC}=0.1", "--markdown", "gate.md")
    assert command_line(*gate).code == 1
    assert command_line("compare", "good", "bad", "--markdown", "compare.md").code == 0
    for file in ("gate.md", "compare.md"):
        page = Path(file).read_text("utf-8")
        assert f"| {METRIC} ‡ |" in page
        assert "‡ by people's labels and the judge together" in page
        assert "uncorrected" not in page


@pytest.mark.usefixtures("good_and_bad")
def test_a_baseline_carries_its_labels(command_line: CommandLine) -> None:
    """Pinned, and the run deleted: the same verdict and numbers."""
    margin = ("--margin", f"{METRIC}=0.1", "--json")
    with_run = json.loads(command_line("gate", "bad", "--baseline", "good", *margin).out)
    assert command_line("baseline", "set", "good", "--name", "main").code == 0
    shutil.rmtree("good")
    ended = command_line("gate", "bad", "--baseline", "main", *margin)
    assert ended.code == 1
    assert json.loads(ended.out)["metrics"] == with_run["metrics"]


def test_labels_of_one_run_alone_decide_nothing(command_line: CommandLine) -> None:
    """A comparison shows the judge's opinion, marked as such; a gate is inconclusive; the runs share their ranks."""
    make_run("one", judged=1.0)
    make_run("two", judged=0.0)
    before = board(command_line, "one", "two")
    assert [run["rank"] for run in before["runs"]] == [[1, 1], [2, 2]]
    label(command_line, "one", one_in_five())
    found = board(command_line, "one", "two")
    assert [run["rank"] for run in found["runs"]] == [[1, 2], [1, 2]]
    for name in ("one", "two"):
        frame = read_leaderboard([Path("one"), Path("two")]).to_pandas("runs").set_index("pipeline")
        assert (frame.loc[name, "first_rank"], frame.loc[name, "last_rank"]) == (1, 2)
    gated = command_line("gate", "two", "--baseline", "one", "--margin", f"{METRIC}=0.1")
    assert gated.code == 3
    said = " ".join(gated.out.split())
    assert "a judge's opinion decides no gate where there are labels" in said
    assert "people labelled the baseline's answers alone: label those of two as well" in said
    (one,) = json.loads(command_line("compare", "one", "two", "--json").out)["metrics"].values()
    assert (one["judge_only"], one["labelled"]) == (True, 0)
    assert one["labels_lacking"] == "people labelled the baseline's answers alone: label those of two as well"


def test_answers_that_are_the_same_differ_by_nothing(command_line: CommandLine) -> None:
    """Sixty of eighty answers are: labels of the other twenty say how much the mean moves, by a quarter of it."""
    for name, says in (("old", lambda question: 0.0), ("new", lambda question: 1.0)):
        make_run(name, judged=0.5, same=60)
        label(command_line, name, says, N)
    (one,) = json.loads(command_line("compare", "old", "new", "--json").out)["metrics"].values()
    assert (one["labelled"], one["same_answers"], one["verdict"]) == (20, 60, "better")
    assert one["difference"]["point"] == pytest.approx(0.25)
    assert one["difference"]["low"] > 0.1
    assert one["difference"]["high"] < 0.4


def test_a_run_against_itself(command_line: CommandLine) -> None:
    make_run("one")
    label(command_line, "one", one_in_five())
    gated = command_line("gate", "one", "--baseline", "one", "--margin", f"{METRIC}=0.1")
    assert gated.code == 0
    assert "(all answers are the same)" in gated.out


def test_labels_that_are_missing_leave_a_gate_open(command_line: CommandLine) -> None:
    for name in ("one", "two"):
        make_run(name, 200)
    label(command_line, "one", lambda question: 1.0, 120)
    label(command_line, "two", lambda question: "?" if int(question[1:]) % 4 == 0 else 1.0, 120)
    gated = command_line("gate", "two", "--baseline", "one", "--margin", f"{METRIC}=0.1", "--json")
    (one,) = json.loads(gated.out)["metrics"].values()
    assert (gated.code, one["verdict"]) == (3, "inconclusive")
    assert "of the labels are missing: give them" in one["sentence"]
    fill(Path("two.jsonl"), lambda question: 1.0)
    assert command_line("label", "two", "two.jsonl").code == 0
    assert command_line("gate", "two", "--baseline", "one", "--margin", f"{METRIC}=0.1").code == 0


def test_more_labels_that_would_decide(command_line: CommandLine) -> None:
    """Twenty labels each of two runs that are always right: a gate at 0.1 needs thirty at least (0.9^29 = 0.05)."""
    for name in ("one", "two"):
        make_run(name, 200, judged=0.9)
        label(command_line, name, lambda question: 1.0, 20)
    (one,) = json.loads(command_line("gate", "two", "--baseline", "one", "--margin", f"{METRIC}=0.1", "--json").out)[
        "metrics"
    ].values()
    assert one["verdict"] == "inconclusive"
    assert 8 <= one["more_labels"] <= 40
    assert str(one["more_labels"]) in one["sentence"]
