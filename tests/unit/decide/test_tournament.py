"""Several runs compared pair by pair: worked shares, ranks, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.decide.tournament import prefer_all
from rageval.errors import NotComparableError
from rageval.models.scripted import ScriptedChat
from rageval.scores.reading import read_run_scores
from rageval.scores.run_scores import RunScores
from tests.unit.answered import by_goodness, choosing, write_answers

N = 12


def runs(folder: Path, *goodness: list[int]) -> list[RunScores]:
    return [
        read_run_scores(write_answers(folder / f"run{i}", [f"good {number}" for number in numbers]))
        for i, numbers in enumerate(goodness)
    ]


def test_three_runs_are_ranked(tmp_path: Path) -> None:
    """The second beats both others on every question; the first and the third are letter for letter the same."""
    chat = ScriptedChat(choosing(by_goodness))
    result = prefer_all(runs(tmp_path, [1] * N, [3] * N, [1] * N), chat, tmp_path / "out")
    assert [one.run.source for one in result.standings] == [str(tmp_path / f"run{i}") for i in (1, 0, 2)]
    assert [one.win_share.point for one in result.standings] == [1.0, 0.25, 0.25]
    assert [one.rank for one in result.standings] == [(1, 1), (2, 3), (2, 3)]
    best, other, _ = (one.strength for one in result.standings)
    assert best.low > 0.5 > other.high
    assert (result.n, result.without_verdict, len(chat.requests)) == (N, 0, 4 * N)
    assert [(match.count("win"), match.count("tie"), match.count("loss")) for match in result.matches] == [
        (N, 0, 0),
        (0, N, 0),
        (0, 0, N),
    ]
    again = ScriptedChat(choosing(by_goodness))
    assert prefer_all(runs(tmp_path, [1] * N, [3] * N, [1] * N), again, tmp_path / "out") == result
    assert not again.requests


def test_a_question_without_a_verdict_on_some_pair_is_left_out(tmp_path: Path) -> None:
    chat = ScriptedChat(choosing(lambda first, second: "?" if {first, second} == {"good 7", "good 8"} else "1"))
    result = prefer_all(runs(tmp_path, [7, 1, 1], [8, 2, 2], [9, 3, 3]), chat, tmp_path / "out")
    assert (result.n, result.without_verdict) == (2, 1)
    assert all(one.win_share.point == 0.5 for one in result.standings), "the order decides, which is a tie"
    assert all(one.rank == (1, 3) for one in result.standings)


def test_no_question_with_a_verdict_on_every_pair(tmp_path: Path) -> None:
    chat = ScriptedChat(choosing(lambda first, second: "?"))
    with pytest.raises(NotComparableError, match="a verdict on every pair"):
        prefer_all(runs(tmp_path, [1], [2], [3]), chat, tmp_path / "out")


def test_a_run_twice_is_refused(tmp_path: Path) -> None:
    (one, other) = runs(tmp_path, [1], [2])
    with pytest.raises(NotComparableError, match="found twice"):
        prefer_all([one, other, one], ScriptedChat(choosing(by_goodness)), tmp_path / "out")
