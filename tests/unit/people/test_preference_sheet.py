"""The sheet on which people prefer an answer: blind, at random, and it comes back whole; and the share it corrects."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError, LabelFileError
from rageval.people.preference_sheet import read_preferences, write_preference_sheet
from rageval.scores.answer_pairs import AnswerPair, PreferenceOutcome, in_labelling_order
from rageval.scores.preference_labels import PreferenceLabel, labelled_share
from rageval.types import Failure, Question, Response
from tests.flow.judged_run import read_sheet


def pair(name: str, baseline: str = "old", candidate: str = "new") -> AnswerPair:
    return AnswerPair(Question(name, f"What is {name}?"), Response(answer=baseline), Response(answer=candidate))


PAIRS = [pair(f"q{i:03}", f"old {i}", f"new {i}") for i in range(200)]


def fill(path: Path, rows: list[dict[str, Any]], choose: dict[str, str]) -> None:
    """Prefer the answer with these first letters."""
    for row in rows:
        side = "left" if row["left"].startswith(choose[row["question_id"]]) else "right"
        row["preference"] = side
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_sheet_comes_back_as_what_was_preferred(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"sheet.{ending}"
    assert write_preference_sheet(PAIRS, 60, path) == 60
    rows = read_sheet(path)
    assert [row["question_id"] for row in rows] == [p.question.id for p in in_labelling_order(PAIRS)[:60]]
    left = [row["left"].startswith("new") for row in rows]
    assert 15 < sum(left) < 45, "the candidate is on the left at random"
    assert not any("candidate" in str(value) or "baseline" in str(value) for row in rows for value in row.values())
    preferred = {row["question_id"]: ("new", "old")[i % 2] for i, row in enumerate(rows)}
    if ending == "csv":
        for row in rows:
            row["preference"] = "left" if row["left"].startswith(preferred[row["question_id"]]) else "Right "
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        fill(path, rows, preferred)
    wins = {label.question_id for label in read_preferences(path, PAIRS) if label.outcome == "win"}
    assert wins == {question for question, side in preferred.items() if side == "new"}


def test_what_needs_nobody_is_not_asked(tmp_path: Path) -> None:
    pairs = [
        pair("a"),
        pair("b", "same", "same"),
        AnswerPair(Question("c", "?"), Response(answer="x"), Failure("E", "f")),
    ]
    assert write_preference_sheet(pairs, 3, tmp_path / "sheet.jsonl") == 1
    assert [row["question_id"] for row in read_sheet(tmp_path / "sheet.jsonl")] == ["a"]
    with pytest.raises(DeclarationError, match="expected 1 to 3"):
        write_preference_sheet(pairs, 4, tmp_path / "other.jsonl")
    with pytest.raises(DeclarationError, match="already there"):
        write_preference_sheet(pairs, 1, tmp_path / "sheet.jsonl")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question_id": "q000", "preference": "both"}, "found the preference 'both'"),
        ({"question_id": "q000", "preference": 1}, "found the preference"),
        ({"question_id": "q900", "preference": "tie"}, "found the question 'q900'"),
        ({"question_id": "q000", "preference": "left"}, "sheet of other answers"),
        ({"question_id": "q000", "preference": "left", "sample": "p123"}, "sheet of other answers"),
        ({"question_id": "q000", "preference": ""}, "found no preference"),
    ],
)
def test_refuses(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(LabelFileError) as raised:
        read_preferences(path, PAIRS)
    assert message in raised.value.problems[0]


def test_one_preference_by_each_annotator(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "question_id,preference,annotator\nq001,win,ann\nq001,loss,bob\nq001,candidate,ann\n", encoding="utf-8"
    )
    found = read_preferences(path, PAIRS)
    assert found == [PreferenceLabel("q001", "win", "ann"), PreferenceLabel("q001", "loss", "bob")]
    path.write_text("question_id,preference\nq001,win\nq001,loss\n", encoding="utf-8")
    with pytest.raises(LabelFileError) as raised:
        read_preferences(path, PAIRS)
    assert "another preference" in raised.value.problems[0]


def test_labels_of_chosen_questions_are_said_not_to_be_random() -> None:
    judged: dict[str, PreferenceOutcome | None] = {p.question.id: "win" for p in PAIRS}
    order = [p.question.id for p in in_labelling_order(PAIRS)]
    first = [PreferenceLabel(question, "tie") for question in order[:30]]
    assert labelled_share(PAIRS, judged, first).warning == ""
    chosen = labelled_share(PAIRS, judged, first[1:])
    assert chosen.warning.startswith("labels not known to be a random sample")
    assert chosen.labelled == 29


def test_settled_questions_of_the_sample_count_and_all_labels_are_the_mean() -> None:
    pairs = [pair(f"q{i:02}", "same", "same") if i % 2 else pair(f"q{i:02}") for i in range(40)]
    asked = [p.question.id for p in pairs if p.settled is None]
    judged: dict[str, PreferenceOutcome | None] = {p.question.id: "loss" if p.settled is None else "tie" for p in pairs}
    found = labelled_share(pairs, judged, [PreferenceLabel(question, "win") for question in asked])
    assert (found.labelled, found.settled) == (20, 20)
    assert found.share.point == pytest.approx((20 + 20 / 2) / 40)
    assert found.share == found.labels_only
    with pytest.raises(DeclarationError, match="expected questions that are compared"):
        labelled_share(pairs, judged, [PreferenceLabel("elsewhere", "win")])


def test_coverage_where_the_judge_favours_the_candidate() -> None:
    """Both are equally good to people; the judge calls half of the losses wins, and alone it misses."""
    rng = np.random.default_rng(20261130)
    order = [p.question.id for p in in_labelling_order(PAIRS)]
    outcomes: tuple[PreferenceOutcome, ...] = ("loss", "tie", "win")
    covered = alone = 0
    for _ in range(150):
        truth = rng.choice(3, 200, p=[0.4, 0.2, 0.4])
        seen = np.where((truth == 0) & (rng.random(200) < 1 / 2), 2, truth)
        judged: dict[str, PreferenceOutcome | None] = {q: outcomes[seen[i]] for i, q in enumerate(order)}
        found = labelled_share(
            PAIRS, judged, [PreferenceLabel(q, outcomes[truth[i]]) for i, q in enumerate(order[:40])]
        )
        covered += found.share.low <= 0.5 <= found.share.high
        alone += found.judge_only.low <= 0.5 <= found.judge_only.high
    assert covered / 150 >= 0.89
    assert alone / 150 < 0.2
