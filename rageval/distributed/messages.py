"""The messages between the driver and its workers. Ray carries them between the processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from rageval.errors import ExecutionError
from rageval.experiment.answer import Task
from rageval.io.records import outcome_from_json, outcome_to_json
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.pipeline.failure import told
from rageval.types import Document, Json, Question, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SentTask:
    """A `Task` with its outcome as a record. The receiver has the documents, so passages need no texts."""

    pipeline: int
    question: Question
    outcome: Mapping[str, Json] | None
    judges: tuple[str, ...]

    @classmethod
    def of(cls, task: Task, documents: Mapping[str, Document]) -> SentTask:
        outcome = None if task.outcome is None else outcome_to_json(task.outcome, documents)
        return cls(task.pipeline, task.question, outcome, task.judges)

    def task(self, documents: Mapping[str, Document]) -> Task:
        outcome = None if self.outcome is None else outcome_from_json(self.outcome, documents)
        return Task(self.pipeline, self.question, outcome, self.judges)


@dataclass(frozen=True, slots=True)
class Shard:
    """To a worker: tasks to work on."""

    number: int
    tasks: tuple[SentTask, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """From a worker: all records of that shard are sent. Its indexes took `building_s`, its tasks `working_s`."""

    number: int
    building_s: float
    working_s: float


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """From a worker, as JSON data: an outcome or, if `judge` is set, that judge's judgments and their cost."""

    pipeline: int
    question_id: str
    judge: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IndexingMessage:
    """From a worker: what model calls for that index of the pipeline cost."""

    pipeline: int
    index: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Ask:
    """From a worker: a request to the chat model at that position."""

    number: int
    model: int
    request: ChatRequest


@dataclass(frozen=True, slots=True)
class AskVectors:
    """From a worker: texts for the embedder."""

    number: int
    texts: Sequence[str]
    kind: Literal["query", "passage"]


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception, taken apart: exceptions with their own constructors do not survive pickling."""

    kind: type[Exception]
    args: tuple[Any, ...]
    state: Mapping[str, Any]

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """The error; one whose class the other side may lack becomes an ExecutionError with its type and message."""
        package = type(error).__module__.partition(".")[0]
        if package != "rageval" and package not in sys.stdlib_module_names:
            known = ExecutionError(told(error))
            known.__dict__.update({"__notes__": [*getattr(error, "__notes__", ())]})
            return cls.of(known)
        return cls(type(error), error.args, {**error.__dict__})

    def error(self) -> Exception:
        error = self.kind.__new__(self.kind, *self.args)
        if not isinstance(self.kind.__init__, FunctionType):  # Python's own fill their fields there
            error.__init__(*self.args)
        error.__dict__.update(self.state)
        return error


@dataclass(frozen=True, slots=True)
class Reply:
    """To a worker: the result of the ask with that number."""

    number: int
    value: ChatReply | Vectors | Raised


ToWorker: TypeAlias = Shard | Reply
FromWorker: TypeAlias = Done | RecordMessage | IndexingMessage | Ask | AskVectors | Raised


class Mailbox(Generic[T]):
    """Messages that wait to be fetched. Use it inside one event loop."""

    def __init__(self) -> None:
        self._letters: list[T] = []
        self._filled = asyncio.Event()

    def put(self, letter: T) -> None:
        self._letters.append(letter)
        self._filled.set()

    async def take(self) -> list[T]:
        """Return all messages as soon as there is at least one. Only one taker may wait at a time."""
        await self._filled.wait()
        letters, self._letters = self._letters, []
        self._filled.clear()
        return letters
