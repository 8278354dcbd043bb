"""Does a stage keep its protocol?"""

from __future__ import annotations

import asyncio
import json

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, Embedder
from rageval.models.scripted import ScriptedChat
from rageval.models.wrapped import MeteredChat
from rageval.pipeline import Calls, ContextSize, Query, Stage, State
from rageval.pipeline.check_response import check_response
from rageval.testing.expect import expect, expect_type
from rageval.testing.samples import sample_benchmark, sample_hits, sample_resources
from rageval.types import Question, Response, Usage

_BEFORE = ContextSize(len(sample_benchmark().documents), 100)


def check_stage(stage: Stage, chat: ChatModel | None = None, embedder: Embedder | None = None) -> None:
    """Raises AssertionError where the stage does not keep the protocol `Stage`.

    The stage works on small questions in English and Chinese, with passages that an earlier stage found, and answers
    wanted or not. `chat` and `embedder` are what it asks, by default a model that says yes and one that counts words.
    Checked are: that it is a frozen dataclass whose `spec` is JSON and does not change; that it leaves the question as
    it is and returns a response of the right form; that it asks no model that `needs` does not name, makes no more
    calls than `calls` says, and counts in the response's usage what they cost.
    """
    expect_type(stage, Stage, "stage")
    name = type(stage).__name__
    own = "__dataclass_params__" in vars(type(stage))
    expect(own, f"{name}: found a class that is not a dataclass, expected `@dataclass(frozen=True)` above it")
    try:
        hash(stage)
    except TypeError as error:
        raise AssertionError(f"{name}: has no hash ({error}), expected fields that cannot change: tuples") from None
    expect(
        json.dumps(stage.spec(), sort_keys=True) == json.dumps(stage.spec(), sort_keys=True),
        f"{name}: found two different specs, expected one: what it is must not change",
    )
    for generate in (True, False):
        calls = _calls(stage, generate)
        expect(
            0 <= calls.low <= calls.high,
            f"{name}: calls({generate}): found {calls.low} to {calls.high}, expected at least, then at most",
        )
        for question in sample_benchmark().questions:
            asyncio.run(_run(stage, question, generate, chat, embedder))


def _calls(stage: Stage, generate: bool) -> Calls:
    try:
        return expect_type(stage.calls(generate, _BEFORE), Calls, "calls")
    except TypeError as error:
        raise AssertionError(
            f"{type(stage).__name__}: {error}, expected `def calls(self, generate, before)`"
        ) from error


async def _run(
    stage: Stage, question: Question, generate: bool, chat: ChatModel | None, embedder: Embedder | None
) -> None:
    metered = MeteredChat(chat or ScriptedChat(lambda request: "yes"))
    resources = sample_resources(stage.needs(generate), metered, embedder)
    hits = sample_hits(question)
    before = State(question, (Query(question.text),), Response(hits, context=tuple(range(len(hits)))), generate)
    case = f"{type(stage).__name__}, {question.text!r}, generate={generate}"
    try:
        for index in stage.indexes():
            await resources.get(index)
        metered.asked, metered.usage = 0, Usage()
        after: object = await stage.run(before, resources)
    except Exception as error:
        raise AssertionError(f"{case}: raised {type(error).__name__} ({error}), expected a State") from error
    state = expect_type(after, State, case)
    expect(state.question == question, f"{case}: found another question, expected it as it was: set `queries` instead")
    expect(state.generate == generate, f"{case}: found generate={state.generate}, expected it as it was")
    expect(bool(state.queries), f"{case}: found no query, expected at least one for the stages that follow")
    try:
        check_response(state.response)
    except ExecutionError as error:
        raise AssertionError(f"{case}: {error}") from None
    most = _calls(stage, generate).high
    expect(metered.asked <= most, f"{case}: made {metered.asked} calls, expected at most {most}, as `calls` says")
    expect(
        state.response.usage == metered.usage,
        f"{case}: found {state.response.usage}, expected what the calls used, {metered.usage}: return "
        "state.with_step(NAME, reply.usage, ...)",
    )
