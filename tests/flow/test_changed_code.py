"""Code that changed is asked again, and code that did not is not: stages, recipes with their neighbours, chunkers and
judges, within one process and from one to the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.pipeline import IndexStore, Pipeline, Query, Resources
from rageval.retrieval import Retrieve, SentenceChunker
from rageval.retrieval.indexes import BM25
from rageval.types import Document, Hit, Passage, Question, RelevanceLabel, Response
from tests.conftest import CommandLine
from tests.flow.small_world import write_benchmark

BENCHMARK = rageval.benchmark_from_records(
    "peaks",
    [Document("arlen", "Mount Arlen is 2310 metres high. Two sisters reached it."), Document("brone", "A river.")],
    [Question("q1", "How high is Mount Arlen?")],
    [RelevanceLabel("q1", "arlen", 1)],
)
SCRIPT = """
import sys
from tests.flow.test_changed_code import BENCHMARK
import rageval
{given}
for pipeline in [{pipelines}]:
    (run,) = rageval.evaluate(BENCHMARK, [pipeline], [{metric}], out="out").runs
    print(run.name, *(outcome.answer for outcome in rageval.RunFolder(run).outcomes().values()))
"""
STAGE = """
from dataclasses import dataclass
from rageval.pipeline import Stage

def words():
    return "{word}"

@dataclass(frozen=True)
class Says(Stage):
    times: int = 1

    async def run(self, state, resources):
        return state.with_response(answer=words() * self.times)
"""
JUDGE = """
from rageval import CustomJudge

LIMIT = {word!r}

class Brief(CustomJudge):
    name = "custom.brief"

    async def judge(self, question, response, chat):
        return self.grade(float(len(response.answer) <= len(LIMIT)), response)
"""


@dataclass
class World:
    """A folder, in which scripts and commands run in processes of their own."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, given: str, pipelines: str, metric: str = "'exact_match'") -> list[list[str]]:
        """Name of the run and its answers, for each pipeline."""
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.write("script.py", SCRIPT.format(given=given, pipelines=pipelines, metric=metric))
        command = [sys.executable, "script.py"]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    def keys(self) -> set[str]:
        """The keys under which judgments are kept."""
        return {path.stem for path in self.folder.glob("out/runs/*/judgments/*")}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_the_code_of_a_stage_class(world: World) -> None:
    """Case (a): fields and names are equal, the code or what it calls is not. One process asks for a stage of a module,
    stages within a chain and within a pipeline, and a stage of the script."""
    pipelines = "mine.Says(), mine.Says() >> mine.Says(), rageval.pipeline.Pipeline('p', mine.Says()), Says()"

    def run(word: str) -> list[list[str]]:
        stage = STAGE.replace("{word}", word)
        world.write("mine.py", stage)
        return world.run(f"import rageval.pipeline\nimport mine\n{stage}", pipelines)

    one, again, two = run("one"), run("one"), run("two")
    assert len({name for name, _ in one}) == 4
    assert again == one
    assert not {name for name, _ in one} & {name for name, _ in two}
    assert [answer for _, answer in (*one, *two)] == ["one"] * 4 + ["two"] * 4


def test_the_code_of_a_stage_class_in_one_process(tmp_path: Path) -> None:
    """As in a notebook, where the cell is run again."""

    def says(word: str) -> Any:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(STAGE.replace("{word}", word), names)
        return names["Says"]()

    answers = [
        answers_of(rageval.evaluate(BENCHMARK, [says(w)], ["exact_match"], out=tmp_path)) for w in ("one", "two")
    ]
    assert answers == [["one"], ["two"]]


def answers_of(result: rageval.Result) -> list[str | None]:
    found = [outcome for run in result.runs for outcome in rageval.RunFolder(run).outcomes().values()]
    return [outcome.answer for outcome in found if isinstance(outcome, Response)]


RECIPE = """
{statement}
from dataclasses import dataclass
from rageval.pipeline import Stage

@dataclass(frozen=True)
class Says(Stage):
    async def run(self, state, resources):
        return state.with_response(answer=helper.words())

def build() -> Stage:
    return Says()
"""


@pytest.mark.parametrize("statement", ["import helper", "from . import helper", "import parts.helper as helper"])
def test_a_module_beside_a_recipe(statement: str, world: World, command_line: CommandLine) -> None:
    """Case (b), by `rageval run` and by `evaluate`, which run in this one process."""
    world.write("recipe.py", RECIPE.format(statement=statement))
    (world.folder / "parts").mkdir()
    world.write("parts/__init__.py", "")
    write_benchmark(world.folder / "world")
    experiment = {"benchmark": "world", "pipelines": ["recipe.py"], "metrics": ["exact_match"]}
    world.write("experiment.yaml", json.dumps(experiment))

    def run(word: str) -> tuple[str, list[str | None]]:
        for name in ("helper.py", "parts/helper.py"):
            world.write(name, f"def words():\n    return {word!r}\n")
        ended = command_line("run", "experiment.yaml", "--out", "out", "--json")
        assert ended.code == 0, ended.err
        result = rageval.evaluate(BENCHMARK, ["recipe.py"], ["exact_match"], out=world.folder / "of_evaluate")
        return json.loads(ended.out)["runs"][0]["path"], answers_of(result)

    one, again, two = run("one"), run("one"), run("two")
    assert again == one
    assert two[0] != one[0]
    assert (one[1], two[1]) == (["one"], ["two"])


class Whole(SentenceChunker):
    """Documents as they are: equal fields, another split."""

    def split(self, document: Document) -> list[Passage]:
        return [Passage(document.id, 0, len(document.text), document.text, document.title)]


def chunker(split: str) -> Any:
    """A chunker of one name and equal fields, whose code is in no file."""
    names: dict[str, Any] = {"__name__": "nowhere", "SentenceChunker": SentenceChunker, "Passage": Passage}
    exec(f"class Mine(SentenceChunker):\n def split(self, document):\n  return {split}", names)
    return names["Mine"](tokens=8)


WHOLE = "[Passage(document.id, 0, len(document.text), document.text)]"
HALVES = "[Passage(document.id, a, b, document.text[a:b]) for a, b in ((0, 4), (4, len(document.text)))]"
CHUNKERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "subclass": (lambda: SentenceChunker(8), lambda: Whole(8)),
    "edited": (lambda: chunker(WHOLE), lambda: chunker(HALVES)),
}


@pytest.mark.parametrize("case", CHUNKERS)
def test_a_chunker_with_equal_fields_and_another_split(case: str, tmp_path: Path) -> None:
    """Case (c), as a nested field."""
    first, other = CHUNKERS[case]

    def run(make: Callable[[], Any]) -> list[Path]:
        stage = Retrieve(BM25(make()), k=1)
        return [*rageval.evaluate(BENCHMARK, [Pipeline("mine", stage)], ["ndcg@5"], out=tmp_path).runs]

    assert run(first) == run(first) != run(other)


@pytest.mark.parametrize("case", CHUNKERS)
def test_stored_indexes_of_a_chunker_with_equal_fields_and_another_split(case: str, tmp_path: Path) -> None:
    """Case (c), with large indexes: the passages, and the index over them."""

    def spans(make: Callable[[], Any]) -> list[tuple[int, int]]:
        async def search() -> Sequence[Hit]:
            resources = Resources(BENCHMARK.documents, indexes=IndexStore(tmp_path, large=0))
            index = await resources.get(BM25(make()))
            return await index.search(Query("Mount Arlen metres sisters"), 5)

        return [(hit.passage.start, hit.passage.end) for hit in asyncio.run(search())]

    first, other = CHUNKERS[case]
    one = spans(first)
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert spans(first) == one
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == folders
    assert spans(other) != one
    assert len({path.name for path in tmp_path.iterdir() if path.is_dir()}) == 2 * len(folders)


def test_the_code_of_a_judge_and_what_it_reads(world: World) -> None:
    def run(word: str) -> set[str]:
        world.write("judging.py", JUDGE.format(word=word))
        before = world.keys()
        world.run("import judging\nfrom mine import Says", "Says()", "judging.Brief()")
        return world.keys() - before

    world.write("mine.py", STAGE.replace("{word}", "one"))
    assert len(run("abc")) == 1
    assert not run("abc")
    assert len(run("a")) == 1


def test_a_file_beside_a_judge(world: World) -> None:
    def run(limit: int) -> set[str]:
        world.write("limits.py", f"LIMIT = {limit}\n")
        before = world.keys()
        world.run("from mine import Says", "Says()", "'brief.py'")
        return world.keys() - before

    world.write("mine.py", STAGE.replace("{word}", "one"))
    judge = JUDGE.replace("LIMIT = {word!r}", "from limits import LIMIT").replace("len(LIMIT)", "LIMIT")
    world.write("brief.py", f"{judge}\njudge = Brief()\n")
    assert len(run(3)) == 1
    assert not run(3)
    assert len(run(1)) == 1
