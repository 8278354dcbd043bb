"""A leaderboard as text: the cells that the terminal and Markdown share, and the Markdown."""

from __future__ import annotations

from rageval.leaderboard import Leaderboard, Row
from rageval.types import Estimate


def number_cell(mean: Estimate | None) -> str:
    """`0.742 [0.61, 0.85]`, with `(n)` where fewer questions than asked were scored, or a dash."""
    if mean is None:
        return "–"
    part = f" ({mean.n})" if mean.unscored else ""
    return f"{mean.point:.3f} [{mean.low:.2f}, {mean.high:.2f}]{part}"


def rank_cell(row: Row) -> str:
    """`1`, or `1–3` where runs cannot be told apart."""
    if row.rank is None:
        return "–"
    first, last = row.rank
    return str(first) if first == last else f"{first}–{last}"


def header(board: Leaderboard) -> list[str]:
    """Column names."""
    return ["rank", "pipeline", *board.metrics, "failed", "abstained", "calls", "s/question"]


def cells(board: Leaderboard, row: Row) -> list[str]:
    """One row, in the order of `header`."""
    numbers = [number_cell(row.estimates[name]) for name in board.metrics]
    latency = "–" if row.mean_latency_s is None else f"{row.mean_latency_s:.2f}"
    return [rank_cell(row), row.label, *numbers, str(row.failed), str(row.abstained), str(row.calls), latency]


def legend(board: Leaderboard) -> str:
    """What the numbers are."""
    judged = any(name in ("faithfulness", "answer_relevance", "context_relevance") for name in board.metrics)
    text = (
        f"{board.benchmark}, {board.questions} questions. Mean [95% interval] (questions scored, where not all); "
        "ranks by the first metric, shared where intervals overlap; failed questions score 0; calls and seconds "
        "are what each run paid itself: a call that another run had made already is free."
    )
    return text + (" Judged metrics: judge only, not corrected by human labels." if judged else "")


def markdown(board: Leaderboard) -> str:
    """A Markdown table with its legend and the models that made it."""
    head = header(board)
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in cells(board, row))} |" for row in board.rows]
    models = [f"- {role}: `{identity}`" for role, identity in board.models.items()]
    return "\n".join([*lines, "", legend(board), "", "Made with:", "", *models, f"- machine: {board.machine}", ""])
