"""Nuggets pooled over the pipelines of an experiment, through the command line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.plan import Experiment
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.run import run_experiment
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Pipeline, Resources, Stage, State
from rageval.types import Benchmark
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import read_jsonl, scripted_reply, write_benchmark, write_experiment, write_lines

SILENT = "The passages do not contain the answer."
ANSWERS = {
    "a": {"en-1": "It is 2310 metres high.", "en-2": SILENT, "zh-1": SILENT, "zh-2": "在白沙镇。", "en-none": "Moro."},
    "b": {"en-1": "It was reached in 1871.", "en-2": "Lake Corva.", "zh-1": SILENT, "zh-2": "全长三百公里。"},
    "c": {"en-1": "It is old.", "en-2": "Lake Corva.", "zh-1": SILENT, "zh-2": "在白沙镇。"},
}
QUESTIONS = ["en-1", "en-2", "zh-1", "zh-2", "en-none"]
NOTHING = "1 of 1 verdicts missing: the question has no reference answer, and no pipeline answered it"


@dataclass
class Critic:
    """Takes every pooled answer for a vital nugget, and says that an answer supports the nugget that it is."""

    asked: Counter[str] = field(default_factory=Counter[str])
    refuses: bool = False

    def __call__(self, received: Received) -> Canned:
        prompt = received.payload["messages"][-1]["content"]
        passages = re.findall(r"^\[\d+\] (.*)$", prompt, re.MULTILINE)
        facts = re.findall(r"^\d+\. (.*)$", prompt, re.MULTILINE)
        chinese = not prompt.isascii()
        if facts:
            self.asked["support"] += 1
            if self.refuses:
                return fault(401, "no such key")
            yes, no = ("支持", "没有") if chinese else ("support", "not")
            said = {str(i): yes if fact in passages else no for i, fact in enumerate(facts, 1)}
            return completion(json.dumps(said, ensure_ascii=False))
        self.asked["nuggets"] += 1
        vital = "关键" if chinese else "vital"
        return completion(json.dumps({"nuggets": [{"text": p, "importance": vital} for p in passages]}))


@pytest.fixture
def critic() -> Critic:
    return Critic()


@dataclass
class World:
    folder: Path
    server: FakeServer
    command_line: CommandLine

    def run(self, *systems: str, code: int = 0) -> dict[str, Path]:
        """Run these systems together; the run folders by system."""
        pipelines = [{"recorded": {"path": f"{name}.jsonl"}} for name in systems]
        experiment = write_experiment(
            self.folder, self.server.base_url, pipelines=pipelines, metrics=["nugget_recall"], questions=QUESTIONS
        )
        ended = self.command_line("run", experiment, "--out", self.folder / "out")
        assert ended.code == code, ended.err
        found = {manifest(path)["params"]["path"][0]: path for path in (self.folder / "out" / "runs").iterdir()}
        return {name: found[name] for name in systems}


@pytest.fixture
def world(tmp_path: Path, critic: Critic, command_line: CommandLine) -> Any:
    write_benchmark(tmp_path / "small")
    for name, answers in ANSWERS.items():
        write_lines(
            tmp_path / f"{name}.jsonl",
            [{"question_id": question, "answer": answer} for question, answer in answers.items()],
        )
    with FakeServer(critic) as server:
        yield World(tmp_path, server, command_line)


def manifest(run: Path) -> dict[str, Any]:
    return json.loads((run / "manifest.json").read_text("utf-8"))


def scored(run: Path, metric: str = "nugget_recall") -> Mapping[str, Any]:
    """By question: the score, or why there is none."""
    found = json.loads((run / "scores.json").read_text("utf-8"))[metric]
    return {**found["questions"], **found["unscored"]}


def test_nuggets_come_from_all_systems(world: World, critic: Critic) -> None:
    """Two facts on en-1 and on zh-2, each stated by one of the two systems; one on en-2, which only b states."""
    runs = world.run("a", "b")
    unanswerable = "no passage can answer an unanswerable question"
    assert scored(runs["a"]) == {"en-1": 1 / 2, "en-2": 0.0, "zh-1": NOTHING, "zh-2": 1 / 2, "en-none": unanswerable}
    assert scored(runs["b"]) == {"en-1": 1 / 2, "en-2": 1.0, "zh-1": NOTHING, "zh-2": 1 / 2, "en-none": unanswerable}
    assert critic.asked == {"nuggets": 3, "support": 2 + 1 + 2}
    keys = {manifest(run)["judges"]["nuggets"]["key"] for run in runs.values()}
    assert len(keys) == 1
    assert {path.stem for run in runs.values() for path in (run / "judgments").iterdir()} == keys
    compared = world.command_line("compare", runs["a"], runs["b"], "--json")
    assert (compared.code, json.loads(compared.out)["metrics"]["nugget_recall"]["n"]) == (0, 3)


def test_what_was_judged_is_not_judged_again(world: World, critic: Critic) -> None:
    runs = world.run("a", "b")
    before, lines = critic.asked.total(), [(run / "scores.json").read_bytes() for run in runs.values()]
    assert world.run("b", "a") == {"b": runs["b"], "a": runs["a"]}  # the order of the pipelines makes no difference
    assert critic.asked.total() == before
    assert [(run / "scores.json").read_bytes() for run in runs.values()] == lines


def test_another_system_brings_new_nuggets_for_all(world: World, critic: Critic) -> None:
    """It adds one fact to en-1; what is asked about the other questions was asked before, but for its own answers."""
    first = world.run("a", "b")
    key = manifest(first["a"])["judges"]["nuggets"]["key"]
    critic.asked.clear()
    runs = world.run("a", "b", "c")
    assert {name: scored(run)["en-1"] for name, run in runs.items()} == dict.fromkeys("abc", 1 / 3)
    assert scored(runs["c"])["zh-2"] == 1 / 2
    assert critic.asked == {"nuggets": 1, "support": 3}
    after = {manifest(run)["judges"]["nuggets"]["key"] for run in runs.values()}
    assert len(after) == 1
    assert key not in after
    assert [len(read_jsonl(path)) for path in (runs["a"] / "judgments").iterdir()] == [5, 5]


def test_a_run_stopped_while_it_judges_goes_on(world: World, critic: Critic) -> None:
    critic.refuses = True
    world.run("a", "b", code=5)
    critic.refuses = False
    critic.asked.clear()
    runs = world.run("a", "b")
    assert scored(runs["a"])["zh-2"] == 1 / 2
    assert critic.asked["support"] == 5
    assert critic.asked["nuggets"] <= 2  # the others are in the cache
    assert {manifest(run)["status"] for run in runs.values()} == {"complete"}


def test_another_judge_of_one_run_knows_its_answers_alone(world: World) -> None:
    run = world.run("a", "b")["a"]
    experiment = world.folder / "experiment.yaml"
    ended = world.command_line(
        "judge", run, "--name", "again", "--experiment", experiment, "--out", world.folder / "out"
    )
    assert ended.code == 0, ended.err
    assert scored(run, "nugget_recall:again")["en-1"] == 1.0
    judges = manifest(run)["judges"]
    assert judges["nuggets"]["key"] != judges["nuggets:again"]["key"]


def test_answers_and_nuggets_in_one_experiment(tmp_path: Path, small: Benchmark) -> None:
    """Answered first, judged afterwards, and no index is built again where only judging is left."""

    def run(embedder: HashEmbedder, *metrics: str) -> list[tuple[int, int]]:
        told: list[tuple[int, int]] = []
        pipelines = tuple(build_pipeline("naive", {"retriever": "dense", "k": k}, tmp_path) for k in (1, 2))
        chat = ScriptedChat(lambda request: "no" if request.prompt.startswith("nuggets/") else scripted_reply(request))
        parsed = parse_metrics(metrics)
        experiment = Experiment(
            name="e",
            benchmark=small,
            reference="small",
            questions=small.questions,
            pipelines=pipelines,
            metrics=parsed,
            chat=chat,
            embedder=embedder,
            raters=(chat,),
        )
        run_experiment(experiment, tmp_path / "out", on_progress=lambda done, total: told.append((done, total)))
        return told

    assert run(HashEmbedder(), "answer_relevance") == [(done, 12) for done in range(13)]
    embedder = HashEmbedder()
    told = run(embedder, "answer_relevance", "nugget_recall")
    assert told == [(12, 12), *((done, 12) for done in range(13))]
    assert embedder.texts == []


@dataclass(frozen=True)
class Says(Stage):
    """Answers everything with the same words, unless a file named `broken` holds them."""

    words: str

    @property
    def broken(self) -> bool:
        file = Path("broken")
        return file.exists() and file.read_text(encoding="utf-8") == self.words

    async def run(self, state: State, resources: Resources) -> State:
        if self.broken:
            raise ExecutionError("not now")
        return state.with_response(answer=self.words)


def test_an_answer_that_comes_later_is_pooled_and_all_are_judged_again(
    tmp_path: Path, small: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Salt.` fails at first: one nugget, of `Fish.`; then there are two, of which each system states one."""

    def reply(request: ChatRequest) -> str:
        prompt = request.messages[-1].content
        passages = re.findall(r"^\[\d+\] (.*)$", prompt, re.MULTILINE)
        facts = re.findall(r"^\d+\. (.*)$", prompt, re.MULTILINE)
        if facts:
            return json.dumps({str(i): "support" if fact in passages else "not" for i, fact in enumerate(facts, 1)})
        return json.dumps({"nuggets": [{"text": passage, "importance": "vital"} for passage in passages]})

    def run(*, retry_failed: bool = False) -> list[Any]:
        chat = ScriptedChat(reply)
        pipelines = tuple(Pipeline(words[:-1].lower(), Says(words)) for words in ("Fish.", "Salt."))
        questions = tuple(question for question in small.questions if question.id == "en-1")
        metrics = parse_metrics(["nugget_recall"])
        experiment = Experiment(
            name="e",
            benchmark=small,
            reference="small",
            questions=questions,
            pipelines=pipelines,
            metrics=metrics,
            raters=(chat,),
        )
        return [
            scored(path)["en-1"] for path in run_experiment(experiment, tmp_path / "out", retry_failed=retry_failed)
        ]

    monkeypatch.chdir(tmp_path)
    Path("broken").write_text("Salt.", encoding="utf-8")
    assert run() == [1.0, 0.0]
    Path("broken").unlink()
    assert run() == [1.0, 0.0]
    assert run(retry_failed=True) == [1 / 2, 1 / 2]


@pytest.fixture
def small(tmp_path: Path) -> Benchmark:
    from rageval.benchmark import load

    return load(str(write_benchmark(tmp_path / "small")))
