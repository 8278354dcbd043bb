from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import rageval
from rageval import DeclarationError, Document, Question, RelevanceLabel, Response
from rageval.generation import AnswerFromMemory
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Pipeline
from rageval.retrieval import Retrieve
from rageval.types import Hit, Passage
from tests.flow.small_world import scripted_reply, write_benchmark

BENCHMARK = rageval.benchmark_from_records(
    "peaks",
    [
        Document("arlen", "Mount Arlen is 2310 metres high."),
        Document("brone", "The river Brone is 95 kilometres long."),
    ],
    [Question("q1", "How high is Mount Arlen?"), Question("q2", "How long is the river Brone?")],
    [RelevanceLabel("q1", "arlen", 1), RelevanceLabel("q2", "brone", 1)],
)


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., rageval.Result]:
    """`rageval.evaluate` with models that need no weights, into a fresh folder."""
    return partial(rageval.evaluate, chat=ScriptedChat(scripted_reply), embed=HashEmbedder(), out=tmp_path / "out")


Evaluate = Callable[..., rageval.Result]


def found(*names: str) -> Response:
    return Response(hits=tuple(Hit(Passage(name, 0, 5, "words"), 1.0) for name in names))


def test_a_function_of_ones_own(evaluate: Evaluate) -> None:
    def always_arlen(question: Question) -> Response:
        return found("arlen", "brone")

    result = evaluate(BENCHMARK, [always_arlen], ["mrr", "hit_rate@1"])
    mrr, hit_rate = result["always_arlen"]["mrr"], result["always_arlen"]["hit_rate@1"]
    assert mrr
    assert hit_rate
    assert (mrr.point, mrr.n) == (0.75, 2)
    assert (hit_rate.point, hit_rate.method) == (0.5, "wilson")
    assert str(result).startswith("| rank | pipeline | mrr | hit_rate@1 | failed |")
    assert "| 1 | always_arlen | 0.750 [" in str(result)
    (run,) = result.runs
    assert run.is_dir()
    with pytest.raises(KeyError, match="always_arlen"):
        result["naive"]


def test_async_and_failing_functions(evaluate: Evaluate) -> None:
    async def waits(question: Question) -> str:
        await asyncio.sleep(0)
        return "An answer."

    def breaks(question: Question) -> str:
        if question.id == "q1":
            raise KeyError("lost")
        return "An answer."

    result = evaluate(BENCHMARK, [waits, breaks], ["answer_relevance"])
    failed = {row.label: row.failed for row in result.leaderboard.rows}
    assert failed == {"waits": 0, "breaks": 1}
    broken, whole = result["breaks"]["answer_relevance"], result["waits"]["answer_relevance"]
    assert broken
    assert whole
    assert broken.n == whole.n == 2
    assert (broken.failed, broken.point) == (1, whole.point - 0.5)


def test_everything_that_is_a_pipeline(evaluate: Evaluate) -> None:
    pipelines = [
        "oracle",
        {"naive": {"retriever": "bm25", "k": 1}},
        AnswerFromMemory(),
        Pipeline("mine", Retrieve("dense", k=1)),
        lambda question: found("brone"),
    ]
    result = evaluate(BENCHMARK, pipelines, ["recall@1"])
    labels = ["oracle", "naive(retriever=bm25, k=1)", "AnswerFromMemory", "mine", "<lambda>"]
    assert {row.label for row in result.leaderboard.rows} == set(labels)
    assert len(set(result.runs)) == len(result.runs) == 5
    points = {label: mean.point if (mean := result[label]["recall@1"]) else None for label in labels}
    assert points == {
        "oracle": 1.0,
        "naive(retriever=bm25, k=1)": 1.0,
        "AnswerFromMemory": None,
        "mine": 1.0,
        "<lambda>": 0.5,
    }


def test_inside_a_running_event_loop(evaluate: Evaluate) -> None:
    async def notebook() -> rageval.Result:
        return evaluate(BENCHMARK, ["oracle"], ["map"])

    inside = asyncio.run(notebook())
    assert str(inside) == str(evaluate(BENCHMARK, ["oracle"], ["map"]))

    async def wrong() -> None:
        evaluate(BENCHMARK, ["oracle"], ["maps"])

    with pytest.raises(DeclarationError, match="unknown metric 'maps'"):
        asyncio.run(wrong())


def test_what_was_done_is_not_done_again(evaluate: Evaluate) -> None:
    asked: list[str] = []

    def system(question: Question) -> Response:
        asked.append(question.id)
        return found("arlen")

    first = evaluate(BENCHMARK, [system], ["map"])
    second = evaluate(BENCHMARK, [system], ["map", "mrr"])
    assert sorted(asked) == ["q1", "q2"]
    assert second.runs == first.runs


def test_a_benchmark_by_path_and_chosen_questions(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate(write_benchmark(tmp_path / "small"), ["oracle"], ["map"], questions=["en-1", "zh-1"])
    assert (result.leaderboard.benchmark, result.leaderboard.questions) == ("small", 2)
    sampled = evaluate(tmp_path / "small", ["oracle"], ["map"], questions=4, seed=3)
    assert sampled.leaderboard.questions == 4


def test_a_judge_of_its_own(evaluate: Evaluate) -> None:
    writer, critic = ScriptedChat(scripted_reply, "writer"), ScriptedChat(scripted_reply, "critic")
    result = evaluate(BENCHMARK, ["closed_book"], ["answer_relevance"], chat=writer, judge=critic)
    assert result.leaderboard.models == {"chat": "writer", "judge": "critic"}
    assert {request.prompt.partition("/")[0] for request in writer.requests} == {"answer_from_memory"}
    assert {request.prompt.partition("/")[0] for request in critic.requests} == {"answer_relevance"}


@pytest.mark.parametrize(
    ("pipelines", "metrics", "told"),
    [
        ([], ["map"], "found no pipelines or no metrics"),
        (["oracle"], [], "found no pipelines or no metrics"),
        (["oracle", "oracle"], ["map"], "found oracle twice"),
        (["oracle", {"oracle": {"k": 5}}], ["map"], r"found oracle and oracle\(k=5\), which are the same"),
        (["orakel"], ["map"], "did you mean oracle"),
        ([3], ["map"], "found a int, expected a pipeline, name or function"),
        (["oracle"], ["map", "AP"], "found map twice"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    pipelines: list[object], metrics: list[str], told: str, evaluate: Evaluate, tmp_path: Path
) -> None:
    with pytest.raises(DeclarationError, match=told):
        evaluate(BENCHMARK, pipelines, metrics)
    assert not (tmp_path / "out").exists()
