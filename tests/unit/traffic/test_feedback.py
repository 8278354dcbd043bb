"""Thumbs and labels: the bias by hand, how often its interval covers, and what is told where there are few."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.traffic.feedback import FEWEST, Feedback, read_feedback_summary, summarise_feedback
from rageval.traffic.folder import Row, TrafficFolder


def row(number: int, feedback: float | None, session: str = "") -> Row:
    return Row(f"a{number}", "", session, {}, feedback, {})


def test_bias_and_selection_by_hand() -> None:
    """Twelve of 20 labelled answers have a thumb, all up; people find 8 of these 12 good, and 2 of the 8 others."""
    rows = [row(number, 1.0 if number < 12 else None) for number in range(20 + FEWEST - 8)]
    labels = {f"a{number}": float(number < 8 or number in (12, 13)) for number in range(len(rows))}
    found = summarise_feedback(rows, labels, 100)
    assert (found.answers, found.given, found.labelled, found.both) == (100, 12, 22, 12)
    assert found.up is not None
    assert found.up.point == 1.0
    assert found.bias is not None
    assert found.bias.point == pytest.approx(4 / 12)
    assert found.labels is not None
    assert found.labels.point == pytest.approx(10 / 22)
    assert found.selection is not None
    assert found.selection.point == pytest.approx(8 / 12 - 2 / 10)


def test_few_are_not_told() -> None:
    found = summarise_feedback([row(number, 0.0) for number in range(9)], {f"a{n}": 1.0 for n in range(9)}, 9)
    assert found.bias is None
    assert found.selection is None
    assert isinstance(found, Feedback)


def test_the_interval_of_the_bias_covers() -> None:
    """Thumbs are up where the answer is good, and by politeness in 40% of the others: a bias of 0.4 * 0.3."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(60):
        good = rng.random(50) < 0.7
        up = good | (rng.random(50) < 0.4)
        found = summarise_feedback(
            [row(n, float(one)) for n, one in enumerate(up)], {f"a{n}": float(one) for n, one in enumerate(good)}, 50
        )
        assert found.bias is not None
        covered += found.bias.low <= 0.12 <= found.bias.high
    assert covered / 60 >= 0.95 - 3 * (0.95 * 0.05 / 60) ** 0.5


def test_files(tmp_path: Path) -> None:
    folder = TrafficFolder(tmp_path / "scored")
    with folder.locked(), folder.writing() as writer:
        for number in range(3):
            writer.add(row(number, None))
    assert read_feedback_summary(folder) is None
    path = tmp_path / "labels.jsonl"
    for content, told in (
        ("{", "expected an object with id and label"),
        (json.dumps({"id": "a1", "label": 3}), "expected an object with id and label"),
        (json.dumps({"id": "zz", "label": 1}), "found no label of an answer of this log"),
    ):
        path.write_text(content + "\n", encoding="utf-8")
        with pytest.raises(DeclarationError, match=told):
            read_feedback_summary(folder, path)
    path.write_text(json.dumps({"id": "a1", "label": 0.5}) + "\n", encoding="utf-8")
    found = read_feedback_summary(folder, path)
    assert found is not None
    assert (found.given, found.up, found.labelled, found.bias) == (0, None, 1, None)
