"""What a leaderboard says of metrics that see passages and of those that see documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.decide.leaderboard import Leaderboard
from rageval.report.passage_note import passage_notes
from rageval.testing.reports import sample_leaderboard


def board(run: Path, *metrics: str, start: int = 0, evidence: bool = True) -> Leaderboard:
    """One run with one question, whose only hit begins at `start`."""
    spans = [["d", 0, 5, ""]] if evidence else []
    (run / "questions.jsonl").write_text(json.dumps({"question_id": "q", "evidence": spans}) + "\n")
    hits = {"question_id": "q", "hits": [["d", start, 9, 1.0]]}
    (run / "responses.jsonl").write_text(
        json.dumps({"question_id": "p", "failure": {}}) + "\n" + json.dumps(hits) + "\n"
    )
    made = sample_leaderboard()
    return replace(made, metrics=metrics, rows=tuple(replace(row, path=run) for row in made.rows))


def test_the_note_says_which_metrics_see_what(tmp_path: Path) -> None:
    both = board(tmp_path, "ndcg@10", "recall@5", "evidence_recall@5", "faithfulness", start=3)
    assert passage_notes(both) == [
        "evidence_recall@5 see passages; ndcg@10, recall@5 see whole documents, whichever of their passages was found"
    ]
    (note,) = passage_notes(replace(both, metrics=("ndcg@10",)))
    assert note == (
        "ndcg@10 see whole documents, whichever of their passages was found; the labels mark spans, so that evidence "
        "metrics (evidence_recall@5) can see passages"
    )


@pytest.mark.parametrize(
    ("metrics", "start", "evidence"),
    [
        (("evidence_recall@5",), 3, True),
        (("ndcg@10",), 0, True),
        (("ndcg@10",), 3, False),
        (("faithfulness",), 3, True),
    ],
)
def test_no_note_where_there_is_nothing_to_tell_apart(
    metrics: tuple[str, ...], start: int, evidence: bool, tmp_path: Path
) -> None:
    assert passage_notes(board(tmp_path, *metrics, start=start, evidence=evidence)) == []


def test_runs_that_are_gone_say_nothing(tmp_path: Path) -> None:
    assert passage_notes(replace(board(tmp_path, "ndcg@10", start=3), rows=())) == []
