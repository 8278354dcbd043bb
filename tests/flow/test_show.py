"""`rageval show`: the list of questions, and one question with whole passages and marks."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import rageval
from rageval.decide.diagnosis import RunDiagnosis
from rageval.decide.question_list import list_questions
from rageval.decide.question_view import view_diagnosed
from rageval.models.scripted import HashEmbedder
from rageval.report.diagnose import diagnosis_printout
from rageval.report.question import print_question
from rageval.report.question_list import print_questions
from rageval.report.tables.terminal import print_printout
from tests.conftest import CommandLine
from tests.flow.diagnosed_world import CASES, METRICS, Builder, benchmark, judge, scripted


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lakes")
    (path,) = rageval.evaluate(benchmark(), [scripted], METRICS, chat=judge(), embed=HashEmbedder(), out=out).runs
    return path


def listed(command_line: CommandLine, run: Path, *arguments: object) -> list[str]:
    ended = command_line("show", run, *arguments, "--limit", 62, "--json")
    assert ended.code == 0, ended.err
    return [one["question_id"] for one in json.loads(ended.out)["questions"]]


def test_the_worst_come_first_and_the_rest_is_told(run: Path, command_line: CommandLine) -> None:
    names = listed(command_line, run)
    assert {*names} == {*CASES}
    found = rageval.diagnose(run).questions
    right = [found[name].cause == "right" for name in names]
    assert right == sorted(right)
    printed = command_line("show", run).out
    assert printed.count("\n    answer_correctness") + printed.count("\n    no scores") <= 20
    assert "… 42 more of 62 (--limit 62 shows all)" in printed
    assert printed.splitlines()[0] == f"{names[0]}  {found[names[0]].cause}"


def test_filters(run: Path, command_line: CommandLine) -> None:
    assert {*listed(command_line, run, "--failed")} == {"en-00", "zh-00"}
    of_cause = {name for name, case in CASES.items() if case.cause in ("read_but_refused", "unsupported")}
    assert {*listed(command_line, run, "--cause", "read_but_refused", "--cause", "unsupported")} == of_cause
    assert {*listed(command_line, run, "--tag", "compound")} == {"en-06", "zh-06"}
    assert {*listed(command_line, run, "--grep", "阿洛1[0-9]号")} == {f"zh-{n}" for n in range(10, 20)}
    assert {*listed(command_line, run, "--grep", "LAKE ARLO 7\\?")} == {"en-07"}
    assert listed(command_line, run, "--tag", "compound", "--failed") == []
    assert command_line("show", run, "--tag", "compound", "--failed").out == "no question of the run fits\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cause", "not_found"], "--cause: found 'not_found', expected pipeline_failed, degenerate, no_answer"),
        (["--tag", "colour"], "--tag: found 'colour', expected compound, unanswerable"),
        (["--grep", "("], "--grep: found '(', which is no regular expression"),
        (["en-01", "--failed"], "show: found a question and an option that lists questions"),
    ],
)
def test_what_is_refused(arguments: list[str], words: str, run: Path, command_line: CommandLine) -> None:
    ended = command_line("show", run, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_one_question_has_whole_passages_and_marks(run: Path, command_line: CommandLine) -> None:
    """Of the multi-hop question whose second hop is in two passages: all that was read, marked by hand."""
    b = Builder("en", 28)
    printed = command_line("show", run, "en-28").out
    one, two, three = (b.text("en")[slice(*b.sentence(n))] for n in (1, 2, 3))
    lines = printed.splitlines()
    assert "right: answer_correctness 1.000; what was read supports it" in lines
    start, end = b.sentence(2)
    assert f"  part 1: en-28-en#{start}-{end}, read" in lines
    first = lines.index(f"1 *1 grade 2 en-28-en#{start}-{b.sentence(3)[1]}")
    assert lines[first + 1] == f"    ⟦‹{two}› {three}⟧"
    second = lines.index(f"2 *2 grade 2 en-28-en#0-{len(one)}")
    assert lines[second + 1] == f"    ⟦{one}⟧"
    assert "\nclaim_support\n" in printed


def test_one_question_as_json(run: Path, command_line: CommandLine) -> None:
    ended = command_line("show", run, "zh-13", "--json")
    data = json.loads(ended.out)
    assert data["diagnosis"]["cause"] == "ranked_too_low"
    assert [one["ranks"] for one in data["evidence"]] == [[8]]
    assert [one["read"] for one in data["passages"]] == [1, 2, 3, None, None, None, None, None]
    assert data["references"] == ["191"]
    assert [one["grade"] for one in data["judgments"]["answer_correctness"]] == [0.0]


def test_a_narrow_terminal_has_no_long_line(run: Path) -> None:
    """Eighty columns, counted as a terminal counts them: a Chinese character takes two."""
    console = Console(width=80, file=io.StringIO())
    diagnosed = RunDiagnosis(run)
    print_questions(list_questions(diagnosed), 62, console)
    for name in CASES:
        print_question(view_diagnosed(diagnosed, name), console)
    print_printout(diagnosis_printout(rageval.diagnose(run, by=["language"])), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_of_an_unfinished_run_a_question_is_shown_without_a_cause(
    run: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    copy = tmp_path / "running"
    shutil.copytree(run, copy)
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}), "utf-8")
    ended = command_line("show", copy, "zh-13", "--json")
    assert ended.code == 0
    data = json.loads(ended.out)
    assert data["diagnosis"] is None
    assert [one["ranks"] for one in data["evidence"]] == [[8]]
    listed = command_line("show", copy)
    assert (listed.code, listed.out) == (2, "")
    assert "the run is not finished" in listed.err
