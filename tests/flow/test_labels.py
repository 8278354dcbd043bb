"""From a run to people's labels to the leaderboard, through the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, Ended
from tests.flow.fake_server import FakeServer
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, fill, mean, read_sheet, response, write_sheet
from tests.flow.small_world import PIPELINES, respond, run_folders, write_experiment

UNCORRECTED = "† judge only, uncorrected: no people's labels."


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def metric_of(board: str, metric: str, row: int = 0) -> dict[str, Any]:
    return json.loads(board)["runs"][row]["metrics"][metric]


def around(low: float, high: float, text: str) -> bool:
    return f"[{low:.2f}, {high:.2f}]" in text


@pytest.mark.parametrize("options", [["--out", "a.jsonl"], ["--out", "a.csv"], ["--seed", "9"]])
def test_run_sample_label_leaderboard(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    run = JudgedRun(tmp_path / "lakes", failed=6, unscored=4)
    before = {file: file.read_bytes() for file in run.folder.path.iterdir() if file.is_file()}
    board = done(command_line("leaderboard", "lakes", "--format", "md"))
    judge_alone = metric_of(done(command_line("leaderboard", "lakes", "--format", "json")), run.name)
    assert f"{mean(run.judged):.3f} " in board
    assert "]† (296) |" in board
    assert UNCORRECTED in board
    assert (judge_alone["n_labelled"], judge_alone["judge_only"]) == (0, None)

    printed = done(command_line("sample", "lakes", "--metric", run.name, "-n", 50, *options))
    sheet = Path(printed.removesuffix("\n"))
    assert sheet == Path(options[1] if "--out" in options else "lakes-answer_relevance.jsonl")
    fill(sheet, lambda question_id: int(run.gold[question_id]))
    said = done(command_line("label", "lakes", sheet))
    assert re.search(r"answer_relevance: (\d+) of \1 drawn labelled by 1 annotators", said)

    corrected = metric_of(done(command_line("leaderboard", "lakes", "--format", "json")), run.name)
    assert corrected["n_labelled"] == 50
    assert (corrected["n"], corrected["unscored"], corrected["failed"]) == (296, 4, 6)
    assert corrected["judge_only"] == {key: judge_alone[key] for key in ("mean", "low", "high")}
    assert corrected["low"] <= mean(run.gold) <= corrected["high"]
    assert corrected["mean"] != judge_alone["mean"]
    assert "beta chain" in corrected["method"]
    assert corrected["warning"] == ""
    board = done(command_line("leaderboard", "lakes", "--format", "md"))
    row, note = f"{corrected['mean']:.3f} ", f"lakes, answer_relevance: judge alone {mean(run.judged):.3f} "
    (cells,) = (line for line in board.splitlines() if line.startswith("| 1 |"))
    assert row in cells
    assert around(corrected["low"], corrected["high"], cells)
    (alone,) = (line for line in board.splitlines() if line.startswith(f"- {note}"))
    assert around(judge_alone["low"], judge_alone["high"], alone)
    assert ", 50 labels (alone " in alone
    assert "†" not in board
    assert note in done(command_line("leaderboard", "lakes"))
    assert {file: file.read_bytes() for file in before} == before  # scores.json among them: only reading changed


def test_only_the_labelled_run_is_corrected(tmp_path: Path, command_line: CommandLine) -> None:
    one, two = (JudgedRun(tmp_path / name, 80) for name in ("one", "two"))
    sheet = tmp_path / "a.jsonl"
    done(command_line("sample", one.folder.path, "-m", one.name, "-n", 40, "--out", sheet))
    fill(sheet, one.gold.get)
    done(command_line("label", one.folder.path, sheet))
    board = done(command_line("leaderboard", one.folder.path, two.folder.path, "--format", "md"))
    rows = {line.split(" | ")[1]: line for line in board.splitlines() if line.startswith("| 1–2 |")}
    assert "†" in rows["two"]
    assert "†" not in rows["one"]
    assert UNCORRECTED in board
    # what was drawn from one run vouches for no other
    ended = command_line("label", two.folder.path, sheet)
    assert (ended.code, ended.out) == (2, "")
    assert "found 40 labels of the run 'one', expected 'two'" in ended.err


def test_hand_picked_labels_carry_their_warning_everywhere(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 100)
    write_sheet(tmp_path / "own.csv", run.rows(**{q: run.gold[q] for q in list(run.gold)[:30]}))
    ended = command_line("label", run.folder.path, tmp_path / "own.csv")
    assert (ended.code, ended.out) == (2, "")
    assert not (run.folder.path / "labels").exists()
    warning = "labels not known to be a random sample: found answer_relevance labels that name no sample"
    ended = command_line("label", run.folder.path, tmp_path / "own.csv", "--allow-any-sample")
    assert warning in ended.err
    assert done(ended)
    for arguments in ([], ["--format", "md"]):
        board = done(command_line("leaderboard", run.folder.path, *arguments))
        assert f"! lakes, answer_relevance: {warning}" in board
        assert re.search(r"\d\]!(\s|$)", board)
    found = metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), run.name)
    assert found["warning"].startswith(warning)


def test_agreement_is_told_where_several_people_labelled(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 100)
    ann, ben = tmp_path / "ann.jsonl", tmp_path / "ben.csv"
    for sheet in (ann, ben):
        done(command_line("sample", run.folder.path, "-m", run.name, "-n", 30, "--out", sheet))
        fill(sheet, lambda question_id: int(run.gold[question_id]), annotator=sheet.stem)
    said = done(command_line("label", run.folder.path, ann, ben))
    assert "30 of 30 drawn labelled by 2 annotators" in said
    assert "agreement: Krippendorff's alpha 1.00 [" in said
    printed = json.loads(done(command_line("label", run.folder.path, ann, ben, "--json")))
    found = printed["metrics"][run.name]
    assert (found["annotators"], found["agreement"]["alpha"], found["agreement"]["questions"]) == (
        ["ann", "ben"],
        1.0,
        30,
    )
    assert (found["labelled"], found["drawn"], found["representative"], found["warning"]) == (30, 30, True, "")
    assert found["estimate"] == metric_of(
        done(command_line("leaderboard", run.folder.path, "--format", "json")), run.name
    )


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_chinese_run(ending: str, tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "湖泊", 120, metric=FAITHFULNESS, graded=True, language="zh")
    sheet = tmp_path / f"标注.{ending}"
    done(command_line("sample", run.folder.path, "-m", "faithfulness", "-n", 40, "--out", sheet))
    rows = read_sheet(sheet)
    number = int(rows[0]["question_id"][1:])
    assert (rows[0]["question"], rows[0]["answer"]) == (f"第{number}号湖有多深？", f"深{10 * number}米。")
    fill(sheet, run.gold.get, annotator="李")
    assert "faithfulness: 40 of 40 drawn" in done(command_line("label", run.folder.path, sheet))
    found = metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), "faithfulness")
    assert found["n_labelled"] == 40
    assert found["low"] <= mean(run.gold) <= found["high"]


def test_a_run_made_by_rageval_itself(tmp_path: Path, command_line: CommandLine) -> None:
    """In two languages, with abstentions and a judge; and to run the experiment again leaves the labels in place."""
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=PIPELINES[:1])
        out = tmp_path / "out"
        done(command_line("run", experiment, "--out", out))
        run = run_folders(out)["naive"]
        asked = len(json.loads((run / "scores.json").read_text("utf-8"))["faithfulness"]["questions"])
        sheet = tmp_path / "a.jsonl"
        done(command_line("sample", run, "-m", "faithfulness", "-n", asked, "--out", sheet))
        rows = read_sheet(sheet)
        assert all(row["passages"] and row["answer"] for row in rows)
        assert {("zh" in row["question_id"], row["instructions"].isascii()) for row in rows} <= {
            (True, False),
            (False, True),
        }
        fill(sheet, lambda question_id: 0.5)
        done(command_line("label", run, sheet))
        board = done(command_line("run", experiment, "--out", out, "--json"))
    found = json.loads(board)["runs"][0]["metrics"]
    assert (found["faithfulness"]["mean"], found["faithfulness"]["n_labelled"]) == (0.5, asked)
    assert found["answer_relevance"]["n_labelled"] == 0
    assert found["ndcg@10"]["n_labelled"] == 0


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_who_cannot_tell_leaves_the_interval_wider(ending: str, tmp_path: Path, command_line: CommandLine) -> None:
    """With a question mark, in either language, or with an empty cell on the way: all three are missing labels."""
    run = JudgedRun(tmp_path / "lakes", 120)
    sheet = tmp_path / f"a.{ending}"
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", 40, "--out", sheet))
    asked = [row["question_id"] for row in read_sheet(sheet)]
    said = {asked[4]: "?", asked[9]: "无法判断", asked[20]: ""}
    fill(sheet, lambda question: said.get(question, run.gold[question]))
    ended = command_line("label", run.folder.path, sheet)
    told = "3 of 40 drawn have no label: the interval holds whatever these would be"
    assert ended.err == f"warning: {run.name}: {told}\n"
    assert "37 of 40 drawn labelled by 1 annotators" in ended.out
    found = metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), run.name)
    assert (found["n_labelled"], found["warning"]) == (37, told)
    fill(sheet, run.gold.get)
    done(command_line("label", run.folder.path, sheet))
    whole = metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), run.name)
    assert found["low"] < whole["low"]
    assert found["high"] >= whole["high"]
    assert found["high"] - found["low"] > whole["high"] - whole["low"] + 0.03


def test_labels_carry_over_from_release_to_release(tmp_path: Path, command_line: CommandLine) -> None:
    """Four releases in which a third of the answers are new: people are asked about those of the drawn ones alone."""
    releases = [JudgedRun(tmp_path / f"release-{number}", 120) for number in range(4)]
    for number, run in enumerate(releases):
        for i in range(120):
            last = max(n for n in range(number + 1) if n == 0 or i % 3 == n % 3)
            run.folder.add_outcome(f"q{i:03}", response(i, answer=f"As release {last} says, {i}."))
    drawn: list[set[str]] = []
    for number, run in enumerate(releases):
        sheet = tmp_path / f"{number}.jsonl"
        options = ("--carry-from", releases[number - 1].folder.path) if number else ("--seed", 5)
        ended = command_line("sample", run.folder.path, "-m", run.name, "-n", 45, "--out", sheet, *options)
        assert ended.code == 0, ended.err
        asked = {row["question_id"] for row in read_sheet(sheet)}
        if number:
            assert asked == {q for q in drawn[0] if int(q[1:]) % 3 == number % 3}
            assert 5 <= len(asked) <= 25
            assert f"{45 - len(asked)} of 45 are labelled: their answers are those of" in ended.err
        drawn.append(asked)
        fill(sheet, run.gold.get)
        done(command_line("label", run.folder.path, sheet))
        found = metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), run.name)
        assert (found["n"], found["n_labelled"], found["warning"]) == (120, 45, "")
    compared = command_line("compare", releases[2].folder.path, releases[3].folder.path, "--json")
    (one,) = json.loads(compared.out)["metrics"].values()
    assert (one["same_answers"], one["labelled"]) == (80, len(drawn[3]))


def test_nothing_is_asked_where_no_answer_is_new(tmp_path: Path, command_line: CommandLine) -> None:
    runs = [JudgedRun(tmp_path / name, 60, failed=3) for name in ("one", "two")]
    name, sheets = runs[0].name, [tmp_path / "one.csv", tmp_path / "two.csv"]
    done(command_line("sample", runs[0].folder.path, "-m", name, "-n", 40, "--out", sheets[0]))
    fill(sheets[0], runs[0].gold.get)
    done(command_line("label", runs[0].folder.path, sheets[0]))
    pinned = command_line("baseline", "set", runs[0].folder.path, "--out", tmp_path, "--name", "m")
    assert pinned.code == 0, pinned.err
    carried = ("--carry-from", tmp_path / "baselines" / "m.json", "--out", sheets[1])
    ended = command_line("sample", runs[1].folder.path, "-m", name, "-n", 40, *carried)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert ended.err.endswith("nothing is left to label\n")
    assert not sheets[1].exists()
    first, second = (
        metric_of(done(command_line("leaderboard", run.folder.path, "--format", "json")), name) for run in runs
    )
    assert second == first


@dataclass(frozen=True)
class Case:
    """`prepare` is given a folder with the run `lakes` and the filled-in sheet `a.jsonl`."""

    command: str
    told: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda folder: None


def rewrite(change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda folder: (folder / "a.jsonl").write_text(change((folder / "a.jsonl").read_text("utf-8")), "utf-8")


CASES = {
    "no such run": Case("sample nowhere -m faithfulness -n 5", ("nowhere/manifest.json: no such file",)),
    "unknown metric": Case("sample lakes -m faithfull -n 5", ("unknown metric 'faithfull'", "faithfulness?")),
    "ranking metric": Case("sample lakes -m ndcg@10 -n 5", ("found a metric that is not judged, expected",)),
    "metric not in the run": Case("sample lakes -m faithfulness -n 5", ("found no scores of faithfulness",)),
    "too many": Case("sample lakes -m answer_relevance -n 61", ("found a sample of 61, expected 1 to 60",)),
    "none": Case("sample lakes -m answer_relevance -n 0", ("found a sample of 0, expected 1 to 60",)),
    "sheet is there": Case("sample lakes -m answer_relevance -n 5 --out a.jsonl", ("a.jsonl: found a file already",)),
    "sheet of another kind": Case("sample lakes -m answer_relevance -n 5 --out a.txt", ("found the ending '.txt'",)),
    "nothing to carry": Case(
        "sample lakes -m answer_relevance -n 5 --carry-from lakes --out b.csv", ("lakes: found no labels",)
    ),
    "sheet in no folder": Case("sample lakes -m answer_relevance -n 5 --out no/a.csv", ("no/a.csv: cannot be",)),
    "no such file": Case("label lakes b.jsonl", ("b.jsonl: found no readable file",)),
    "label of no run": Case("label nowhere a.jsonl", ("nowhere/manifest.json: no such file",)),
    "bad label": Case(
        "label lakes a.jsonl", ("a.jsonl:1: found the label 'x'", "expected 0 or 1"), rewrite(
            lambda text: re.sub(r'"label": [01.]+', '"label": "x"', text, count=1))
    ),
    "unknown question": Case(
        "label lakes a.jsonl --allow-any-sample", ("a.jsonl:1: found a label for 'q999'", "no such question"), rewrite(
            lambda text: re.sub(r'"q\d+"', '"q999"', text, count=1))
    ),
    "hand-picked": Case(
        "label lakes a.jsonl", ("found answer_relevance labels that name no sample", "--allow-any-sample"),
        rewrite(lambda text: re.sub(r'"sample": "\w+"', '"sample": ""', text)),
    ),
    "a file that is no label file": Case("label lakes lakes/scores.json", ("found the ending '.json'",)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input_is_one_line_and_writes_nothing(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    run = JudgedRun(tmp_path / "lakes", 60)
    done(command_line("sample", "lakes", "-m", run.name, "-n", 20, "--out", "a.jsonl"))
    fill(tmp_path / "a.jsonl", run.gold.get)
    case.prepare(tmp_path)
    files = sorted(tmp_path.rglob("*"))
    ended = command_line(*case.command.split())
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    for words in case.told:
        assert words in line
    assert sorted(tmp_path.rglob("*")) == files


def test_every_problem_of_a_file_is_a_line(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 10)
    write_sheet(tmp_path / "a.csv", run.rows(q001=2, q002=1, q003=0.5))
    ended = command_line("label", run.folder.path, tmp_path / "a.csv")
    assert (ended.code, ended.out) == (2, "")
    assert [line.partition(": found")[0] for line in ended.err.splitlines()] == [
        f"error: {tmp_path}/a.csv:{number}" for number in (2, 4)
    ]
