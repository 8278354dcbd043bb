"""An expert model on a sample of questions: asked, kept apart from people, joined with them and the judge."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rageval.scores.random_order import in_random_order
from tests.conftest import CommandLine, Ended
from tests.flow.judged_run import JudgedRun, fill, mean
from tests.flow.test_judge_again import World, read, world

__all__ = ["world"]

STRONG = "answer_relevance:strong"


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def add_expert(run: JudgedRun, n: int) -> None:
    """As `rageval judge --name strong --questions n` would: right on 49 of 50, the failures among the n at 0."""
    rng = random.Random(3)
    asked = in_random_order(0, run.metric.name, run.folder.questions())[:n]
    said = {q: abs(run.gold[q] - (q not in run.failed and rng.random() < 0.02)) for q in asked if q in run.gold}
    rest = {q: f"not asked: a sample of {n}" for q in run.folder.questions() if q not in said}
    scores = run.folder.scores()
    of_strong = {"estimate": None, "questions": said, "failed": [q for q in run.failed if q in said], "unscored": rest}
    run.folder.write_scores({**scores, STRONG: of_strong})
    judges = run.folder.manifest()["judges"]
    (entry,) = judges.values()
    run.write_manifest(metrics=[run.name, STRONG], judges={**judges, STRONG: {**entry, "model": "strong critic"}})


def on_board(command_line: CommandLine, run: JudgedRun) -> dict[str, Any]:
    board = json.loads(done(command_line("leaderboard", run.folder.path, "--format", "json")))
    return board["runs"][0]["metrics"][run.name]


def test_people_expert_and_judge(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", failed=6), tmp_path / "a.jsonl"
    add_expert(run, 200)
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 50, "--out", sheet))
    fill(sheet, run.gold.get)
    done(command_line("label", run.folder.path, sheet))
    two = on_board(command_line, run)
    said = done(command_line("label", run.folder.path, sheet, "--expert", "strong"))
    three = on_board(command_line, run)
    assert "three-level beta chain, strong on 200" in said
    assert f"with an expert model (strong) on 200 questions, without it {two['mean']:.3f} [" in said
    assert three["high"] - three["low"] < two["high"] - two["low"]
    assert three["low"] <= mean(run.gold) <= three["high"]
    assert (three["n"], three["n_labelled"], three["failed"], three["warning"]) == (300, 50, 6, "")
    assert three["judge_only"] == two["judge_only"]
    assert three["labels_only"] == two["labels_only"]
    assert "with an expert model (strong)" in done(command_line("leaderboard", run.folder.path, "--format", "md"))
    done(command_line("label", run.folder.path, sheet))
    assert on_board(command_line, run) == two


def test_without_people_the_number_says_so(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes")
    alone = on_board(command_line, run)
    add_expert(run, 150)
    said = done(command_line("label", run.folder.path, "--expert", "strong", "-m", run.name))
    assert said.startswith("answer_relevance: no labels of people\n")
    assert "by an expert model (strong) on 150 questions, not by people" in said
    found = on_board(command_line, run)
    assert found["warning"] == "by an expert model (strong) on 150 questions, not by people"
    assert (found["n_labelled"], found["labels_only"]) == (0, None)
    assert found["mean"] != alone["mean"]
    assert "† judge only" in done(command_line("leaderboard", run.folder.path, "--format", "md"))
    assert command_line("gate", run.folder.path, "--baseline", run.folder.path, "--margin", f"{run.name}=0.1").code == 0


def test_an_expert_that_has_not_seen_what_people_labelled_is_not_used(
    tmp_path: Path, command_line: CommandLine
) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes"), tmp_path / "a.jsonl"
    add_expert(run, 30)
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 50, "--out", sheet))
    fill(sheet, run.gold.get)
    ended = command_line("label", run.folder.path, sheet, "--expert", "strong")
    assert "no score of 20 questions that people labelled: ask it on more questions" in ended.err
    assert "with an expert model" not in done(ended)


def test_labels_drawn_by_doubt_leave_the_expert_out(tmp_path: Path, command_line: CommandLine) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", graded=True), tmp_path / "a.jsonl"
    add_expert(run, 300)
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 50, "--active", "--out", sheet))
    fill(sheet, run.gold.get)
    ended = command_line("label", run.folder.path, sheet, "--expert", "strong")
    assert "the expert strong is not used: labels were not drawn at random with one probability" in ended.err
    assert "active beta chain" in done(ended)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--expert", "strong"], "found no file, expected filled-in files, or --expert NAME and --metric"),
        (["-m", "answer_relevance"], "found no file, expected filled-in files, or --expert NAME and --metric"),
        (["--expert", "weak", "-m", "answer_relevance"], "found no scores of answer_relevance:weak"),
        (["--expert", "strong", "-m", STRONG], "expected a judged metric of the run's own judge"),
    ],
)
def test_what_is_refused(options: list[str], told: str, tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes")
    add_expert(run, 100)
    ended = command_line("label", run.folder.path, *options)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_judge_is_asked_on_a_random_sample_of_questions(world: World) -> None:
    run, _ = world.run()
    metric = "answer_relevance"
    order = in_random_order(0, metric, (line["question_id"] for line in _lines(run / "questions.jsonl")))
    asked = world.asked(lambda: world.judge(run, "strong", "-m", metric, "--questions", 2))
    assert set(asked) == {"strong"}
    first = read(run, "scores")[f"{metric}:strong"]
    assert {*first["questions"]} | {q for q, why in first["unscored"].items() if "not asked" not in why} == {*order[:2]}
    assert [first["unscored"][q] for q in order[2:]] == ["not asked: a sample of 2"] * 4
    assert read(run, "manifest")["judges"]["answer_relevance:strong"]["asked"] == 2

    world.judge(run, "strong", "-m", metric, "--questions", 4)  # asks two more, and fewer later take nothing back
    world.judge(run, "strong", "-m", metric, "--questions", 3)
    assert "not asked: a sample of 4" in read(run, "scores")[f"{metric}:strong"]["unscored"].values()
    world.run()  # a later run scores it alike
    assert "not asked: a sample of 4" in read(run, "scores")[f"{metric}:strong"]["unscored"].values()
    world.judge(run, "strong", "-m", metric)
    assert "asked" not in read(run, "manifest")["judges"]["answer_relevance:strong"]
    assert not any("not asked" in why for why in read(run, "scores")[f"{metric}:strong"]["unscored"].values())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
