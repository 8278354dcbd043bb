"""Functions as pipelines."""

import asyncio
import threading
from typing import Any

import pytest

from rageval.errors import BudgetError, DeclarationError, ExecutionError, ModelError
from rageval.identity import fingerprint
from rageval.pipeline import Pipeline, Resources
from rageval.pipeline.function import System, function_pipeline
from rageval.types import Hit, Passage, Question, Response, Step, Usage

HITS = tuple(Hit(Passage(f"d{i}", 0, 4, "text"), 1.0 - i) for i in range(3))


def ask(pipeline: Pipeline) -> Response:
    return asyncio.run(asyncio.wait_for(pipeline.answer(Question("q", "Why?"), Resources(())), 30))


def returns(value: Any) -> Pipeline:
    return function_pipeline(lambda _: value)


def test_a_plain_function_may_return_a_text() -> None:
    def my_system(question: Question) -> str:
        return f"{question.text} Because."

    pipeline = function_pipeline(my_system)
    assert pipeline.label == "my_system"
    response = ask(pipeline)
    assert (response.answer, response.abstained, response.hits) == ("Why? Because.", False, ())
    assert response.latency_s > 0
    assert pipeline.stage.needs(generate=True) == frozenset()


def test_an_async_function_and_an_async_callable() -> None:
    async def my_system(question: Question) -> Response:
        await asyncio.sleep(0)
        return Response(answer="Because.")

    class Callable:
        async def __call__(self, question: Question) -> str:
            return "Because."

    assert ask(function_pipeline(my_system)).answer == "Because."
    assert ask(function_pipeline(Callable())).answer == "Because."
    assert function_pipeline(Callable()).label == "Callable"


def test_plain_functions_run_beside_each_other() -> None:
    """Each waits for the other: in one thread they would wait for ever."""
    barrier = threading.Barrier(2, timeout=20)

    def my_system(question: Question) -> str:
        barrier.wait()
        return "Because."

    async def both() -> None:
        pipeline = function_pipeline(my_system)
        await asyncio.gather(*(pipeline.answer(Question(q, "Why?"), Resources(())) for q in "ab"))

    asyncio.run(both())


def test_a_response_is_passed_on() -> None:
    given = Response(
        HITS, "Because.", context=(2, 0), citations=(2,), steps=(Step("mine"),), usage=Usage(calls=7), latency_s=99.0
    )
    response = ask(returns(given))
    assert (response.hits, response.context, response.citations) == (HITS, (2, 0), (2,))
    assert (response.steps, response.usage) == ((Step("mine"),), Usage(calls=7))
    assert response.latency_s < 99.0


@pytest.mark.parametrize(
    ("given", "context", "abstained"),
    [
        (Response(HITS, "Because."), (0, 1, 2), False),
        (Response(HITS, "I don't know."), (0, 1, 2), True),
        (Response(HITS, "Pass.", context=(1,), abstained=True), (1,), True),
        (Response(HITS, "I don't know is what the song is called.", abstained=False), (0, 1, 2), False),
        (Response(HITS, "不知道是歌名。", abstained=False), (0, 1, 2), False),
        (Response(HITS, "不知道。"), (0, 1, 2), True),
        (Response(HITS), (0, 1, 2), False),
        ("根据已知信息无法回答该问题。", (), True),
    ],
)
def test_context_is_all_hits_unless_given_and_abstentions_are_seen(
    given: Any, context: tuple[int, ...], abstained: bool
) -> None:
    response = ask(returns(given))
    assert (response.context, response.abstained) == (context, abstained)


def raises(error: BaseException, kind: str) -> Pipeline:
    def plain(question: Question) -> str:
        raise error

    async def coroutine(question: Question) -> str:
        raise error

    return function_pipeline(plain if kind == "plain" else coroutine)


both_kinds = pytest.mark.parametrize("kind", ["plain", "async"])


@both_kinds
@pytest.mark.parametrize("error", [KeyError("index"), TimeoutError(), ModelError("bad key"), BudgetError("spent")])
def test_what_it_raises_passes_through(error: Exception, kind: str) -> None:
    with pytest.raises(type(error)) as raised:
        ask(raises(error, kind))
    assert str(raised.value) == str(error)


@both_kinds
def test_a_declaration_error_in_it_does_not_stop_the_run(kind: str) -> None:
    with pytest.raises(ExecutionError, match=r"^DeclarationError: k: found 0$"):
        ask(raises(DeclarationError("k: found 0"), kind))


@pytest.mark.parametrize("error", [StopIteration("empty"), SystemExit(3)])
def test_what_cannot_leave_a_thread_is_an_error_all_the_same(error: BaseException) -> None:
    """StopIteration, from `next` of what has no more, would be waited for for ever."""
    with pytest.raises(ExecutionError, match=f"^{type(error).__name__}: "):
        ask(raises(error, "plain"))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "returned a NoneType, expected a Response or a str"),
        (42, "returned a int"),
        ({"answer": "x"}, "returned a dict"),
        (Response(HITS, context=(3,)), r"context: found \(3,\), expected positions in its 3 hits"),
        (Response(HITS, context=(-1,)), r"context: found \(-1,\), expected positions"),
        (Response((Hit(HITS[0].passage, float("nan")),)), "hit 0: found the score nan, expected a finite number"),
        (Response(HITS, citations=(5,)), r"citations: found \(5,\), expected positions in its 3 hits"),
        (Response(answer=5), "answer: found a int, expected a text or None"),  # type: ignore[arg-type]
        (Response(hits=("d1",)), "hit 0: found a str, expected a Hit"),  # type: ignore[arg-type]
        (Response(hits=7), "hits: found a int, expected a tuple"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_is_a_failure_that_says_what_it_was(value: Any, problem: str) -> None:
    with pytest.raises(ExecutionError, match=problem):
        ask(returns(value))


def test_the_code_of_a_function_is_in_its_fingerprint() -> None:
    def one(question: Question) -> str:
        return "one"

    assert fingerprint(function_pipeline(one).stage.spec()) == fingerprint(function_pipeline(one, "name").stage.spec())
    assert function_pipeline(one).stage.spec() != function_pipeline(lambda question: "two").stage.spec()


def test_functions_of_one_source_that_captured_other_values_differ() -> None:
    def make(k: int, rank: System) -> System:
        def system(question: Question) -> str:
            return f"{k}{rank(question)}"

        return system

    def one(question: Question) -> str:
        return "one"

    def other(question: Question) -> str:
        return "other"

    stages = [function_pipeline(make(*captured)).stage for captured in ((1, one), (2, one), (1, other), (1, one))]
    assert stages[0].spec() == stages[3].spec()
    assert len({fingerprint(stage.spec()) for stage in stages}) == 3
