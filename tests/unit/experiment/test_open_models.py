"""Models are opened once for each choice, used in one event loop, and closed by whoever opened them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.decide.halving import halve
from rageval.errors import BudgetError, DeclarationError
from rageval.experiment.dry_run import dry_run
from rageval.experiment.judge_again import plan_rejudging, rejudge
from rageval.experiment.open_models import OpenModels
from rageval.experiment.plan import load_experiment
from rageval.experiment.run import run_experiment
from rageval.experiment.spec import LocalModel
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.flow.small_world import scripted_reply, write_benchmark, write_experiment, write_lines


@dataclass
class Weights:
    """What stands in for the local models: each that is made, with the event loops of its calls."""

    made: list[FakeLocal] = field(default_factory=list["FakeLocal"])


class FakeLocal(ScriptedChat):
    """In place of `LocalChat` and `LocalEmbedder`: bound to the event loop of its first call, until it is closed."""

    def __init__(self, weights: Weights, **settings: Any) -> None:
        super().__init__(scripted_reply, f"local {settings.get('path')}", concurrency=4)
        weights.made.append(self)
        self.path = settings.get("path")
        self.closed = 0
        self._embedder = HashEmbedder()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _bind(self) -> None:
        self._loop = self._loop or asyncio.get_running_loop()
        assert self._loop is asyncio.get_running_loop()

    async def complete(self, request: ChatRequest) -> ChatReply:
        self._bind()
        return await super().complete(request)

    async def embed(self, texts: Any, kind: Any) -> Any:
        self._bind()
        return await self._embedder.embed(texts, kind)

    async def close(self) -> None:
        self._bind()
        self.closed += 1


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> Iterator[Weights]:
    """No weights are loaded; at the end, all that was made has been closed once."""
    weights = Weights()
    monkeypatch.setattr("rageval.models.local.LocalChat", lambda **settings: FakeLocal(weights, **settings))
    monkeypatch.setattr("rageval.models.local.LocalEmbedder", lambda: FakeLocal(weights))
    yield weights
    assert [model.closed for model in weights.made] == [1] * len(weights.made)


def write(folder: Path, **changes: Any) -> Path:
    return write_experiment(folder, "", **{"pipelines": ["naive"], "models": None, **changes})


LOCAL = {"provider": "local"}


@pytest.mark.parametrize(
    ("models", "chats"),
    [
        ({}, 1),
        ({"chat": "local", "judge": "local"}, 1),
        ({"chat": "local", "judge": LOCAL}, 1),
        ({"chat": LOCAL, "judge": ["local"]}, 1),
        ({"chat": "local", "judge": {**LOCAL, "context_tokens": 512}}, 2),
        ({"chat": {**LOCAL, "path": "a.gguf"}, "judge": {**LOCAL, "path": "./a.gguf"}}, 1),
        ({"chat": {**LOCAL, "path": "a.gguf"}, "judge": {**LOCAL, "path": "b.gguf"}}, 2),
    ],
    ids=str,
)
def test_equal_choices_are_one_model(models: dict[str, Any], chats: int, weights: Weights, tmp_path: Path) -> None:
    metrics = ["answer_relevance"]
    path = write(tmp_path, models=models, metrics=metrics)
    with load_experiment(path, tmp_path / "cache") as experiment:
        run_experiment(experiment, tmp_path / "out")
    assert len(weights.made) == chats + 1  # and the embedder
    rageval.evaluate(tmp_path / "small", ["naive"], metrics, out=tmp_path / "other", **models)
    assert len(weights.made) == 2 * (chats + 1)


class Closable(ScriptedChat):
    """Counts how often it is closed."""

    def __init__(self, identity: str = "mine") -> None:
        super().__init__(scripted_reply, identity)
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


def test_an_object_stays_open_and_given_twice_is_one_model(tmp_path: Path) -> None:
    mine, benchmark = Closable(), write_benchmark(tmp_path / "small")
    for name in ("one", "two"):
        rageval.evaluate(
            benchmark, ["closed_book"], ["answer_relevance"], chat=mine, judge=mine, name=name, out=tmp_path / "out"
        )
        assert mine.closed == 0
    assert len(mine.requests) == len(set(mine.requests))
    with OpenModels(tmp_path / "cache") as models:
        assert models.chat(mine, Path()) is models.chat(mine, Path())
        assert models.chat(mine, Path()) is not models.chat(Closable(), Path())


def test_what_was_opened_is_closed_where_planning_fails(weights: Weights, tmp_path: Path) -> None:
    mine = Closable()
    with pytest.raises(DeclarationError, match="2 times in a panel"):
        rageval.evaluate(
            write_benchmark(tmp_path / "small"),
            ["closed_book"],
            ["answer_relevance"],
            judge=["local", {**LOCAL, "context_tokens": 512}],
            out=tmp_path / "out",
        )
    assert len(weights.made) == 2
    assert mine.closed == 0


def test_inside_a_running_event_loop(weights: Weights, tmp_path: Path) -> None:
    benchmark = write_benchmark(tmp_path / "small")

    async def notebook() -> None:
        rageval.evaluate(benchmark, ["closed_book"], ["answer_relevance"], out=tmp_path / "out")

    asyncio.run(notebook())
    assert len(weights.made) == 1


def questions(folder: Path, n: int) -> Path:
    """A benchmark of `n` questions about one document."""
    folder.mkdir()
    (folder / "card.yaml").write_text("name: many\nlicense: CC0-1.0\n", encoding="utf-8")
    write_lines(folder / "documents.jsonl", [{"id": "d", "text": "Lake Corva is 61 metres deep."}])
    labels = "".join(f"q{i}\td\t1\n" for i in range(n))
    (folder / "labels.tsv").write_text(f"question_id\tdocument_id\tgrade\n{labels}", encoding="utf-8")
    write_lines(folder / "questions.jsonl", [{"id": f"q{i}", "text": f"How deep is lake {i}?"} for i in range(n)])
    return folder


GRID = {"pipeline": ["./says.py"], "words": ["yes", "maybe", "no"]}
SAYS = """\
from rageval.generation import AnswerFromMemory
from rageval.pipeline import Stage
from dataclasses import dataclass

@dataclass(frozen=True)
class Says(Stage):
    words: str

    async def run(self, state, resources):
        return state.with_response(answer=self.words)

def build(words: str) -> Stage:
    return AnswerFromMemory() >> Says(words)
"""


def grid(folder: Path, **changes: Any) -> Path:
    questions(folder / "small", 40)
    (folder / "says.py").write_text(SAYS, encoding="utf-8")
    return write(folder, pipelines=None, sweep=GRID, metrics=["answer_relevance"], **changes)


def test_all_rounds_of_halving_use_the_same_models(weights: Weights, tmp_path: Path) -> None:
    with load_experiment(grid(tmp_path), tmp_path / "cache") as experiment:
        _, halving = halve(experiment, tmp_path / "out", 1)
    assert len(halving.rounds) > 1
    assert len(weights.made) == 1


def test_one_budget_for_all_rounds_of_halving(tmp_path: Path) -> None:
    """Ten questions: ten calls for the answers, and one for each distinct answer of three cells. The second round asks
    about ten more, which goes beyond a budget that the first one alone would keep.
    """
    path = grid(tmp_path, budget={"max_calls": 45})
    with load_experiment(path, tmp_path / "cache") as experiment, pytest.raises(BudgetError, match="max_calls 45"):
        halve(experiment, tmp_path / "out", 1)
    assert (tmp_path / "out" / "runs").exists()
    finished = [run for run in (tmp_path / "out" / "runs").iterdir() if (run / "scores.json").exists()]
    assert len(finished) == 3


def test_judging_again_and_dry_runs_close_what_they_open(weights: Weights, tmp_path: Path) -> None:
    path = write(tmp_path, pipelines=["closed_book"], metrics=["answer_relevance"])
    with load_experiment(path, tmp_path / "cache") as experiment:
        dry_run(experiment, tmp_path / "out")
    with load_experiment(path, tmp_path / "cache") as experiment:
        (run,) = run_experiment(experiment, tmp_path / "out")
    with plan_rejudging(run, "again", [], [path], tmp_path / "cache") as plan:
        rejudge(plan)
        asked: list[ChatModel] = [*plan.raters]
    assert len(weights.made) == 3
    assert len(asked) == 1


def test_a_path_is_relative_to_where_it_was_named(weights: Weights, tmp_path: Path) -> None:
    with OpenModels(tmp_path / "cache") as models:
        choice = LocalModel(path=Path("a.gguf"))
        first, second = models.chat(choice, tmp_path / "one"), models.chat(choice, tmp_path / "two")
        assert first is not second
    assert [model.path for model in weights.made] == [tmp_path / "one" / "a.gguf", tmp_path / "two" / "a.gguf"]
