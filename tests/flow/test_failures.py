"""What goes wrong in code of the user's own, through the command line: kept, counted, shown, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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

    def experiment(self, *options: str, **changes: Any) -> Ended:
        path = write_experiment(self.folder, self.server.base_url, **{"metrics": ["answer_relevance"], **changes})
        return self.run("run", path, "--out", self.folder / "out", *options)

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
