"""The conformance test of stages, on those of rageval and on broken ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from rageval.generation import Answer, RewriteQueries, SelfReflect, WriteHypotheticalAnswers
from rageval.models.base import ChatRequest, Message
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, Resources, Stage, State
from rageval.retrieval import BM25, HYBRID, Pointwise, Rerank, Retrieve
from rageval.testing import check_stage
from rageval.types import Json, Question, Usage

REQUEST = ChatRequest((Message("user", "How deep?"),), "mine/en@1", max_tokens=4)


@pytest.mark.parametrize(
    "stage",
    [
        Retrieve(BM25(), k=2),
        Retrieve(HYBRID, k=2),
        Answer(),
        RewriteQueries(n=2),
        WriteHypotheticalAnswers(),
        SelfReflect(Retrieve(BM25(), k=2)),
        Retrieve(BM25(), k=1) >> Rerank(Pointwise()) >> Answer(),
    ],
    ids=repr,
)
def test_the_stages_of_rageval_pass(stage: Stage) -> None:
    check_stage(stage)


@dataclass(frozen=True)
class Shorten(Stage):
    """Keep the first hits."""

    n: int = 1

    async def run(self, state: State, resources: Resources) -> State:
        return state.with_response(hits=state.response.hits[: self.n], context=(0,))


@dataclass(frozen=True)
class Ask(Stage):
    """One call, counted."""

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(0, 1)

    async def run(self, state: State, resources: Resources) -> State:
        reply = await resources.chat.complete(REQUEST)
        return state.with_step("ask", reply.usage).with_response(answer=reply.text)


def test_stages_of_ones_own_pass() -> None:
    check_stage(Shorten())
    check_stage(Ask())


def broken(run: Callable[[State], Any] = lambda state: state, **changes: Any) -> Stage:
    """A stage that makes that of the state, with other methods."""

    @dataclass(frozen=True)
    class Broken(Shorten):
        async def run(self, state: State, resources: Resources) -> Any:
            return run(state)

    for name, value in changes.items():
        setattr(Broken, name, value)
    return Broken()


class NoDataclass(Shorten):
    extra: int = 3


@dataclass(frozen=True)
class Listed(Shorten):
    names: Any = None


_numbers = count()


def changing_spec(stage: Stage) -> dict[str, Json]:
    return {"stage": "Broken", "n": next(_numbers)}


async def forget_usage(stage: Stage, state: State, resources: Resources) -> State:
    reply = await resources.chat.complete(REQUEST)
    return state.with_response(answer=reply.text)


async def ask_twice(stage: Stage, state: State, resources: Resources) -> State:
    for _ in range(2):
        state = state.with_step("ask", (await resources.chat.complete(REQUEST)).usage)
    return state


def other_question(state: State) -> State:
    return replace(state, question=Question("x", "Something else?"))


BROKEN: list[tuple[Any, str]] = [
    ("Retrieve", "stage: found a str, expected a Stage"),
    (NoDataclass(), "NoDataclass: found a class that is not a dataclass"),
    (Listed(names=["a"]), "Listed: has no hash"),
    (broken(spec=changing_spec), "found two different specs"),
    (broken(calls=lambda stage, generate, before: Calls(2, 1)), "calls(True): found 2 to 1"),
    (broken(lambda state: None), "found a NoneType, expected a State"),
    (broken(lambda state: 1 / 0), "raised ZeroDivisionError"),
    (broken(other_question), "found another question"),
    (broken(lambda state: replace(state, generate=not state.generate)), "found generate=False"),
    (broken(lambda state: replace(state, queries=())), "found no query"),
    (broken(lambda state: state.with_response(hits=("a",), context=())), "hit 0: found a str, expected a Hit"),
    (
        broken(lambda state: state.with_response(context=(99,))),
        "context: found (99,), expected positions in its 5 hits",
    ),
    (broken(lambda state: state.with_response(citations=(-1,))), "citations: found (-1,)"),
    (broken(lambda state: state.with_response(answer=5)), "answer: found a int"),
    (broken(lambda state: replace(state, response="yes")), "found a str, expected a Response"),
    (broken(lambda state: state.with_response(usage=Usage(calls=1))), "expected what the calls used"),
]


def test_broken_stages_that_ask_models() -> None:
    for run, problem in (
        (forget_usage, "expected what the calls used"),
        (ask_twice, "made 2 calls, expected at most 1"),
    ):
        stage = broken(
            needs=lambda stage, generate: frozenset({"chat"}), calls=lambda stage, generate, before: Calls(0, 1)
        )
        type(stage).run = run
        with pytest.raises(AssertionError) as caught:
            check_stage(stage)
        assert problem in str(caught.value)
    stage = broken()
    type(stage).run = forget_usage
    with pytest.raises(AssertionError, match=r"raised DeclarationError \(this pipeline needs a chat model"):
        check_stage(stage)


@pytest.mark.parametrize(("stage", "problem"), BROKEN, ids=[problem for _, problem in BROKEN])
def test_a_broken_stage_is_told_what_is_wrong(stage: Any, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_stage(stage)
    assert problem in str(caught.value)
