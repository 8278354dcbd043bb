"""Does a stage keep its protocol?"""

from __future__ import annotations

import asyncio
import dataclasses
import json

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, Embedder
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.models.wrapped import MeteredChat
from rageval.pipeline import ContextSize, Query, Resources, Stage, State
from rageval.pipeline.check_response import check_response
from rageval.testing.expect import expect, expect_type
from rageval.testing.samples import sample_benchmark, sample_hits
from rageval.types import Benchmark, Question, Response


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
    expect(own, f"{name}: found a class that is no dataclass, expected `@dataclass(frozen=True)` above it")
    try:
        hash(stage)
    except TypeError as error:
        raise AssertionError(f"{name}: has no hash ({error}), expected fields that cannot change: tuples") from None
    expect(
        json.dumps(stage.spec(), sort_keys=True) == json.dumps(stage.spec(), sort_keys=True),
        f"{name}: found two different specs, expected one: what it is must not change",
    )
    benchmark = sample_benchmark()
    for generate in (True, False):
        calls = stage.calls(generate)
        expect(
            0 <= calls.low <= calls.high,
            f"{name}: calls({generate}): found {calls.low} to {calls.high}, expected at least, then at most",
        )
        for question in benchmark.questions:
            asyncio.run(_run(stage, benchmark, question, generate, chat, embedder))


async def _run(
    stage: Stage,
    benchmark: Benchmark,
    question: Question,
    generate: bool,
    chat: ChatModel | None,
    embedder: Embedder | None,
) -> None:
    needs = stage.needs(generate)
    metered = MeteredChat(chat or ScriptedChat(lambda request: "yes"))
    resources = Resources(
        benchmark.documents,
        labels=benchmark.labels,
        chat=metered if "chat" in needs else None,
        embedder=embedder or HashEmbedder() if "embed" in needs else None,
    )
    hits = sample_hits(question)
    before = State(question, (Query(question.text),), Response(hits, context=tuple(range(len(hits)))), generate)
    case = f"{type(stage).__name__}, {question.text!r}, generate={generate}"
    try:
        for index in stage.indexes():
            await resources.get(index)
        metered.asked = 0
        asked_before = metered.usage
        after: object = await stage.run(before, resources)
    except Exception as error:
        raise AssertionError(f"{case}: raised {type(error).__name__} ({error}), expected a State") from error
    state = expect_type(after, State, case)
    expect(state.question == question, f"{case}: found another question, expected it as it was: set `queries` instead")
    expect(state.generate == generate, f"{case}: found generate={state.generate}, expected it as it was")
    expect(bool(state.queries), f"{case}: found no query, expected one at least for the stages that follow")
    try:
        check_response(state.response)
    except ExecutionError as error:
        raise AssertionError(f"{case}: {error}") from None
    most = stage.calls(generate, ContextSize(len(hits), None)).high
    expect(metered.asked <= most, f"{case}: made {metered.asked} calls, expected at most {most}, as `calls` says")
    used = state.response.usage
    wanted = dataclasses.astuple(metered.usage)
    spent = tuple(now - then for now, then in zip(wanted, dataclasses.astuple(asked_before), strict=True))
    expect(
        dataclasses.astuple(used) == spent,
        f"{case}: found {used}, expected what the calls used: return state.with_step(NAME, reply.usage, ...)",
    )
