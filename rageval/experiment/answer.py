"""One question of one pipeline: answered, then judged. Where that happens and what becomes of it is others' affair."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from rageval.errors import DeclarationError, ExecutionError
from rageval.io.records import Outcome
from rageval.judges import Judge, asks_model
from rageval.judges.custom import NoChat
from rageval.models.base import ChatModel
from rageval.pipeline import Pipeline, Resources
from rageval.types import Failure, Judgment, Question, Response, Usage


class Sink(Protocol):
    """Takes what is made, as it is made. `judge` is the judge's name."""

    def add_outcome(self, question_id: str, outcome: Outcome) -> None:
        """Raises TypeError or ValueError for an outcome that cannot be written as JSON."""
        ...

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None: ...


@dataclass(frozen=True, slots=True)
class Task:
    """A question that the pipeline at that position is to answer and the judges of those names are to judge; where it
    has been answered before, `outcome` is there.
    """

    pipeline: int
    question: Question
    outcome: Outcome | None
    judges: tuple[str, ...]


@dataclass(frozen=True)
class WorkerContext:
    """What tasks are worked on with. `judges` and their `keys` are by name; `judging` is the model that they ask.

    Pipelines that ask no chat model wait for `unlimited`, where it is given, before they answer.
    """

    resources: Resources
    pipelines: tuple[Pipeline, ...]
    judges: Mapping[str, Judge]
    keys: Mapping[str, str]
    judging: ChatModel | None
    generate: bool
    unlimited: asyncio.Semaphore | None = None

    async def build_indexes(self, tasks: Iterable[Task], tell: Callable[[int, str, Usage], None]) -> None:
        """Build what answering these needs, so that no question's latency includes it.

        `tell` is given the position of a pipeline, an index, and what building that cost in model calls; of building it
        again it may be told again.
        """
        for position in dict.fromkeys(task.pipeline for task in tasks if task.outcome is None):
            indexes = self.pipelines[position].stage.indexes()
            for index in dict.fromkeys(indexes):
                with suppress(ExecutionError):  # then each question that needs it tries again and records why it failed
                    await self.resources.get(index)
            for name, usage in self.resources.tell_building(indexes).items():
                tell(position, name, usage)

    async def work_on(self, task: Task, sink: Sink) -> None:
        """Answer and judge. What fails for good is an outcome; `DeclarationError`, `ModelError` and `BudgetError` are
        raised.
        """
        question, outcome = task.question, task.outcome
        if outcome is None:
            outcome = await self._answer(task)
            try:
                sink.add_outcome(question.id, outcome)
            except (TypeError, ValueError) as error:
                outcome = Failure(type(error).__name__, f"the response cannot be written as JSON: {error}")
                sink.add_outcome(question.id, outcome)
        if isinstance(outcome, Failure):
            return
        for name in task.judges:
            judged = await ask_judge(self.judges[name], self.keys[name], self.judging, question, outcome)
            sink.add_judgments(name, question.id, *judged)

    async def _answer(self, task: Task) -> Outcome:
        pipeline = self.pipelines[task.pipeline]
        asks = "chat" in pipeline.stage.needs(self.generate)
        try:
            async with nullcontext() if asks or self.unlimited is None else self.unlimited:
                return await pipeline.answer(task.question, self.resources, generate=self.generate)
        except ExecutionError as error:
            return Failure(type(error).__name__, str(error))


async def ask_judge(
    judge: Judge, key: str, model: ChatModel | None, question: Question, response: Response
) -> tuple[tuple[Judgment, ...], Usage]:
    """What the judge says of a response, under that key, and what it cost. Raises DeclarationError where it needs a
    model and there is none.
    """
    chat = model if asks_model(judge) else NoChat(judge.name)
    if chat is None:
        raise DeclarationError(f"the judge {judge.name} needs a chat model, and none was given (models: judge)")
    judged = await judge.judge(question, response, chat)
    judgments = (Judgment(question.id, key, item.item, item.index, item.text, item.verdict) for item in judged.items)
    return tuple(judgments), judged.usage
