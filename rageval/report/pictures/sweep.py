"""A sweep in one picture: what each setting does to each metric, and what is worth its cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rageval.decide.sweep import Cell, SweepResult
from rageval.decide.sweep_effects import LEVEL, Effect
from rageval.metrics import parse
from rageval.report.leaderboard import metric_title, number_cell
from rageval.report.pictures import canvas
from rageval.report.pictures.canvas import Axes, Figure, Say

_PANEL = 2.0
_COST_PANEL = 3.2


def has_picture(result: SweepResult) -> bool:
    """Whether there is anything to draw: an effect, or cells that are worth their cost."""
    return bool(result.effects or result.front)


def draw_sweep(result: SweepResult, path: Path) -> None:
    """Write the picture to `path` (`rageval.report.pictures.canvas.draw`, which says what it raises).

    Effects have the simultaneous intervals of the report; those that do not exclude 0 are grey and hollow. Below them
    each cell's quality by the first metric against each cost; cells that no other one beats are filled and numbered.
    """
    canvas.draw(path, lambda say: _paint(result, say))


def _paint(result: SweepResult, say: Say) -> Figure:
    board = result.leaderboard
    title = f"{board.benchmark}, {board.questions} questions, {len(result.cells)} cells"
    changes = list(dict.fromkeys(map(_change, result.effects)))
    labels = canvas.wrap_labels(changes)
    metrics = list(dict.fromkeys(effect.metric for effect in result.effects))
    key = _front_key(result)
    costs = _costs(result.cells) if key else {}
    effect_rows, columns = canvas.grid_shape(len(metrics)) if metrics else (0, 0)
    of_effects = canvas.inches(labels, canvas.SMALL) + columns * (_PANEL + 0.5) if metrics else 0.0
    width = max(0.6 + of_effects, 0.6 + len(costs) * _COST_PANEL, 6.5)
    caption = "\n".join([*_caption(result), *key])
    heights = [effect_rows * (0.6 + len(labels) * canvas.row_height(labels)), 2.8 if costs else 0.0]
    figure = canvas.new_figure(width, sum(heights) + canvas.caption_height(title, caption, width))
    kept = [height for height in heights if height]
    parts = figure.subfigures(len(kept), 1, height_ratios=kept, squeeze=False)[:, 0]
    if metrics:
        axes = canvas.make_panels(parts[0], len(metrics), share_y=True)
        for metric, axis in zip(metrics, axes, strict=True):
            _paint_effects([one for one in result.effects if one.metric == metric], changes, axis, say)
        canvas.label_rows(axes[0], labels, say)
    if costs:
        for (name, of_cells), axis in zip(costs.items(), canvas.make_panels(parts[-1], len(costs)), strict=True):
            _paint_cost(result, name, of_cells, axis, say)
    canvas.write_caption(figure, title, caption, say)
    return figure


def _paint_effects(effects: Sequence[Effect], changes: Sequence[str], axis: Axes, say: Say) -> None:
    reach = max(max(abs(one.difference.low), abs(one.difference.high)) for one in effects) * 1.1 or 1.0
    for effect in effects:
        found = effect.difference
        sure = effect.p_adjusted <= 1.0 - LEVEL
        canvas.draw_row(
            axis,
            changes.index(_change(effect)),
            (found.point, found.low, found.high),
            f"{found.point:+.3f}",
            say,
            colour=(canvas.GREEN if found.point > 0.0 else canvas.RED) if sure else canvas.GREY,
            hollow=not sure,
        )
    axis.axvline(0.0, color="#333333", linewidth=0.8)
    axis.set_xlim(-reach, reach)
    axis.locator_params(axis="x", nbins=4)
    axis.grid(axis="x", color=canvas.PALE, linewidth=0.6)
    axis.set_title(say(canvas.wrap(metric_title(effects[0].metric), 26)), fontsize=9)


def _paint_cost(result: SweepResult, name: str, costs: Sequence[float], axis: Axes, say: Say) -> None:
    board = result.leaderboard
    metric = board.metrics[0]
    means = {row.label: mean.point for row in board.rows if (mean := row.estimates[metric]) is not None}
    for cell, cost in zip(result.cells, costs, strict=True):
        if cell.label not in means:
            continue
        in_front = cell.label in result.front
        colour = canvas.BLUE if in_front else canvas.GREY
        axis.plot([cost], [means[cell.label]], "o", color=colour, mfc=colour if in_front else "white", ms=5)
        if in_front:
            number = str(result.front.index(cell.label) + 1)
            axis.annotate(
                number, (cost, means[cell.label]), xytext=(4, 4), textcoords="offset points", fontsize=canvas.SMALL
            )
    axis.set_xlabel(say(name), fontsize=canvas.SMALL)
    axis.set_ylabel(say(metric_title(metric)), fontsize=canvas.SMALL)
    axis.margins(0.12)
    axis.grid(color=canvas.PALE, linewidth=0.6)


def _costs(cells: Sequence[Cell]) -> dict[str, list[float]]:
    """By what costs are called: those of each cell. Latencies only if all cells have one, as in the front."""
    found = {
        "tokens a question": [cell.tokens for cell in cells],
        "calls a question": [cell.calls for cell in cells],
    }
    latencies = [cell.latency_s for cell in cells if cell.latency_s is not None]
    return {**found, "seconds a question": latencies} if len(latencies) == len(cells) else found


def _front_key(result: SweepResult) -> list[str]:
    """A line for each numbered cell: its label, its mean by the first metric, its costs."""
    metric = result.leaderboard.metrics[0]
    judged = parse(metric).kind == "judged"
    estimates = {row.label: row.estimates[metric] for row in result.leaderboard.rows}
    cells = {cell.label: cell for cell in result.cells}
    lines: list[str] = []
    for number, label in enumerate(result.front, 1):
        cell = cells[label]
        costs = f"{cell.tokens:.0f} tokens, {cell.calls:.2f} calls"
        seconds = "" if cell.latency_s is None else f", {cell.latency_s:.3f} s"
        lines.append(f"{number}  {label}: {number_cell(estimates[label], judged=judged)}; {costs}{seconds} a question")
    return lines


def _caption(result: SweepResult) -> list[str]:
    parts: list[str] = []
    if result.effects:
        parts.append(
            "Effect of changing one setting, all others equal, paired question by question; more than 0 is better. "
            f"With {LEVEL:.0%} all intervals of a metric hold together; coloured and filled: 0 is outside."
        )
    if result.front:
        parts.append("Costs: filled and numbered are the cells that no other one beats in quality and in all costs.")
    if any(parse(name).kind == "judged" for name in result.leaderboard.metrics):
        parts.append("Effects on judged metrics are the judge's alone; † judge only, uncorrected.")
    return parts


def _change(effect: Effect) -> str:
    return f"{effect.factor}: {effect.before} → {effect.after}"
