from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rageval.errors import DeclarationError
from rageval.leaderboard import Leaderboard, read_leaderboard
from rageval.report.tables import markdown
from rageval.report.terminal import print_leaderboard
from rageval.store import RunFolder
from rageval.types import Json

Interval = tuple[float, float, float]

# The first metric's mean, low, high. `best` and `good` overlap; `weak` is surely behind both.
INTERVALS: dict[str, Interval | None] = {
    "weak": (0.3, 0.2, 0.4),
    "good": (0.7, 0.5, 0.85),
    "silent": None,
    "best": (0.85, 0.8, 0.9),
}


def estimate(interval: Interval | None, unscored: int = 0) -> dict[str, Json] | None:
    if interval is None:
        return None
    mean, low, high = interval
    counts: dict[str, Json] = {"n": 10 - unscored, "unscored": unscored, "failed": 0}
    return {"mean": mean, "low": low, "high": high, "level": 0.95, "method": "wilson", **counts}


def write_run(path: Path, scores: Mapping[str, dict[str, Json] | None], **changes: Json) -> Path:
    folder = RunFolder(path)
    usage: dict[str, Json] = {"calls": 3, "cached_calls": 1}
    manifest: dict[str, Json] = {
        "label": path.name,
        "status": "complete",
        "benchmark": {"name": "small", "content_hash": "abc"},
        "questions": [f"q{i}" for i in range(10)],
        "metrics": [*scores],
        "models": {"chat": "writer", "embed": None},
        "machine": "Linux, 2 cores",
        "judges": {"claim_support": {"key": "claim_support-1", "model": "critic"}},
        "failed": 1,
        "abstained": 2,
        "usage": {"answering": usage, "claim_support-1": usage},
        "mean_latency_s": 1.25,
    }
    folder.write_manifest({**manifest, **changes})
    folder.write_scores({name: {"estimate": mean} for name, mean in scores.items()})
    return path


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    paths = [write_run(tmp_path / name, {"faithfulness": estimate(interval)}) for name, interval in INTERVALS.items()]
    return read_leaderboard(paths)


def test_rows_are_sorted_and_ranked_by_overlap(board: Leaderboard) -> None:
    """Nobody is surely ahead of `best`, and `good` is not surely behind it: both may be first or second."""
    assert [(row.label, row.rank) for row in board.rows] == [
        ("best", (1, 2)),
        ("good", (1, 2)),
        ("weak", (3, 3)),
        ("silent", None),
    ]


def test_touching_intervals_overlap(tmp_path: Path) -> None:
    intervals: dict[str, Interval] = {"a": (0.8, 0.6, 0.9), "b": (0.5, 0.4, 0.6), "c": (0.45, 0.41, 0.59)}
    paths = [write_run(tmp_path / name, {"map": estimate(interval)}) for name, interval in intervals.items()]
    assert {row.label: row.rank for row in read_leaderboard(paths).rows} == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}


def test_json(board: Leaderboard, tmp_path: Path) -> None:
    data: dict[str, Any] = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert set(data) == {"benchmark", "questions", "models", "machine", "runs"}
    assert data["machine"] == "Linux, 2 cores"
    assert (data["benchmark"], data["questions"]) == ("small", 10)
    assert data["models"] == {"chat": "writer", "judge": "critic"}
    assert data["runs"][0] == {
        "pipeline": "best",
        "path": str(tmp_path / "best"),
        "rank": [1, 2],
        "metrics": {"faithfulness": estimate((0.85, 0.8, 0.9))},
        "failed": 1,
        "abstained": 2,
        "calls": 6,
        "mean_latency_s": 1.25,
    }
    nothing = dict.fromkeys(("mean", "low", "high", "level", "method"))
    assert data["runs"][3]["metrics"] == {"faithfulness": {**nothing, "n": 0, "unscored": 10, "failed": 0}}
    assert data["runs"][3]["rank"] is None


def test_markdown(tmp_path: Path) -> None:
    scores = {"faithfulness": estimate((0.5, 0.25, 0.75), unscored=3), "map": estimate((1 / 3, 0.1, 0.6))}
    paths = [
        write_run(tmp_path / "a|b", scores, mean_latency_s=None),
        write_run(tmp_path / "c", {"faithfulness": estimate((0.4, 0.1, 0.9))}),
    ]
    assert markdown(read_leaderboard(paths)) == (
        "| rank | pipeline | faithfulness | map | failed | abstained | calls | s/question |\n"
        "|---|---|---|---|---|---|---|---|\n"
        "| 1–2 | a/b | 0.500 [0.25, 0.75] (7) | 0.333 [0.10, 0.60] | 1 | 2 | 6 | – |\n"
        "| 1–2 | c | 0.400 [0.10, 0.90] | – | 1 | 2 | 6 | 1.25 |\n"
        "\n"
        "small, 10 questions. Mean [95% interval] (questions scored, where not all); ranks by the first metric, "
        "shared where intervals overlap; failed questions score 0; calls and seconds are what each run paid itself: a "
        "call that another run had made already is free. Judged metrics: judge only, not corrected by human labels.\n"
        "\n"
        "Made with:\n"
        "\n"
        "- chat: `writer`\n"
        "- judge: `critic`\n"
        "- machine: Linux, 2 cores\n"
    )


def shown(board: Leaderboard, width: int) -> list[str]:
    output = io.StringIO()
    print_leaderboard(board, Console(file=output, width=width))
    return output.getvalue().splitlines()


def test_wide_terminal_shows_a_row_per_run(board: Leaderboard) -> None:
    lines = shown(board, 160)
    assert max(map(len, lines)) <= 160
    (row,) = (line for line in lines if " good " in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "1–2", "good", "0.700 [0.50, 0.85]", "1", "2", "6", "1.25",
    ]  # fmt: skip


def test_narrow_terminal_shows_a_block_per_run(board: Leaderboard) -> None:
    lines = shown(board, 60)
    assert max(map(len, lines)) <= 60
    start = lines.index(" 1–2  good")
    assert [line.split(maxsplit=1) for line in lines[start + 1 : start + 6]] == [
        ["faithfulness", "0.700 [0.50, 0.85]"],
        ["failed", "1"],
        ["abstained", "2"],
        ["calls", "6"],
        ["s/question", "1.25"],
    ]
    assert lines[start + 6] == "   3  weak"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "running"}, "the run is not finished"),
        ({"benchmark": {"name": "small", "content_hash": "other"}}, "found another benchmark than in"),
        ({"questions": ["q0"]}, "found other questions than in"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Json], told: str, tmp_path: Path) -> None:
    good = write_run(tmp_path / "good", {"map": estimate((0.5, 0.4, 0.6))})
    other = write_run(tmp_path / "other", {"map": estimate((0.5, 0.4, 0.6))}, **changes)
    with pytest.raises(DeclarationError, match=told):
        read_leaderboard([good, other])


def test_no_runs_are_refused() -> None:
    with pytest.raises(DeclarationError, match="found no runs"):
        read_leaderboard([])


def test_a_run_that_lacks_the_first_metric_comes_last(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "a", {"map": estimate((0.0, 0.0, 0.1))}),
        write_run(tmp_path / "b", {"mrr": estimate((1.0, 0.9, 1.0))}),
    ]
    board = read_leaderboard(paths)
    assert board.metrics == ("map", "mrr")
    assert [(row.label, row.rank) for row in board.rows] == [("a", (1, 1)), ("b", None)]
    assert not any(math.isnan(mean.point) for row in board.rows for mean in row.estimates.values() if mean)
