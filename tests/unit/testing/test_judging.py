"""The conformance tests of judges and metrics pass what is sound, and say of each broken one what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import JUDGES, CustomJudge, Item, Judge, Judged, Rubric
from rageval.judges.rubric import Wording
from rageval.metrics.custom import CustomMetric
from rageval.models.base import ChatModel, ChatRequest, Message
from rageval.testing import check_judge, check_metric
from rageval.types import Abstained, Graded, Question, Response, Unscored

REQUEST = ChatRequest((Message("user", "Is it short?"),), "mine/en@1", max_tokens=4)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=list(JUDGES))
def test_the_judges_of_rageval_pass(judge: Judge) -> None:
    check_judge(judge)


def test_a_rubric_passes() -> None:
    check_judge(Rubric("custom.tone", {lang: Wording("Polite?", ("no", "yes")) for lang in ("en", "zh")}))


class Own(CustomJudge):
    """Is the answer short?"""

    name = "custom.own"

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return self.grade(float(len(response.answer or "") < 30), response)


class Asks(Own):
    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        try:
            reply = await chat.complete(REQUEST)
        except ExecutionError as error:
            return Judged((Item("answer", 0, response.answer or "", Abstained(str(error))),))
        return self.grade(float(reply.text == "yes"), response)


def test_judges_of_ones_own_pass() -> None:
    check_judge(Own())
    check_judge(Asks())


def own(
    say: Callable[[Response], Any] = lambda response: Judged(), kind: type[Own] = Own, **changes: Any
) -> CustomJudge:
    """A judge that says so, with other attributes or methods."""

    class Broken(kind):
        """Is it broken?"""

        async def judge(self, question: Question, response: Response, chat: ChatModel) -> Any:
            return say(response)

    for name, value in changes.items():
        setattr(Broken, name, value)
    return Broken()


def says(verdict: Any, item: Any = "answer", index: Any = 0, text: Any = "x") -> Callable[[Response], Judged]:
    return lambda response: Judged((Item(item, index, text, verdict),))


def raises(response: Response) -> Judged:
    raise KeyError("no such thing")


async def asks_thrice(self: object, question: Question, response: Response, chat: ChatModel) -> Judged:
    for _ in range(3):
        await chat.complete(REQUEST)
    return Judged()


async def asks_once(self: object, question: Question, response: Response, chat: ChatModel) -> Judged:
    await chat.complete(REQUEST)
    return Judged()


class ForgetsUsage:
    """Of rageval's own protocol, whose usage the judge itself returns."""

    name = "forgets"
    summary = "Is it forgotten?"
    prompts = ()

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        with suppress(ExecutionError):
            await chat.complete(REQUEST)
        return Judged()


class Raises(ForgetsUsage):
    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return Judged((), (await chat.complete(REQUEST)).usage)


BROKEN_JUDGES: list[tuple[Judge | CustomJudge, str]] = [
    (own(name=""), "name: found an empty text"),
    (own(name=None), "name: found a NoneType"),
    (own(summary=""), "summary: found an empty text"),
    (own(prompts=("no_such_prompt",)), "prompts: found 'no_such_prompt'"),
    (own(judge=lambda self, question, response, chat: Judged()), "found a plain `def judge`"),
    (own(calls=lambda self, passages: (2, 1)), "calls(0) returned (2, 1)"),
    (own(calls=lambda self, passages: (-1, 1)), "calls(0) returned (-1, 1)"),
    (own(lambda response: 0.5), "found a float, expected a Judged"),
    (own(lambda response: None), "found a NoneType, expected a Judged"),
    (own(raises), "raised KeyError ('no such thing'), expected Judged"),
    (own(lambda response: Judged(("x",))), "items: found a str, expected a Item"),  # type: ignore[arg-type]
    (own(says(Graded(1.5))), "grade: found 1.5, expected a finite number from 0 to 1"),
    (own(says(Graded(math.nan))), "grade: found nan"),
    (own(says(Graded(1.0, probability=2.0))), "probability: found 2.0"),
    (own(says(0.5)), "verdict: found a float, expected a Graded"),
    (own(says(Abstained(""))), "the reason of an Abstained: found an empty text"),
    (own(says(Graded(1.0), item="")), "item: found an empty text"),
    (own(says(Graded(1.0), index=-1)), "index: found -1"),
    (own(says(Graded(1.0), text=None)), "text: found a NoneType"),
    (own(judge=asks_once), "made 1 calls, expected at most 0"),
    (own(judge=asks_thrice, kind=Asks), "made 3 calls, expected at most 1"),
    (Raises(), "a model that fails: raised ExecutionError"),
    (ForgetsUsage(), "expected what was used"),
]


@pytest.mark.parametrize(("judge", "problem"), BROKEN_JUDGES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_judge_is_told_what_is_wrong(judge: Judge, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_judge(judge)
    assert problem in str(caught.value)


class FirstGrade(CustomMetric):
    """The grade of the first hit's document / 2."""

    name = "metric.first_grade"
    best = 2
    reads_answers = False
    needs_labels = True

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float | Unscored:
        if not response.hits:
            return Unscored("nothing was retrieved")
        return max(0, grades.get(response.hits[0].passage.doc_id, 0))


def metric(score: Callable[[Response, Any], Any], **declared: Any) -> CustomMetric:
    class Broken(FirstGrade):
        def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> Any:
            return score(response, grades)

    broken = Broken()
    for name, value in declared.items():
        setattr(broken, name, value)
    return broken


def counting() -> Callable[[Response, Any], float]:
    seen: list[int] = []

    def score(response: Response, grades: Any) -> float:
        seen.append(1)
        return len(seen) / 1000

    return score


BROKEN_METRICS: list[tuple[CustomMetric, str]] = [
    (metric(lambda r, g: 1, name="first_grade"), "found 'first_grade' as the name"),
    (metric(lambda r, g: 1, worst=2), "found worst 2 and best 2"),
    (metric(lambda r, g: 3), "found 3, expected a finite number from 0 to 2"),
    (metric(lambda r, g: math.nan), "found nan"),
    (metric(lambda r, g: None), "found None"),
    (metric(lambda r, g: 1 / len(r.hits)), "raised ZeroDivisionError"),
    (metric(lambda r, g: len(r.answer), reads_answers=True), "found 27, expected a finite number"),
    (metric(lambda r, g: Unscored("never")), "found no score for any response"),
    (metric(lambda r, g: Unscored("")), "the reason of Unscored: found an empty text"),
    (metric(counting()), "expected the same number again"),
    (metric(lambda r, g: float(len(g) > 0 and g.popitem()[1] > 9)), "changed the grades"),
]


def test_a_sound_metric_passes() -> None:
    check_metric(FirstGrade())


@pytest.mark.parametrize(
    ("broken", "problem"), BROKEN_METRICS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_metric_is_told_what_is_wrong(broken: CustomMetric, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_metric(broken)
    assert problem in str(caught.value)
