"""What becomes of exceptions while questions are answered and judged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import BudgetError, DeclarationError, ExecutionError, IndexBuildError, ModelError
from rageval.experiment.answer import Task, WorkerContext
from rageval.io.records import Outcome
from rageval.judges.base import Judge, Judged
from rageval.models.base import ChatModel
from rageval.pipeline import Pipeline, Resources, Shared, Stage, State
from rageval.pipeline.function import function_pipeline
from rageval.types import WHOLE_RESPONSE, Abstained, Failure, Judgment, Question, Response, Usage

QUESTIONS = [Question("q1", "Why?"), Question("q2", "为什么？")]


@dataclass
class Kept:
    """A sink that keeps what it is given."""

    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    judgments: dict[str, tuple[Judgment, ...]] = field(default_factory=dict[str, tuple[Judgment, ...]])

    def add_outcome(self, question_id: str, outcome: Outcome) -> None:
        self.outcomes[question_id] = outcome

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None:
        self.judgments[question_id] = judgments


@dataclass(frozen=True)
class Raises(Stage):
    """Raises at the first question, and answers the others."""

    error: BaseException = field(compare=False)

    async def run(self, state: State, resources: Resources) -> State:
        if state.question.id == "q1":
            raise self.error
        return state.with_response(answer="Because.")


def work(pipeline: Pipeline, *judges: Judge) -> Kept:
    names = {judge.name: judge for judge in judges}
    context = WorkerContext(Resources(()), (pipeline,), names, dict.fromkeys(names, "key"), None, True)
    kept = Kept()

    async def all_questions() -> None:
        tasks = [Task(0, question, None, tuple(names)) for question in QUESTIONS]
        await context.build_indexes(tasks, lambda position, name, usage: None)
        for task in tasks:
            await context.work_on(task, kept)

    asyncio.run(all_questions())
    return kept


@pytest.mark.parametrize(
    "error",
    [
        KeyError("index"),
        ExecutionError("no reply"),
        ZeroDivisionError(),
        RecursionError("too deep"),
        MemoryError(),
        StopIteration("empty"),
        StopAsyncIteration("empty"),
        OSError(2, "no such file"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ExceptionGroup("tasks", [ValueError("a"), KeyError("b")]),
        asyncio.CancelledError("a task of its own was cancelled"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_stage_raises_is_the_failure_of_that_question_alone(error: BaseException) -> None:
    kept = work(Pipeline("p", Raises(error)))
    failure, answered = kept.outcomes["q1"], kept.outcomes["q2"]
    assert isinstance(failure, Failure)
    # A coroutine cannot raise StopIteration: Python makes a RuntimeError of it.
    assert failure.error == ("RuntimeError" if isinstance(error, StopIteration) else type(error).__name__)
    assert Path(__file__).name in failure.traceback
    assert "raise self.error" in failure.traceback
    assert isinstance(answered, Response)
    assert answered.answer == "Because."


@pytest.mark.parametrize(
    "error",
    [
        ModelError("bad key"),
        BudgetError("spent"),
        DeclarationError("no chat model"),
        IndexBuildError("no index"),
        ExceptionGroup("tasks", [ValueError("a"), BudgetError("spent")]),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stops_the_run_stops_it(error: BaseException) -> None:
    kind = BudgetError if isinstance(error, ExceptionGroup) else type(error)
    with pytest.raises(kind):
        work(Pipeline("p", Raises(error)))


def test_a_stage_that_asks_a_model_that_was_not_given_stops_the_run() -> None:
    class Asks(Stage):
        async def run(self, state: State, resources: Resources) -> State:
            raise AssertionError(resources.chat)

    with pytest.raises(DeclarationError, match="needs a chat model, and none was given"):
        work(Pipeline("p", Asks()))


def test_a_run_that_is_cancelled_ends() -> None:
    async def stop() -> None:
        context = WorkerContext(Resources(()), (function_pipeline(wait),), {}, {}, None, True)
        task = asyncio.create_task(context.work_on(Task(0, QUESTIONS[0], None, ()), kept))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def wait(question: Question) -> str:
        started.set()
        await asyncio.sleep(60)
        return "too late"

    started, kept = asyncio.Event(), Kept()
    asyncio.run(stop())
    assert kept.outcomes == {}


@pytest.mark.parametrize(
    "value",
    [Response(answer=5), Response(hits=("d1",)), 5, None, {"answer": "x"}, Response(steps=(1,))],  # type: ignore[arg-type]
)
def test_a_function_that_returns_something_else_fails_that_question(value: Any) -> None:
    kept = work(function_pipeline(lambda question: value if question.id == "q1" else "Because."))
    failure = kept.outcomes["q1"]
    assert isinstance(failure, Failure)
    assert "found a" in failure.message or "returned a" in failure.message
    assert isinstance(kept.outcomes["q2"], Response)


@dataclass(frozen=True)
class Index:
    """Counts its builds, and fails."""

    error: Exception = field(compare=False)
    builds: list[str] = field(default_factory=list[str], compare=False)

    async def build(self, resources: Resources) -> object:
        self.builds.append("build")
        raise self.error


@dataclass(frozen=True)
class Searches(Stage):
    """Searches an index, which it may name beforehand or not."""

    index: Index
    named: bool

    def indexes(self) -> tuple[Shared[object], ...]:
        return (self.index,) if self.named else ()

    async def run(self, state: State, resources: Resources) -> State:
        await resources.get(self.index)
        return state


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError("no words"), IndexBuildError),
        (ExecutionError("the embedder refuses"), ModelError),
        (ModelError("bad key"), ModelError),
        (BudgetError("spent"), BudgetError),
    ],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_an_index_that_cannot_be_built_stops_the_run_at_once(
    error: Exception, raised: type[Exception], named: bool
) -> None:
    index = Index(error)
    told = f"^{error}$" if raised is BudgetError else rf"^Index\(.* cannot be built: .*{error}"
    with pytest.raises(raised, match=told):
        work(Pipeline("p", Searches(index, named)))
    assert index.builds == ["build"]


class Falls:
    """A judge with a mistake in it."""

    name = "falls"
    summary = "Does it fall?"
    prompts: tuple[str, ...] = ()

    def __init__(self, error: Exception) -> None:
        self.error = error

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 0

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if question.id == "q1":
            raise self.error
        return Judged()


def test_an_exception_in_any_judge_is_an_abstention_with_the_place() -> None:
    kept = work(function_pipeline(lambda question: "Because."), Falls(LookupError("no such claim")))
    (judgment,) = kept.judgments["q1"]
    assert (judgment.item, judgment.verdict) == (WHOLE_RESPONSE, Abstained("LookupError: no such claim"))
    assert isinstance(judgment.verdict, Abstained)
    assert "in judge" in judgment.verdict.traceback
    assert kept.judgments["q2"] == ()


@pytest.mark.parametrize("error", [ModelError("bad key"), BudgetError("spent"), DeclarationError("no chat model")])
def test_what_stops_the_run_stops_it_in_a_judge_too(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        work(function_pipeline(lambda question: "Because."), Falls(error))
