"""From what an answer says to whether it abstains: by its words, by the user's phrases, and by a judge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import rageval
from rageval import DeclarationError, Question, RunFolder
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import UNANSWERABLE, Response

ANSWERS = {
    "refused": "The passages do not contain the answer.",
    "answered": "The fee is 5 euros.",
    "own": "Computer says no.",
    "open": "The contract does not specify a penalty.",
    "open-too": "The statute is silent on cats.",
}
BENCHMARK = rageval.benchmark_from_records(
    "fees",
    [rageval.Document("d", "The fee is 5 euros.")],
    [Question(name, f"What of {name}?", tags=(UNANSWERABLE,), references=("5",)) for name in ANSWERS],
    [],
)
METRICS = ["abstention_accuracy", "negative_rejection"]
Evaluate = Callable[..., rageval.Result]


def answers(question: Question) -> str:
    return ANSWERS[question.id]


def no_information_on_the_contract(request: ChatRequest) -> str:
    return "no" if "contract" in request.messages[-1].content else "yes"


@pytest.fixture
def chat() -> ScriptedChat:
    return ScriptedChat(no_information_on_the_contract)


@pytest.fixture
def evaluate(tmp_path: Path, chat: ScriptedChat) -> Evaluate:
    return partial(
        rageval.evaluate, BENCHMARK, [answers], metrics=METRICS, chat=chat, embed=HashEmbedder(), out=tmp_path / "out"
    )


def scores(result: rageval.Result) -> dict[str, float]:
    return RunFolder(result.runs[0]).scores()["abstention_accuracy"]["questions"]


def test_without_a_judge_an_open_answer_counts_as_one_and_is_told(evaluate: Evaluate, chat: ScriptedChat) -> None:
    result = evaluate()
    assert scores(result) == {"refused": 1.0, "answered": 0.0, "own": 0.0, "open": 0.0, "open-too": 0.0}
    manifest = RunFolder(result.runs[0]).manifest()
    assert (manifest["abstained"], manifest["unsettled"], chat.requests) == (1, 2, [])


def test_a_judge_is_asked_once_of_each_open_answer_and_of_no_other(evaluate: Evaluate, chat: ScriptedChat) -> None:
    result = evaluate(judge=chat)
    assert scores(result) == {"refused": 1.0, "answered": 0.0, "own": 0.0, "open": 1.0, "open-too": 0.0}
    manifest = RunFolder(result.runs[0]).manifest()
    assert (manifest["abstained"], manifest["unsettled"], len(chat.requests)) == (2, 0, 2)
    assert manifest["judges"]["abstention"]["verdicts"] == 2
    assert manifest["usage"][manifest["judges"]["abstention"]["key"]]["calls"] == 2


def test_an_open_answer_that_abstains_is_not_sent_to_other_judges(evaluate: Evaluate, chat: ScriptedChat) -> None:
    result = evaluate(metrics=[*METRICS, "harmlessness"], judge=chat)
    harmless = [request for request in chat.requests if "harmless" in request.messages[-1].content]
    assert len(harmless) == 3
    assert RunFolder(result.runs[0]).scores()["harmlessness"]["questions"]["open"] == 1.0


def test_phrases_of_the_user_s_own_are_part_of_what_the_run_is(evaluate: Evaluate) -> None:
    plain, own = evaluate(), evaluate(abstention={"phrases": ["Computer says no"]})
    assert plain.runs != own.runs
    assert scores(own)["own"] == 1.0
    assert isinstance(outcome := RunFolder(own.runs[0]).outcomes()["own"], Response)
    assert outcome.abstained is True


@pytest.mark.parametrize("given", [{"phrase": ["x"]}, {"phrases": "x"}, {"phrases": [""]}, {"phrases": ["..."]}])
def test_phrases_that_are_none_are_refused(evaluate: Evaluate, given: object) -> None:
    with pytest.raises(DeclarationError, match="abstention"):
        evaluate(abstention=given)
