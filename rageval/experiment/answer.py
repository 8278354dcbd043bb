"""Answer one question with one pipeline, then judge it. Executors decide where; sinks store the results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rageval.errors import DeclarationError
from rageval.io.records import Outcome
from rageval.judges import Judge, asks_model
from rageval.judges.custom import NoChat
from rageval.judges.guard import guarded_judgment
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.models.base import ChatModel
from rageval.pipeline import Pipeline, Resources
from rageval.pipeline.failure import failure_of, raise_what_stops
from rageval.types import Failure, Judgment, Question, Response, Usage


class Sink(Protocol):
    """Receives results as they are made. `judge` is the judge's name."""

    def add_outcome(self, question_id: str, outcome: Outcome) -> None: ...

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None: ...


@dataclass(frozen=True, slots=True)
class Task:
    """A question for the pipeline at position `pipeline` to answer, and for the judges named in `judges` to judge. A
    repeat of a pipeline has a position of its own. `outcome` is set if the question has been answered before.
    """

    pipeline: int
    question: Question
    outcome: Outcome | None
    judges: tuple[str, ...]


@dataclass(frozen=True)
class WorkerContext:
    """What a worker needs to work on tasks. `judges` and their `keys` are by name; `judging` is the model that they
    ask.

    A pipeline that is asked each question several times is among `pipelines` as often. `own_resources` are what the
    pipeline at a position draws on, where these are not `resources`: other models, other draws of replies. Pipelines
    that ask no chat model acquire `unlimited`, if given, before they answer.
    """

    resources: Resources
    pipelines: tuple[Pipeline, ...]
    judges: Mapping[str, Judge]
    keys: Mapping[str, str]
    judging: ChatModel | None
    generate: bool
    unlimited: asyncio.Semaphore | None = None
    own_resources: Mapping[int, Resources] = field(default_factory=dict[int, Resources])

    async def build_indexes(self, tasks: Iterable[Task], tell: Callable[[int, str, Usage], None]) -> None:
        """Build the indexes that these tasks need, so that no question's latency includes it.

        Calls `tell` with the position of a pipeline, an index, and what building that index cost in model calls. An
        index that is built again may be reported again. Raises what `Resources.get` raises if an index cannot be built,
        because every question would fail.
        """
        positions: dict[str, int] = {}
        for task in tasks:
            if task.outcome is None:
                positions.setdefault(self.pipelines[task.pipeline].label, task.pipeline)
        for position in positions.values():
            indexes, resources = self.pipelines[position].stage.indexes(), self.resources_at(position)
            try:
                for index in dict.fromkeys(indexes):
                    await resources.get(index)
            finally:  # what a failed build has paid for counts too
                for name, usage in resources.tell_building(indexes).items():
                    tell(position, name, usage)

    async def work_on(self, task: Task, sink: Sink) -> None:
        """Answer and judge. An exception becomes a `Failure` of the question, or an abstention of the judge. Those in
        `rageval.errors.STOPS_THE_RUN` are raised.
        """
        question, outcome = task.question, task.outcome
        if outcome is None:
            outcome = await self._answer(task)
            sink.add_outcome(question.id, outcome)
        if isinstance(outcome, Failure):
            return
        for name in task.judges:
            judgments, usage = await ask_judge(self.judges[name], self.keys[name], self.judging, question, outcome)
            sink.add_judgments(name, question.id, judgments, usage)
            if name == ABSTENTION:
                outcome = settled(outcome, judgments)

    def resources_at(self, position: int) -> Resources:
        """What the pipeline at that position draws on."""
        return self.own_resources.get(position, self.resources)

    async def _answer(self, task: Task) -> Outcome:
        pipeline = self.pipelines[task.pipeline]
        resources = self.resources_at(task.pipeline)
        asks = "chat" in pipeline.stage.needs(self.generate)
        try:
            async with nullcontext() if asks or self.unlimited is None else self.unlimited:
                return await pipeline.answer(task.question, resources, generate=self.generate)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (code of the user's own may raise anything)
            raise_what_stops(error)
            return failure_of(error)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            return failure_of(error)  # raised by code of the user's own, which nobody has stopped


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def ask_judge(
    judge: Judge, key: str, model: ChatModel | None, question: Question, response: Response
) -> tuple[tuple[Judgment, ...], Usage]:
    """Returns the judge's judgments of a response, under that key, and what they cost. Raises DeclarationError if the
    judge needs a model and there is none.
    """
    chat = model if asks_model(judge) else NoChat(judge.name)
    if chat is None:
        raise DeclarationError(f"the judge {judge.name} needs a chat model, and none was given (models: judge)")
    judged = await guarded_judgment(judge, question, response, chat)
    judgments = (Judgment(question.id, key, item.item, item.index, item.text, item.verdict) for item in judged.items)
    return tuple(judgments), judged.usage
