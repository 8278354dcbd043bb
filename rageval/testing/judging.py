"""Does a judge, does a metric keep its protocol?"""

from __future__ import annotations

import asyncio
import inspect

from rageval.errors import ExecutionError
from rageval.judges import CustomJudge, EmbeddingJudge, Item, Judge, Judged, judge_key
from rageval.judges.asking import ATTEMPTS
from rageval.metrics.custom import CustomMetric, check_custom_metric
from rageval.models.base import ChatModel
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.models.wrapped import MeteredChat
from rageval.prompts import load_prompt
from rageval.testing.expect import expect, expect_number, expect_stable, expect_text, expect_type
from rageval.testing.samples import sample_benchmark, sample_grades, sample_responses
from rageval.types import Abstained, Graded, Question, Response, Unscored


def check_judge(judge: Judge | CustomJudge, chat: ChatModel | None = None) -> None:
    """Raises AssertionError where the judge does not keep the protocol `Judge`.

    `chat` is the model that it asks, by default one that says yes to everything. Checked are: name, summary and
    prompts; verdicts on responses of every kind, in English and Chinese, with grades that are finite (from 0 to 1 for a
    judge of your own); and that it makes no more calls than it says, twice that where replies cannot be read. A
    `CustomJudge` may raise where a model fails, and what calls cost is counted for it; any other judge counts them, and
    a reply that it cannot read, and a call that fails, are an `Abstained` and no exception.
    """
    expect_text(judge.name, "name")
    expect_text(judge.summary, "summary")
    for prompt in judge.prompts:
        try:
            load_prompt(prompt)
        except OSError:
            raise AssertionError(
                f"{judge.name}: prompts: found {prompt!r}, expected prompts of rageval: write your own in your code"
            ) from None
    expect(
        inspect.iscoroutinefunction(judge.judge),
        f"{judge.name}: found a plain `def judge`, expected `async def judge`",
    )
    if isinstance(judge, EmbeddingJudge):
        judge = judge.with_embedder(HashEmbedder())
    if not isinstance(judge, CustomJudge):
        expect_stable(lambda: judge_key(judge, None), f"{judge.name}: key")
    for passages in range(6):
        low, high = judge.calls(passages)
        expect(
            0 <= low <= high,
            f"{judge.name}: calls({passages}) returned ({low}, {high}), expected at least and at most, from 0",
        )
    models: dict[str, ChatModel] = {"a model that says yes": chat or ScriptedChat(lambda request: "yes")}
    if not isinstance(judge, CustomJudge):
        models["a reply that cannot be read"] = ScriptedChat(lambda request: "?!")
        models["a model that fails"] = ScriptedChat(lambda request: ExecutionError("out of order"))
    for question in sample_benchmark().questions:
        for what, response in sample_responses(question).items():
            if isinstance(judge, CustomJudge) and judge.reads_answers and (response.abstained or not response.answer):
                continue
            for whom, model in models.items():
                asyncio.run(_judge(judge, question, response, model, f"{judge.name}: {what}, {whom}"))


async def _judge(
    judge: Judge | CustomJudge, question: Question, response: Response, chat: ChatModel, case: str
) -> None:
    metered = MeteredChat(chat)
    try:
        judged: object = await judge.judge(question, response, metered)
    except Exception as error:
        raise AssertionError(f"{case}: raised {type(error).__name__} ({error}), expected Judged") from error
    found = expect_type(judged, Judged, case)
    _, high = judge.calls(len(response.context))
    expect(
        metered.asked <= ATTEMPTS * high,
        f"{case}: made {metered.asked} calls, expected at most {high}, as `calls` says, and one more for each whose "
        "reply cannot be read",
    )
    if not isinstance(judge, CustomJudge):
        expect(found.usage == metered.usage, f"{case}: found {found.usage}, expected what was used, {metered.usage}")
    for item in found.items:
        _check_item(item, isinstance(judge, CustomJudge), case)


def _check_item(item: object, custom: bool, case: str) -> None:
    item = expect_type(item, Item, f"{case}: items")
    expect_text(item.item, f"{case}: item")
    expect_number(item.index, f"{case}: index", 0, float("inf"))
    expect_type(item.text, str, f"{case}: text")
    verdict: object = item.verdict
    if isinstance(verdict, Abstained):
        expect_text(verdict.reason, f"{case}: the reason of an Abstained")
        return
    graded = expect_type(verdict, Graded, f"{case}: verdict")
    low, high = (0.0, 1.0) if custom else (float("-inf"), float("inf"))
    expect_number(graded.grade, f"{case}: grade", low, high)
    if graded.probability is not None:
        expect_number(graded.probability, f"{case}: probability", 0.0, 1.0)


def check_metric(metric: CustomMetric) -> None:
    """Raises AssertionError where the metric does not keep its protocol, `CustomMetric`.

    Checked are, on responses of every kind in English and Chinese: that `score` returns a number from `worst` to `best`
    or `Unscored` with a reason, and never raises; that it returns the same when it is asked again; that it leaves the
    grades as they are; and that it has a score for one of them at least.
    """
    try:
        check_custom_metric(metric, "metric")
    except Exception as error:
        raise AssertionError(str(error)) from error
    scored = 0
    for question in sample_benchmark().questions:
        grades = sample_grades(question)
        if (metric.needs_labels and not grades) or (metric.needs_reference and not question.references):
            continue
        for what, response in sample_responses(question).items():
            if metric.reads_answers and response.answer is None:
                continue
            case = f"{metric.name}: {what} to {question.text!r}"
            first, second = (_score(metric, question, response, grades, case) for _ in range(2))
            expect(first == second, f"{case}: found {first!r} and then {second!r}, expected the same number again")
            expect(grades == sample_grades(question), f"{case}: changed the grades, expected them as they were")
            scored += not isinstance(first, Unscored)
    expect(scored > 0, f"{metric.name}: found no score for any response, expected at least one")


def _score(
    metric: CustomMetric, question: Question, response: Response, grades: dict[str, int], case: str
) -> float | Unscored:
    try:
        found: object = metric.score(question, response, grades)
    except Exception as error:
        raise AssertionError(
            f"{case}: raised {type(error).__name__} ({error}), expected a number or Unscored(reason)"
        ) from error
    if isinstance(found, Unscored):
        expect_text(found.reason, f"{case}: the reason of Unscored")
        return found
    return expect_number(found, case, min(metric.worst, metric.best), max(metric.worst, metric.best))
