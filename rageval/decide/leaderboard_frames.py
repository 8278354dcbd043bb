"""A leaderboard as data frames (extra `pandas`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from rageval.decide.slicing import SliceEstimate
from rageval.errors import DeclarationError
from rageval.io.frames import make_frame
from rageval.scores.estimates import metric_to_json
from rageval.types import Estimate

if TYPE_CHECKING:
    from rageval.decide.leaderboard import Leaderboard, Row
    from rageval.io.frames import DataFrame, Dtype

BoardFrame: TypeAlias = Literal["estimates", "runs", "slices"]

_RUN: Mapping[str, Dtype] = {"pipeline": "string", "run": "string"}
_ESTIMATE: Mapping[str, Dtype] = {
    "mean": "Float64",
    "low": "Float64",
    "high": "Float64",
    "level": "Float64",
    "method": "string",
    "n": "Int64",
    "unscored": "Int64",
    "failed": "Int64",
}
_WITH_LABELS: Mapping[str, Dtype] = {**_ESTIMATE, "n_labelled": "Int64", "warning": "string"}
ESTIMATES: Mapping[str, Dtype] = {**_RUN, "metric": "string", **_WITH_LABELS}
RUNS: Mapping[str, Dtype] = {
    **_RUN,
    "first_rank": "Int64",
    "last_rank": "Int64",
    "unranked": "string",
    "failed": "Int64",
    "abstained": "Int64",
    "calls": "Int64",
    "tokens": "Int64",
    "paid_calls": "Int64",
    "paid_tokens": "Int64",
    "mean_latency_s": "Float64",
}
SLICES: Mapping[str, Dtype] = {
    **_RUN,
    "metric": "string",
    "by": "string",
    "slice": "string",
    "questions": "Int64",
    **_ESTIMATE,
}


def board_frame(board: Leaderboard, table: BoardFrame) -> DataFrame:
    """That table of the leaderboard. Raises DeclarationError for another one."""
    match table:
        case "estimates":
            return make_frame(
                ESTIMATES,
                (
                    (row.label, str(row.path), metric, *_numbers(mean, board.questions, _WITH_LABELS))
                    for row in board.rows
                    for metric, mean in row.estimates.items()
                ),
            )
        case "runs":
            return make_frame(RUNS, (_run_cells(row, board) for row in board.rows))
        case "slices":
            return make_frame(SLICES, map(_slice_cells, board.slices))
        case _:
            raise DeclarationError(f"to_pandas: found the table {table!r}, expected estimates, runs or slices")


def _run_cells(row: Row, board: Leaderboard) -> tuple[object, ...]:
    first, last = row.rank or (None, None)
    unscored = f"no question could be scored on {board.metrics[0]}"
    reason = "all questions failed" if board.all_failed(row) else unscored
    unranked = None if row.rank else board.unranked or reason
    counts = (row.failed, row.abstained, row.calls, row.tokens, row.paid_calls, row.paid_tokens)
    return row.label, str(row.path), first, last, unranked, *counts, row.mean_latency_s


def _slice_cells(one: SliceEstimate) -> tuple[object, ...]:
    about = (one.label, str(one.path), one.metric, one.by, one.name, one.questions)
    return *about, *_numbers(one.estimate, one.questions, _ESTIMATE)


def _numbers(mean: Estimate | None, questions: int, columns: Mapping[str, Dtype]) -> tuple[object, ...]:
    data = metric_to_json(mean, questions)
    return tuple(data[name] for name in columns)
