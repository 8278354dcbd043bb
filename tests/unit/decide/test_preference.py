"""What preferences come to: worked counts, shares and tests, and what is not asked at all."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

from rageval.decide.preference import PreferResult, prefer
from rageval.errors import DeclarationError, ExecutionError, ModelError, NotComparableError
from rageval.io.records import Outcome
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import UNANSWERABLE, Question, Response, Usage
from tests.unit.answered import (
    FAILED,
    NOT_GENERATED,
    SILENT,
    always_first,
    by_goodness,
    choosing,
    shown,
    write_answers,
)
from tests.unit.scripts import one_token


def ask(
    folder: Path, before: list[Any], after: list[Any], chat: ScriptedChat | None = None, **changes: Any
) -> PreferResult:
    a, b = write_answers(folder / "a", before, **changes), write_answers(folder / "b", after, **changes)
    return prefer(a, b, chat or ScriptedChat(choosing(by_goodness)), folder / "out")


def answers(*goodness: int) -> list[Any]:
    return [f"good {number}" for number in goodness]


def counts(result: PreferResult) -> tuple[int, int, int, int]:
    return result.count("win"), result.count("tie"), result.count("loss"), result.abstained


def test_six_wins_three_ties_one_loss(tmp_path: Path) -> None:
    """Win share (6 + 3/2) / 10. Sign test: 2 P(at most 1 of 7 fair coins) = 2 (1 + 7) / 128."""
    result = ask(tmp_path, answers(*[1] * 6, *[5] * 3, 2), answers(*[2] * 6, *[5] * 3, 1))
    assert counts(result) == (6, 3, 1, 0)
    assert result.how == {"both orders agree": 7, "same answer": 3}
    assert result.win_share is not None
    assert result.win_share.point == pytest.approx(0.75)
    assert 0.4 < result.win_share.low < 0.6 < 0.85 < result.win_share.high < 1.0
    assert result.p_value == pytest.approx(0.125)
    assert result.verdict == "cannot be told apart"
    assert result.sentence.startswith("no preference can be told: candidate wins 75.0% [")
    assert result.sentence.endswith("] of 10 questions, ties counting half (judge only, uncorrected)")
    assert (result.usage, result.n) == (Usage(calls=14), 10)


@pytest.mark.parametrize(
    ("wins", "losses", "verdict", "p"),
    [
        (9, 0, "candidate preferred", 2 / 2**9),
        (0, 9, "baseline preferred", 2 / 2**9),
        (5, 0, "cannot be told apart", 2 / 2**5),
        (0, 0, "cannot be told apart", 1.0),
    ],
)
def test_verdicts(wins: int, losses: int, verdict: str, p: float, tmp_path: Path) -> None:
    result = ask(tmp_path, answers(*[1] * wins, *[2] * losses, 7), answers(*[2] * wins, *[1] * losses, 7))
    assert (result.verdict, result.p_value) == (verdict, pytest.approx(p))
    start = {"candidate preferred": "candidate is preferred: it wins", "baseline preferred": "baseline is preferred: "}
    assert str(result).startswith(start.get(verdict, "no preference can be told: candidate wins"))


def test_the_other_way_round_is_the_mirror_image_and_costs_the_same_calls(tmp_path: Path) -> None:
    a, b = write_answers(tmp_path / "a", answers(1, 1, 1, 4)), write_answers(tmp_path / "b", answers(2, 2, 2, 3))
    first, second = ScriptedChat(choosing(by_goodness)), ScriptedChat(choosing(by_goodness))
    there, back = prefer(a, b, first, tmp_path / "out"), prefer(b, a, second, tmp_path / "out")
    assert there.win_share is not None
    assert back.win_share is not None
    assert (there.win_share.point, back.win_share.point) == (0.75, 0.25)
    assert there.win_share.low == pytest.approx(1 - back.win_share.high, abs=0.01)
    assert there.p_value == back.p_value
    assert {r.messages for r in first.requests} == {r.messages for r in second.requests}
    assert there.key != back.key


def test_a_model_that_always_takes_the_first_prefers_nobody(tmp_path: Path) -> None:
    """4 of 4: all ties, and the lower bound is the 2.5% quantile of Beta(4, 0.75)."""
    result = ask(tmp_path, answers(1, 2, 3, 4), answers(2, 3, 4, 5), ScriptedChat(choosing(always_first)))
    assert counts(result) == (0, 4, 0, 0)
    assert result.how == {"the order decides": 4}
    assert result.for_first == 4
    bias = result.position_bias
    assert bias is not None
    assert (bias.point, bias.low, bias.high, bias.n) == (1.0, pytest.approx(beta(4, 0.75).ppf(0.025)), 1.0, 4)
    assert result.win_share is not None
    assert (result.win_share.point, result.p_value) == (0.5, 1.0)


def test_position_bias_is_of_the_pairs_that_were_asked_about(tmp_path: Path) -> None:
    """Of four pairs one has equal answers; of the other three the order decides one, for the second."""

    def choose(first: str, second: str) -> str:
        return "2" if "good 9" in (first, second) else by_goodness(first, second)

    result = ask(tmp_path, answers(1, 4, 9, 7), answers(2, 3, 8, 7), ScriptedChat(choosing(choose)))
    assert counts(result) == (1, 2, 1, 0)
    assert result.position_bias is not None
    assert (result.position_bias.point, result.position_bias.n) == (pytest.approx(1 / 3), 3)
    assert result.for_first == 0


@pytest.mark.parametrize(
    ("p_first", "outcome", "how", "kept"),
    [
        ((0.3, 0.9), "win", "both orders agree", (0.7, 0.9)),
        ((0.9, 0.2), "loss", "both orders agree", (0.1, 0.2)),
        ((0.9, 0.6), "tie", "the order decides", (0.1, 0.6)),
        ((0.5, 0.5), "tie", "the order decides", (0.5, 0.5)),
        ((0.2, 0.4), "tie", "the order decides", (0.8, 0.4)),
    ],
)
def test_both_orders(
    p_first: tuple[float, float], outcome: str, how: str, kept: tuple[float, float], tmp_path: Path
) -> None:
    """Probabilities that the answer shown first is better: with the baseline's first, with the candidate's first."""

    def reply(request: ChatRequest) -> ChatReply:
        p = p_first[0] if shown(request.messages[-1].content)[0] == "good 1" else p_first[1]
        return one_token("1" if p >= 0.5 else "2", ("1", math.log(p)), ("2", math.log(1 - p)))

    (one,) = ask(tmp_path, answers(1), answers(2), ScriptedChat(reply)).preferences
    assert (one.outcome, one.how) == (outcome, how)
    assert one.probabilities == pytest.approx(kept, abs=1e-6)
    assert one.for_first == (p_first in ((0.9, 0.6), (0.5, 0.5)))


UNANSWERABLE_ONE = {0: Question("q000", "Who painted it?", tags=(UNANSWERABLE,))}
EMPTY = Response(answer=" ")
ANSWER = Response(answer="good 1")


@pytest.mark.parametrize(
    ("before", "after", "answerable", "unanswerable"),
    [
        (SILENT, ANSWER, "win", "loss"),
        (ANSWER, SILENT, "loss", "win"),
        (FAILED, ANSWER, "win", "win"),
        (ANSWER, EMPTY, "loss", "loss"),
        (SILENT, SILENT, "tie", "tie"),
        (SILENT, FAILED, "tie", "loss"),
        (EMPTY, SILENT, "tie", "win"),
        (FAILED, EMPTY, "tie", "tie"),
        (ANSWER, ANSWER, "tie", "tie"),
        (ANSWER, Response(answer="good 1\n"), "tie", "tie"),
    ],
)
def test_who_says_nothing(before: Outcome, after: Outcome, answerable: str, unanswerable: str, tmp_path: Path) -> None:
    chat = ScriptedChat(lambda request: AssertionError("nothing is to be asked"))
    (plain,) = ask(tmp_path / "1", [before], [after], chat).preferences
    (odd,) = ask(tmp_path / "2", [before], [after], chat, questions=UNANSWERABLE_ONE).preferences
    assert (plain.outcome, odd.outcome) == (answerable, unanswerable)
    assert plain.probabilities is None


def test_what_cannot_be_read_is_no_verdict_and_in_no_number(tmp_path: Path) -> None:
    """Garbage in either order; the others are a win and a tie: (1 + 1/2) / 2."""

    def choose(first: str, second: str) -> Any:
        if first == "good 3":
            return "both are fine"
        return ExecutionError("timed out") if second == "good 5" else by_goodness(first, second)

    result = ask(tmp_path, answers(1, 2, 3, 4), answers(2, 2, 4, 5), ScriptedChat(choosing(choose)))
    assert counts(result) == (1, 1, 0, 2)
    assert (result.n, sum(result.how.values())) == (2, 4)
    assert [(one.reason, one.raw) for one in result.preferences if one.outcome is None] == [
        ("neither 1 nor 2", "both are fine"),
        ("the judge's call failed: timed out", ""),
    ]
    assert result.win_share is not None
    assert result.win_share.point == pytest.approx(0.75)
    assert result.position_bias is not None
    assert (result.position_bias.point, result.position_bias.n) == (0.0, 1)


def test_no_verdict_at_all(tmp_path: Path) -> None:
    result = ask(tmp_path, answers(1), answers(2), ScriptedChat(lambda request: "?"))
    assert (result.win_share, result.p_value, result.position_bias) == (None, None, None)
    assert str(result) == "no preference can be told: no question has a verdict"
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["win_share"] is None


def test_what_was_said_is_not_asked_again(tmp_path: Path) -> None:
    chat = ScriptedChat(choosing(by_goodness))
    first = ask(tmp_path, answers(1, 2), answers(2, 1), chat)
    assert first.path == tmp_path / "out" / "preferences" / f"{first.key}.json"
    again = prefer(tmp_path / "a", tmp_path / "b", ScriptedChat(lambda request: AssertionError()), tmp_path / "out")
    assert again == first
    assert len(chat.requests) == 4


def test_what_has_no_verdict_is_asked_again(tmp_path: Path) -> None:
    ask(tmp_path, answers(1, 2), answers(2, 1), ScriptedChat(lambda request: ExecutionError("timed out")))
    again = prefer(tmp_path / "a", tmp_path / "b", ScriptedChat(choosing(by_goodness)), tmp_path / "out")
    assert counts(again) == (1, 0, 1, 0)


def test_other_answers_another_model_are_another_question(tmp_path: Path) -> None:
    first = ask(tmp_path / "1", answers(1), answers(2))
    keys = {
        first.key,
        ask(tmp_path / "2", answers(1), answers(3)).key,
        ask(tmp_path / "3", answers(1), answers(2), ScriptedChat(choosing(by_goodness), identity="other")).key,
    }
    assert len(keys) == 3
    assert ask(tmp_path / "4", answers(1), answers(2)).key == first.key


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', '{"format": 2, "preferences": [{}], "usage": {}}'])
def test_a_damaged_file_is_told(content: str, tmp_path: Path) -> None:
    path = ask(tmp_path, answers(1), answers(2)).path
    path.write_text(content, "utf-8")
    with pytest.raises(DeclarationError, match="found no preferences"):
        prefer(tmp_path / "a", tmp_path / "b", ScriptedChat(choosing(by_goodness)), tmp_path / "out")


def test_preferences_of_another_version_are_told(tmp_path: Path) -> None:
    path = ask(tmp_path, answers(1), answers(2)).path
    path.write_text('{"format": 1}', "utf-8")
    with pytest.raises(DeclarationError, match=r"json: found format 1, expected 2: delete it and ask again"):
        prefer(tmp_path / "a", tmp_path / "b", ScriptedChat(choosing(by_goodness)), tmp_path / "out")


def test_a_model_that_refuses_stops_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        ask(tmp_path, answers(1, 2), answers(2, 1), ScriptedChat(lambda request: ModelError("no such model")))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    good = write_answers(tmp_path / "good", answers(1, 2))
    chat = ScriptedChat(choosing(by_goodness))
    other = {"name": "small", "content_hash": "b" * 64, "corpus": "e" * 64}
    write_answers(tmp_path / "other", answers(1, 2), benchmark=other)
    write_answers(tmp_path / "running", answers(1, 2), status="running")
    write_answers(tmp_path / "retrieved", [NOT_GENERATED, NOT_GENERATED])
    lost = write_answers(tmp_path / "lost", answers(1, 2)) / "responses.jsonl"
    lost.write_text(lost.read_text("utf-8").splitlines(keepends=True)[0], "utf-8")
    told = {
        "other": "found another corpus",
        "running": "the run is not finished",
        "retrieved": "found no answers, expected a run that generates",
        "lost": "found no response to 'q001'",
        "nowhere": "found neither a run folder nor a baseline",
    }
    for name, problem in told.items():
        for sides in ((good, tmp_path / name), (tmp_path / name, good)):
            with pytest.raises(NotComparableError, match=problem):
                prefer(*sides, chat, tmp_path / "out")
    assert chat.requests == []


def test_json(tmp_path: Path) -> None:
    result = ask(tmp_path, answers(1, 2, 3), answers(2, 1, 3))
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert {k: data[k] for k in ("questions", "n", "wins", "ties", "losses", "abstained", "p_value", "verdict")} == {
        "questions": 3, "n": 3, "wins": 1, "ties": 1, "losses": 1, "abstained": 0, "p_value": 1.0,
        "verdict": "cannot be told apart",
    }  # fmt: skip
    assert data["judge"] == {"key": result.key, "model": "scripted"}
    assert data["position_bias"]["for_first"] == 0
    assert data["preferences"][0] == {
        "question_id": "q000", "outcome": "win", "how": "both orders agree", "probabilities": [1.0, 1.0],
        "reason": "", "raw": "",
    }  # fmt: skip
