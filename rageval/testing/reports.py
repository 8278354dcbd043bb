"""Does a report keep its protocol?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from rageval.decide.leaderboard import Leaderboard
from rageval.front import evaluate
from rageval.pipeline.function import function_pipeline
from rageval.testing.expect import expect
from rageval.testing.samples import sample_benchmark, sample_responses
from rageval.types import Question, Response


def check_report(report: Callable[[Leaderboard], str | bytes]) -> None:
    """Raises AssertionError where the report does not keep its protocol.

    It is called on the leaderboard of four pipelines: one that answers, one that retrieves nothing (so that its ranking
    metrics have no number and it has no rank), one that always fails, and one with a name in Chinese and with marks
    that mean something in Markdown and HTML. Checked are: that the report returns a text or bytes, the same at a second
    call; that a text leaves no pipeline out: the letters and digits of each name stand there.
    """
    board = sample_leaderboard()
    first, second = (_write(report, board) for _ in range(2))
    expect(first == second, "report: found another text at the second call, expected the same for the same leaderboard")
    if isinstance(first, bytes):
        return
    letters = _letters(first)
    for row in board.rows:
        expect(_letters(row.label) in letters, f"report: found no name of the pipeline {row.label!r}, expected it")


def sample_leaderboard() -> Leaderboard:
    """A leaderboard of runs made for the purpose, by the first metric, `ndcg@10`."""
    systems = {
        "answers": _answer,
        "retrieves_nothing": _retrieve_nothing,
        "fails": _fail,
        "朴素_<a|b>_*x*": _answer_rarely,
    }
    pipelines = [function_pipeline(system, name) for name, system in systems.items()]
    with TemporaryDirectory() as folder:
        metrics = ["ndcg@10", "answer_contains", "abstention_accuracy"]
        return evaluate(sample_benchmark(), pipelines, metrics, out=Path(folder), name="conformance").leaderboard


def _answer(question: Question) -> Response:
    return sample_responses(question)["an answer"]


def _retrieve_nothing(question: Question) -> Response:
    return sample_responses(question)["an answer without passages"]


def _answer_rarely(question: Question) -> Response:
    return sample_responses(question)["an answer" if question.language == "zh" else "an abstention"]


def _fail(question: Question) -> Response:
    raise ValueError("always")


def _write(report: Callable[[Leaderboard], str | bytes], board: Leaderboard) -> str | bytes:
    try:
        written = cast("object", report(board))
    except Exception as error:
        raise AssertionError(f"report: raised {type(error).__name__} ({error}), expected a text or bytes") from error
    if isinstance(written, str | bytes):
        expect(len(written) > 0, "report: found nothing, expected a text or bytes")
        return written
    raise AssertionError(f"report: found a {type(written).__name__}, expected a text or bytes")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
