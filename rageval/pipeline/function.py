"""A Python function that answers questions, as a pipeline."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from rageval.errors import DeclarationError, ExecutionError
from rageval.identity import describe, fingerprint
from rageval.pipeline.check_response import check_response
from rageval.pipeline.failure import told
from rageval.pipeline.pipeline import Pipeline
from rageval.pipeline.resources import Resources
from rageval.pipeline.stage import Stage
from rageval.pipeline.state import State
from rageval.types import Question, Response

T = TypeVar("T")

Answered: TypeAlias = Response | str
System: TypeAlias = Callable[[Question], Answered | Awaitable[Answered]]


@dataclass(frozen=True)
class CallFunction(Stage):
    """A function `question -> Response` (or answer text), plain or async, called once per question.

    A plain function runs in a thread of its own, so that several questions can be asked at once. What it raises is
    that question's failure, a DeclarationError too: it is about something that the function asked for. All hits are the
    context where the response names none. `source` identifies the function: change its code and it is run again.
    """

    source: str
    function: System = field(compare=False)

    def identity_fields(self) -> dict[str, object]:
        return {"source": self.source}

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        try:
            returned = await self._call(state.question)
        except DeclarationError as error:
            raise ExecutionError(told(error)) from error
        answered: object = Response(answer=returned) if isinstance(returned, str) else returned
        if not isinstance(answered, Response):
            raise ExecutionError(f"the function returned a {type(answered).__name__}, expected a Response or a str")
        response = check_response(answered)
        return state.with_response(
            hits=response.hits,
            answer=response.answer,
            context=response.context or tuple(range(len(response.hits))),
            citations=response.citations,
            cited_answer=response.cited_answer,
            abstained=response.abstained,
            steps=response.steps,
            usage=response.usage,
        )

    async def _call(self, question: Question) -> object:
        if inspect.iscoroutinefunction(self.function):
            return await self.function(question)
        returned = await in_thread(self.function, question)
        return await returned if inspect.isawaitable(returned) else returned


async def in_thread(function: Callable[..., T], *given: Any) -> T:
    """Run the function in a thread and return its result.

    StopIteration cannot leave a thread (in Python 3.11 the caller would wait forever), and SystemExit would end the
    process. Both are raised as ExecutionError.
    """

    def call() -> T:
        try:
            return function(*given)
        except (StopIteration, SystemExit) as error:
            raise ExecutionError(told(error)) from error

    return await asyncio.to_thread(call)


def function_pipeline(function: System, name: str | None = None, *, version: str | None = None) -> Pipeline:
    """A pipeline of one function, named after it.

    The pipeline's identity covers the function's code, the values and functions it captured, the globals it reads, and
    the files its module imports. If it holds an object that cannot be read (a live index, a client), no other process
    reuses its results, unless there is a `version` (the argument, or an attribute of the function or object). Change
    the version whenever the content of that object changes. Files that the function opens and programs that it runs are
    not covered.
    """
    label = name or getattr(function, "__name__", type(function).__name__)
    source = fingerprint(describe(function, label=label, version=version))
    return Pipeline(label, CallFunction(source, function))
