"""How honest a judge's probabilities are: the reliability curve, and how many items it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rageval.people import Calibrated
from rageval.report.calibrate import figure_cell
from rageval.report.pictures import canvas
from rageval.report.pictures.canvas import Axes, Figure, Say
from rageval.scores.agreement import Figures
from rageval.stats.calibration import ReliabilityBin

_PANEL = 3.6

_CAPTION = (
    "Points: items with about equal probabilities (at most ten groups), the share that people labelled 1 with its 95% "
    "interval. On the diagonal the judge is honest; below it, too sure of yes. Bars: items in each group."
)


def draw_calibration(result: Calibrated, path: Path) -> None:
    """Write the picture to `path` (`rageval.report.pictures.canvas.draw`, which says what it raises): a panel for the
    judge as it is, and one for its probabilities as scaled, each by a map that was fitted without the item. A
    calibration without verdicts has a panel that says so.
    """
    canvas.draw(path, lambda say: _paint(result, say))


def _paint(result: Calibrated, say: Say) -> Figure:
    record = result.record
    title = f"{record.judge} by {record.model}, {record.labels}"
    panels: list[tuple[str, Figures | None, Sequence[ReliabilityBin]]] = [
        ("zero-shot", record.zero_shot, result.reliability)
    ]
    if record.cross_validated is not None and record.scaling is not None:
        name = f"{record.scaling.method}, cross-validated"
        panels.append((name, record.cross_validated, result.reliability_scaled))
    caption = f"{_CAPTION} {record.n} of {record.n + record.abstained} items judged, {record.abstained} abstained."
    width = max(len(panels) * (_PANEL + 0.3), 5.0)
    figure = canvas.new_figure(width, 5.0 + canvas.caption_height(title, caption, width))
    axes = figure.subplots(2, len(panels), sharex=True, squeeze=False, height_ratios=[4, 1])
    for column, (name, figures, table) in enumerate(panels):
        _paint_curve(name, figures, table, axes[0][column], say)
        _paint_counts(table, axes[1][column], say)
    axes[0][0].set_ylabel(say("share labelled 1 by people"), fontsize=canvas.SMALL)
    axes[1][0].set_ylabel(say("items"), fontsize=canvas.SMALL)
    canvas.write_caption(figure, title, caption, say)
    return figure


def _paint_curve(name: str, figures: Figures | None, table: Sequence[ReliabilityBin], axis: Axes, say: Say) -> None:
    axis.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=0.8, linestyle="--")
    for one in table:
        ends = [one.observed.low, one.observed.high]
        axis.plot([one.mean_probability, one.mean_probability], ends, color=canvas.BLUE, linewidth=1.4)
    points = [(one.mean_probability, one.observed.point) for one in table]
    axis.plot([x for x, _ in points], [y for _, y in points], "o-", color=canvas.BLUE, ms=5, linewidth=0.8)
    if figures is None:
        axis.text(0.5, 0.55, say("no item has a verdict"), ha="center", fontsize=9)
        told = name
    else:
        told = f"{name}\ncalibration error ↓ {figure_cell(figures.ece)}\naccuracy {figure_cell(figures.accuracy)}"
    axis.set_title(say(told), fontsize=canvas.SMALL)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.02)
    axis.grid(color=canvas.PALE, linewidth=0.6)
    _tidy(axis)


def _paint_counts(table: Sequence[ReliabilityBin], axis: Axes, say: Say) -> None:
    most = max((one.n for one in table), default=1)
    axis.bar([one.mean_probability for one in table], [one.n for one in table], width=0.02, color="#9fb0d6")
    for one in table:
        axis.text(one.mean_probability, one.n, say(str(one.n)), ha="center", va="bottom", rotation=90, fontsize=6)
    axis.set_ylim(0, most * 1.6)
    axis.set_xlabel(say("the judge's probability of yes"), fontsize=canvas.SMALL)
    _tidy(axis)


def _tidy(axis: Axes) -> None:
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=canvas.SMALL, length=2)
