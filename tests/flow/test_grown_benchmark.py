"""A benchmark that grew by ten questions, lost two and changed one: old runs and baselines serve on the other 27."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.decide.leaderboard import read_leaderboard
from rageval.pipeline import Pipeline, Resources, Stage, State
from rageval.report.compare_printout import compare_printout
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.tables.terminal import terminal_text
from rageval.types import Benchmark, Document, Hit, Question, RelevanceLabel
from tests.conftest import CommandLine
from tests.flow.small_world import run_folders

OLD = 30
LOST = ("q03", "q17")
CHANGED = "q08"
FAILS = ("q03", "q05", "q08", "q21")  # of them q05 and q21 are among the 27

DOCUMENTS = tuple(
    Document(f"d{i}", f"Lake {i} is {10 * i} metres deep." if i % 2 else f"第{i}号湖深{10 * i}米。") for i in range(45)
)


def question(i: int, **changes: Any) -> Question:
    text = f"How deep is lake {i}?" if i % 2 else f"第{i}号湖有多深？"
    tags = (("odd",) if i % 2 else ()) + (("third",) if i % 3 == 0 else ())
    return replace(Question(f"q{i:02}", text, tags=tags, metadata={"size": "large" if i > 20 else "small"}), **changes)


def benchmark(
    questions: Sequence[Question], documents: Sequence[Document] = DOCUMENTS, name: str = "lakes"
) -> Benchmark:
    labels = [RelevanceLabel(one.id, f"d{int(one.id[1:])}", 1) for one in questions]
    return rageval.benchmark_from_records(name, documents, questions, labels)


OLD_QUESTIONS = [question(i) for i in range(OLD)]
NEW_QUESTIONS = [
    question(i, text="How deep is lake eight, in metres?") if f"q{i:02}" == CHANGED else question(i)
    for i in range(OLD + 10)
    if f"q{i:02}" not in LOST
]
COMMON = sorted({one.id for one in OLD_QUESTIONS} - {*LOST, CHANGED})


@dataclass(frozen=True)
class Ranks(Stage):
    """Ranks the right document of question i at place 1 + (`step` * i) % 4, and fails on some questions."""

    step: int
    fails: tuple[str, ...] = ()

    async def run(self, state: State, resources: Resources) -> State:
        if state.question.id in self.fails:
            raise LookupError("no such lake")
        number = int(state.question.id[1:])
        order = [d for d in range(4) if d != number][:3]
        order.insert((self.step * number) % 4, number)
        hits = tuple(Hit.whole(DOCUMENTS[d]) for d in order)
        return state.with_response(hits=hits)


def score(step: int, question_id: str) -> float:
    return 1.0 / (1 + (step * int(question_id[1:])) % 4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> Path:
    """The working directory with `old` and `new` runs, the baseline `main` of the old one, and one of `elsewhere`,
    where a document was added.
    """
    monkeypatch.chdir(tmp_path)
    made = {
        "old": (Ranks(1, FAILS), benchmark(OLD_QUESTIONS)),
        "new": (Ranks(3), benchmark(NEW_QUESTIONS, name="lakes, second edition")),
        "elsewhere": (Ranks(3), benchmark(NEW_QUESTIONS, [*DOCUMENTS, Document("x", "A pond.")])),
    }
    for name, (stage, of) in made.items():
        rageval.evaluate(of, [Pipeline(name, stage)], ["mrr", "hit_rate@1"], out=tmp_path / "out" / name)
        run_folders(tmp_path / "out" / name)[name].rename(tmp_path / name)
    assert command_line("baseline", "set", "old", "--name", "main").code == 0
    return tmp_path


LEFT_OUT = {
    "only_baseline": [*LOST],
    "only_candidate": [f"q{i}" for i in range(30, 40)],
    "changed": [CHANGED],
    "other_corpus": False,
}
TOLD = (
    "Left out: 2 questions that only the baseline has: q03, q17; 10 questions that only the candidate has: q30, q31, "
    "q32, …; 1 question that changed (words, references, labels or labelled documents): q08."
)


def means(question_ids: Sequence[str]) -> tuple[float, float]:
    """Of MRR, by hand: baseline with its failures at 0, candidate."""
    before = [0.0 if name in FAILS else round(score(1, name), 6) for name in question_ids]
    after = [round(score(3, name), 6) for name in question_ids]
    return sum(before) / len(before), sum(after) / len(after)


@pytest.mark.parametrize("baseline", ["main", "old"])
def test_compare_and_gate_use_the_common_questions(baseline: str, folder: Path, command_line: CommandLine) -> None:
    compared = json.loads(command_line("compare", baseline, "new", "--json").out)
    gated = json.loads(command_line("gate", "new", "--baseline", baseline, "--margin", "mrr=0.5", "--json").out)
    assert len(COMMON) == 27
    for found in (compared, gated):
        assert (found["questions"], found["left_out"]) == (27, LEFT_OUT)
        metric = found["metrics"]["mrr"]
        assert (metric["n"], metric["failed"]) == (27, {"baseline": 2, "candidate": 0})
        assert (metric["baseline"], metric["candidate"]) == pytest.approx(means(COMMON), abs=1e-6)
    assert gated["verdict"] == "pass"


def test_it_is_told_on_the_terminal_in_markdown_and_in_python(folder: Path, command_line: CommandLine) -> None:
    compared = command_line("compare", "main", "new", "--markdown", "compare.md")
    gated = command_line("gate", "new", "--baseline", "main", "--margin", "mrr=0.5", "--markdown", "gate.md")
    for printed in (compared.out, gated.out):
        assert TOLD in " ".join(printed.split())
    for file in ("compare.md", "gate.md"):
        assert f"- `{TOLD}`" in Path(file).read_text("utf-8").splitlines()
    result = rageval.compare("main", "new")
    assert result.left_out.changed == (CHANGED,)
    assert str(result).splitlines()[-1] == TOLD
    assert rageval.gate("main", "new", {"mrr": 0.5}).left_out == result.left_out


def test_the_leaderboard_is_of_the_common_questions(folder: Path, command_line: CommandLine) -> None:
    """Means, intervals' n, failures and causes; the calls are those of the whole runs."""
    ended = command_line("leaderboard", "old", "new", "--format", "json")
    board = json.loads(ended.out)
    assert board["questions"] == 27
    assert board["left_out"]["changed"] == [CHANGED]
    assert board["left_out"]["not_in_all"] == sorted([*LOST, *(f"q{i}" for i in range(30, 40))])
    runs = {run["pipeline"]: run for run in board["runs"]}
    for name, mean in zip(("old", "new"), means(COMMON), strict=True):
        assert runs[name]["metrics"]["mrr"]["mean"] == pytest.approx(mean, abs=1e-6)
        assert runs[name]["metrics"]["mrr"]["n"] == 27
    assert [runs[name]["failed"] for name in ("old", "new")] == [2, 0]
    assert runs["old"]["causes"] == [{"error": "LookupError", "message": "no such lake", "questions": 2}]
    assert runs["old"]["metrics"]["mrr"]["failed"] == 2
    printed = command_line("leaderboard", "old", "new", "--format", "md").out
    assert "Left out: 12 questions that not all runs have: q03, q17, q30, …; 1 question that changed" in printed
    assert "lakes, 27 questions that all runs have unchanged" in printed
    alone = json.loads(command_line("leaderboard", "old", "--format", "json").out)
    assert (alone["questions"], alone["runs"][0]["failed"], alone["left_out"]["changed"]) == (30, 4, [])


def test_a_changed_corpus_needs_a_flag(folder: Path, command_line: CommandLine) -> None:
    commands = [
        ("compare", "main", "elsewhere"),
        ("gate", "elsewhere", "--baseline", "main", "--margin", "mrr=0.5"),
        ("leaderboard", "old", "elsewhere"),
    ]
    for command in commands:
        ended = command_line(*command)
        assert (ended.code, ended.out) == (4, "")
        assert ended.err.startswith("error: elsewhere: found another corpus (")
        assert "--other-corpus" in ended.err
        allowed = command_line(*command, "--other-corpus")
        assert allowed.code == 0, allowed.err
        assert "The runs searched different documents (another corpus)." in allowed.out


def test_slices_are_those_of_the_new_questions(folder: Path, command_line: CommandLine) -> None:
    """The baseline's slices come from the candidate. Twenty-seven questions: 14 or so in each language."""
    fields = ("--by", "language", "--by", "tag", "--by", "size")
    compared = json.loads(command_line("compare", "main", "new", "-m", "mrr", *fields, "--json").out)
    by_field = {one["by"]: one for one in compared["slices"]}
    expected = {
        "language": {"en": lambda i: i % 2 == 1, "zh": lambda i: i % 2 == 0},
        "tag": {
            "odd": lambda i: i % 2 == 1,
            "third": lambda i: i % 3 == 0,
            "(none)": lambda i: i % 2 == 0 and i % 3 != 0,
        },
        "size": {"large": lambda i: i > 20, "small": lambda i: i <= 20},
    }
    for field, slices in expected.items():
        assert [one["slice"] for one in by_field[field]["slices"]] == [*slices]
        for one in by_field[field]["slices"]:
            inside = [name for name in COMMON if slices[one["slice"]](int(name[1:]))]
            assert one["n"] == len(inside)
            assert (one["baseline"], one["candidate"]) == pytest.approx(means(inside), abs=1e-6)
    assert [by_field[field]["overlap"] for field in expected] == [False, True, False]
    board = json.loads(command_line("leaderboard", "old", "new", *fields, "--format", "json").out)
    for one in board["slices"]:
        if one["metric"] == "mrr":
            inside = [name for name in COMMON if expected[one["by"]][one["slice"]](int(name[1:]))]
            assert (one["questions"], one["n"]) == (len(inside), len(inside))
            assert one["mean"] == pytest.approx(means(inside)[one["pipeline"] == "new"], abs=1e-6)
            assert one["low"] <= one["mean"] <= one["high"]
    gated = command_line(
        "gate", "new", "--baseline", "main", "--margin", "mrr=0.5", "--margin", "mrr[language=zh]=0.6", *fields
    )
    assert "mrr[language=zh] passes: not worse by 0.6, " in gated.out
    assert "mrr by language: not shown that the difference depends on it" in gated.out


def test_slices_are_readable_at_80_columns(
    folder: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = rageval.compare("main", "new", ["mrr"], by=["language", "tag"])
    board = read_leaderboard([Path("old"), Path("new")], by="size")
    shown = (compare_printout(compared), leaderboard_printout(board))
    lines = [line for one in shown for line in terminal_text(one, 80).splitlines()]
    assert max(map(len, lines)) <= 80
    (row,) = (line for line in lines if line.startswith("zh "))
    assert row.split()[1] == "14"
    assert "mrr by size" in lines
    assert any(re.match(r"large +9 \(few\)  new", line) for line in lines)
