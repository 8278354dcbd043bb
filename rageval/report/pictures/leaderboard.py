"""A forest plot: every number of a leaderboard with its interval, a panel for each metric."""

from __future__ import annotations

from pathlib import Path

from rageval.decide.leaderboard import Leaderboard
from rageval.metrics import parse
from rageval.report.leaderboard import marks, metric_title, rank_cell
from rageval.report.pictures import canvas
from rageval.report.pictures.canvas import Axes, Figure, Say

_PANEL = 2.0


def draw_leaderboard(board: Leaderboard, path: Path) -> None:
    """Write the plot to `path` (`rageval.report.pictures.canvas.draw`, which says what it raises).

    Points are hollow where a judge alone speaks, filled where people's labels correct it or no judge is involved.
    """
    canvas.draw(path, lambda say: _paint(board, say))


def _paint(board: Leaderboard, say: Say) -> Figure:
    names = [row.label if board.unranked else f"{row.label}  ({rank_cell(row)})" for row in board.rows]
    names = canvas.wrap_labels(names)
    title = f"{board.benchmark}, {board.questions} questions"
    caption = _caption(board)
    rows, columns = canvas.grid_shape(len(board.metrics))
    width = 0.4 + canvas.inches(names, canvas.SMALL) + columns * (_PANEL + 0.4)
    height = canvas.caption_height(title, caption, width)
    height += rows * (0.6 + len(names) * canvas.row_height(names))
    figure = canvas.new_figure(width, height)
    axes = canvas.make_panels(figure, len(board.metrics), share_y=True)
    for metric, axis in zip(board.metrics, axes, strict=True):
        _paint_panel(board, metric, axis, say)
    canvas.label_rows(axes[0], names, say)
    canvas.write_caption(figure, title, caption, say)
    return figure


def _paint_panel(board: Leaderboard, metric: str, axis: Axes, say: Say) -> None:
    judged = parse(metric).kind == "judged"
    for place, row in enumerate(board.rows):
        mean = row.estimates[metric]
        if mean is None:
            canvas.note_row(axis, place, "–", say)
            continue
        hollow = judged and not mean.n_labelled
        text = f"{mean.point:.3f}{marks(mean, judged=judged)}"
        ends = (mean.point, mean.low, mean.high)
        canvas.draw_row(axis, place, ends, text, say, colour=canvas.BLUE, hollow=hollow)
    axis.set_title(say(canvas.wrap(metric_title(metric), 26)), fontsize=9)
    axis.set_xlim(-0.02, 1.02)
    axis.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "", "0.5", "", "1"])
    axis.grid(axis="x", color=canvas.PALE, linewidth=0.6)


def _caption(board: Leaderboard) -> str:
    numbers = [(name, mean) for row in board.rows for name, mean in row.estimates.items() if mean is not None]
    parts = ["Mean and 95% interval", "no ranks" if board.unranked else "in brackets the rank by the first metric"]
    if any(parse(name).kind == "judged" and not mean.n_labelled for name, mean in numbers):
        parts.append("hollow and †: judge only, uncorrected")
    if any(mean.warning for _, mean in numbers):
        parts.append("!: a warning, which the table tells")
    if any(parse(name).lower_is_better for name in board.metrics):
        parts.append("↓: lower is better")
    return "; ".join(parts)
