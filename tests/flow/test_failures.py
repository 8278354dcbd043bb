"""What goes wrong in code of the user's own, through the command line: kept, counted, shown, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.io.run_folder import RunFolder
from tests.conftest import CommandLine, Ended
from tests.flow.fake_server import Canned, FakeServer, Received, fault
from tests.flow.small_world import QUESTIONS, read_jsonl, respond, run_folders, write_experiment

RECIPE = """\
from dataclasses import dataclass, field

from rageval.pipeline import Resources, Shared, Stage, State
from rageval.retrieval import BM25, Retrieve
from rageval.types import Response

KEY = "Bearer sk-lake-1234567890"


@dataclass(frozen=True)
class Table:
    broken: bool

    async def build(self, resources):
        if self.broken:
            raise LookupError("no words in " + resources.documents[0].id)
        return {}


@dataclass(frozen=True)
class Mine(Stage):
    broken_table: bool = False

    def indexes(self):
        return (Table(self.broken_table),)

    async def run(self, state, resources):
        match state.question.id:
            case "en-1":
                return look_up(state.question.text)
            case "en-2":
                return state.with_response(answer=5)
            case "zh-1":
                return None
            case "zh-2":
                return state.with_response(hits=("lanjiang",))
        return state.with_response(answer="It is so.")


def look_up(text):
    raise LookupError(f"{text}: not found with Authorization: {KEY}")


def build(broken_table: bool = False) -> Stage:
    return Retrieve(BM25(), k=1) >> Mine(broken_table)
"""
SIMPLE = """\
from pathlib import Path

from rageval.pipeline.function import function_pipeline

def answer(question):
    {statement}

def build():
    return function_pipeline(answer).stage
"""
JUDGE = """\
from rageval import CustomJudge

class Length(CustomJudge):
    '''Is the answer one line?'''

    name = "custom.length"

    async def judge(self, question, response, chat):
        return self.grade(1 / (len(response.answer) - len("It is so.")), response)

judge = Length()
"""


@dataclass
class World:
    """A folder with a recipe of the user's own, and the server that is asked."""

    folder: Path
    server: FakeServer
    run: CommandLine
    rule: Callable[[Received], Canned] = respond

    def experiment(self, *options: str, command: str = "run", **changes: Any) -> Ended:
        path = write_experiment(self.folder, self.server.base_url, **{"metrics": ["answer_relevance"], **changes})
        return self.run(command, path, "--out", self.folder / "out", *options)

    def evaluate(self, **changes: Any) -> rageval.Result:
        """The same in Python."""
        spec = yaml.safe_load(write_experiment(self.folder, self.server.base_url).read_text(encoding="utf-8"))
        asked = {"pipelines": ["mine.py"], "metrics": ["answer_relevance"], "seed": 7, "name": "experiment", **changes}
        models = {name: spec["models"][name] for name in ("chat", "embed")}
        return rageval.evaluate("small", **asked, **models, out=self.folder / "out")

    def write(self, statement: str) -> None:
        """`simple.py`: a recipe of one stage that executes the statement."""
        (self.folder / "simple.py").write_text(SIMPLE.format(statement=statement), encoding="utf-8")

    def lines(self, pipeline: str) -> dict[str, dict[str, Any]]:
        folder = run_folders(self.folder / "out")[pipeline]
        return {line["question_id"]: line for line in read_jsonl(folder / "responses.jsonl")}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> Iterator[World]:
    with FakeServer(lambda received: world.rule(received)) as server:
        world = World(tmp_path, server, command_line)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.py").write_text(RECIPE, encoding="utf-8")
        (tmp_path / "length.py").write_text(JUDGE, encoding="utf-8")
        yield world


def test_what_goes_wrong_in_a_stage_is_kept_counted_and_shown_and_the_run_goes_on(world: World) -> None:
    ended = world.experiment(pipelines=["mine.py"])
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    run = run_folders(world.folder / "out")["mine"]
    assert json.loads((run / "manifest.json").read_text())["failed"] == 4
    lines = world.lines("mine")
    assert {name: line["failure"]["error"] for name, line in lines.items() if "failure" in line} == {
        "en-1": "LookupError",
        "en-2": "ExecutionError",
        "zh-1": "ExecutionError",
        "zh-2": "ExecutionError",
    }
    told = {name: line["failure"]["message"] for name, line in lines.items() if "failure" in line}
    assert told["en-1"] == f"{QUESTIONS['en-1']}: not found with Authorization: Bearer ***"
    assert told["en-2"] == "the response's answer: found a int, expected a text or None"
    assert told["zh-1"] == "Mine.run returned a NoneType, expected a State"
    assert told["zh-2"] == "hit 0: found a str, expected a Hit"
    assert {name for name, line in lines.items() if line.get("answer") == "It is so."} == {"en-none", "zh-none"}

    shown = world.run("show", run, "en-1")
    assert f"failed: LookupError: {QUESTIONS['en-1']}" in shown.out
    number = RECIPE.splitlines().index("                return look_up(state.question.text)") + 1
    assert f'File "mine.py", line {number}, in run' in shown.out
    assert "    return look_up(state.question.text)" in shown.out
    assert "sk-lake" not in shown.out + (run / "responses.jsonl").read_text("utf-8")

    pytest.importorskip("pandas")
    frame = RunFolder(run).to_pandas("responses").set_index("question_id")
    assert 'File "mine.py"' in frame.loc["en-1"].traceback
    assert frame.traceback.notna().sum() == 1


CAUSE = "Commonest of 4 causes (1 question): LookupError: How high is Mount Arlen?: not found with Authorization: "
RETRY = "`--retry-failed` (in Python `retry_failed=True`) asks failed questions again"


def test_the_commonest_cause_stands_under_the_table_in_json_and_in_python(world: World) -> None:
    ended = world.experiment(pipelines=["mine.py"])
    told = f"mine: 4 of 6 questions failed. {CAUSE}Bearer ***"
    lines = ended.out.splitlines()
    assert lines[lines.index(told) + 1] == f"{RETRY}."
    run = run_folders(world.folder / "out")["mine"]
    for shown in (world.run("leaderboard", run, "--format", "md").out, str(world.evaluate())):
        assert f"- {told}\n- {RETRY}.\n" in shown
    (row,) = json.loads(world.experiment("--json", pipelines=["mine.py"]).out)["runs"]
    assert (row["failed"], [cause["questions"] for cause in row["causes"]]) == (4, [1, 1, 1, 1])
    assert row["causes"][1] == {
        "error": "ExecutionError",
        "message": "the response's answer: found a int, expected a text or None",
        "questions": 1,
    }


def test_one_cause_of_many_failures_is_counted(world: World) -> None:
    world.write("raise LookupError(f'no row {question.id} at {id(question)}')")
    ended = world.experiment(pipelines=["simple.py", "closed_book"])
    assert ended.code == 7
    assert "simple: all 6 questions failed, so it has no rank. Cause: LookupError: no row en-1 at " in ended.out
    last = ended.err.splitlines()[-1]
    assert last.startswith("error: simple: all 6 questions failed, so it has no rank. Cause: LookupError: no row en-1")
    assert last.endswith(f"; {RETRY}")
    as_json = world.experiment("--json", pipelines=["simple.py", "closed_book"])
    assert as_json.code == 7
    simple, closed_book = json.loads(as_json.out)["runs"]
    assert (simple["rank"], closed_book["rank"]) == (None, [1, 1])
    assert [cause["questions"] for cause in simple["causes"]] == [6]
    board = world.run("leaderboard", *run_folders(world.folder / "out").values(), "--format", "json")
    assert [row["pipeline"] for row in json.loads(board.out)["runs"]] == ["closed_book", "simple"]
    assert board.code == 0


def test_a_sweep_of_which_a_cell_failed_ends_alike_and_the_cell_is_not_worth_its_cost(world: World) -> None:
    world.write("raise LookupError(question.text)")
    ended = world.experiment(pipelines=["simple.py", "closed_book"], command="sweep")
    assert ended.code == 7
    assert "simple: all 6 questions failed" in ended.err.splitlines()[-1]
    assert json.loads((world.folder / "out/sweeps/experiment.json").read_text())["front"] == ["closed_book"]


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_rerun_after_a_repair_says_that_it_shows_stored_failures(command: str, world: World) -> None:
    """What failed lies outside of the code that a run is known by, here in a file."""
    world.write("return Path('answer.txt').read_text()")
    (world.folder / "answer.txt").mkdir()
    assert world.experiment(pipelines=["simple.py"], command=command).code == 7
    (world.folder / "answer.txt").rmdir()
    (world.folder / "answer.txt").write_text("Salt.", encoding="utf-8")
    again = world.experiment(pipelines=["simple.py"], command=command)
    assert again.code == 7
    line = "reused 0 of 6 answers; shown again: 6 stored failures; --retry-failed asks those again, --fresh asks all"
    assert line in again.err.splitlines()
    repaired = world.experiment("--retry-failed", "--json", pipelines=["simple.py"], command=command)
    assert repaired.code == 0
    (row,) = json.loads(repaired.out)["runs"]
    assert (row["failed"], row["causes"]) == (0, [])
    assert row["reused"] == {"answers": 0, "failures": 0, "judgments": 0}


def test_python_asks_failed_questions_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.write("return Path('answer.txt').read_text()")
    asked: dict[str, Any] = {"pipelines": ["simple.py"]}
    assert world.evaluate(**asked).leaderboard.rows[0].failed == 6
    (world.folder / "answer.txt").write_text("Salt.", encoding="utf-8")
    assert world.evaluate(**asked).leaderboard.rows[0].failed == 6
    assert "shown again: 6 stored failures; retry_failed=True asks those again, fresh=True asks all" in caplog.text
    assert world.evaluate(**asked, retry_failed=True).leaderboard.rows[0].failed == 0


def test_failures_are_asked_again_only_where_that_is_wanted(world: World) -> None:
    world.experiment(pipelines=["mine.py"])
    before = world.lines("mine")
    world.experiment(pipelines=["mine.py"])
    assert world.lines("mine") == before
    world.experiment("--retry-failed", pipelines=["mine.py"])
    run = run_folders(world.folder / "out")["mine"]
    assert len(read_jsonl(run / "responses.jsonl")) == len(QUESTIONS) + 4


def test_an_index_that_cannot_be_built_stops_the_run_with_one_line(world: World) -> None:
    ended = world.experiment(pipelines=[{"mine.py": {"broken_table": True}}])
    assert ended.code == 5
    (line,) = ended.err.strip().splitlines()[-1:]
    number = RECIPE.splitlines().index('            raise LookupError("no words in " + resources.documents[0].id)') + 1
    assert line == (
        f"error: Table(broken=True) cannot be built: LookupError: no words in arlen (mine.py, line {number})"
    )
    assert "Traceback" not in ended.err


def test_an_embedder_that_refuses_stops_the_run_with_the_cause(world: World) -> None:
    def refuse(received: Received) -> Canned:
        return fault(400, "the input is too long") if received.path == "/v1/embeddings" else respond(received)

    world.rule = refuse
    pipelines = [{"naive": {"retriever": "dense", "k": 1}}]
    ended = world.experiment(pipelines=pipelines)
    assert ended.code == 5
    assert "error: Dense(" in ended.err
    assert " cannot be built: " in ended.err
    assert "the input is too long" in ended.err
    assert not (run_folders(world.folder / "out")["naive"] / "responses.jsonl").exists()
    world.rule = respond
    assert world.experiment(pipelines=pipelines).code == 0


def test_what_goes_wrong_in_a_judge_is_an_abstention_that_is_shown_with_the_place(world: World) -> None:
    ended = world.experiment(pipelines=["mine.py"], metrics=["length.py"])
    assert ended.code == 0
    run = run_folders(world.folder / "out")["mine"]
    unscored = json.loads((run / "scores.json").read_text())["custom.length"]["unscored"]
    assert "ZeroDivisionError: " in unscored["zh-none"]
    shown = world.run("show", run, "en-none").out
    assert "no verdict (ZeroDivisionError: " in shown
    assert 'File "length.py", line 9, in judge' in shown


def test_a_dry_run_survives_what_goes_wrong_in_a_stage(world: World) -> None:
    ended = world.experiment("--dry-run", pipelines=["mine.py"])
    assert (ended.code, "Traceback" in ended.err) == (0, False)
