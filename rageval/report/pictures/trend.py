"""A trend in one picture: a panel for each pipeline and metric, the runs from left to right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from rageval.decide.trend import Series, StepDifference, Trend
from rageval.decide.trend_changes import Kind
from rageval.metrics import parse
from rageval.report.leaderboard import metric_title
from rageval.report.pictures import canvas
from rageval.report.pictures.canvas import Axes, Figure, Say
from rageval.report.trend import any_uncorrected, show_times

MARKED: dict[Kind, str] = {
    "model": "M",
    "judge": "J",
    "prompt": "P",
    "benchmark": "B",
    "setting": "S",
}
"""The letters of the changes that a picture marks; the table tells them all."""

_PANEL, _HEIGHT = 3.0, 2.3
_MOST_TIMES = 6
_LEAST_RANGE = 0.2


def draw_trend(trend: Trend, path: Path) -> None:
    """Write the picture to `path` (`rageval.report.pictures.canvas.draw`, which says what it raises).

    Runs are evenly spaced, whatever the time between them. A solid line joins two runs where the difference is paired,
    a dashed one where it is not, and none where it is not told. A triangle marks a run that is better or worse than the
    one before. Dotted lines with letters are changes of model, judge, prompt, benchmark or settings.
    """
    canvas.draw(path, lambda say: _paint(trend, say))


def _paint(trend: Trend, say: Say) -> Figure:
    panels = [(series, metric) for series in trend.series for metric in trend.metrics]
    rows, columns = canvas.grid_shape(len(panels))
    single = len(trend.series) == 1
    title = trend.series[0].pipeline if single else f"{len(trend.series)} pipelines"
    caption = _caption(trend)
    width = max(0.4 + columns * (_PANEL + 0.2), 5.0)
    titles = [_title(series, metric, single=single) for series, metric in panels]
    height = rows * (_HEIGHT + 0.16 * max(map(canvas.line_count, titles)))
    figure = canvas.new_figure(width, height + canvas.caption_height(title, caption, width))
    times = show_times(trend)
    axes = canvas.make_panels(figure, len(panels))
    for (series, metric), name, axis in zip(panels, titles, axes, strict=True):
        _paint_panel(series, metric, axis)
        _mark_changes(series, axis, say)
        every = -(-len(series.runs) // _MOST_TIMES)
        places = [place for place in range(len(series.runs)) if (len(series.runs) - 1 - place) % every == 0]
        axis.set_xticks(places, [say(times[series.runs[place].path]) for place in places], rotation=30, ha="right")
        axis.set_title(say(name), fontsize=9)
    canvas.write_caption(figure, title, caption, say)
    return figure


def _paint_panel(series: Series, metric: str, axis: Axes) -> None:
    judged = parse(metric).kind == "judged"
    means = [run.estimates[metric] for run in series.runs]
    before: list[StepDifference | None] = [None, *(step.differences.get(metric) for step in series.steps)]
    for place, ((old, new), step) in enumerate(zip(pairwise(means), before[1:], strict=True)):
        if old is not None and new is not None and step is not None:
            line = "-" if step.how == "paired" else "--"
            axis.plot([place, place + 1], [old.point, new.point], line, color="#9fb0d6", linewidth=1.0)
    ends: list[float] = []
    for place, (mean, step) in enumerate(zip(means, before, strict=True)):
        if mean is None:
            continue
        verdict = None if step is None else step.verdict
        colour = canvas.GREEN if verdict == "better" else canvas.RED if verdict == "worse" else canvas.BLUE
        marker = "^" if verdict == "better" else "v" if verdict == "worse" else "o"
        hollow = judged and not mean.n_labelled
        axis.plot([place, place], [mean.low, mean.high], color=colour, linewidth=1.4)
        axis.plot([place], [mean.point], marker, color=colour, mfc="white" if hollow else colour, ms=5)
        ends += [mean.low, mean.high]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    spare = max(0.0, _LEAST_RANGE - (high - low)) / 2.0
    low, high = low - spare - 0.02, high + spare + 0.02
    axis.set_ylim(max(-0.02, low), min(high, 1.02) + 0.14 * (high - low))
    axis.set_xlim(-0.5, len(means) - 0.5)
    axis.locator_params(axis="y", nbins=5)
    axis.grid(axis="y", color=canvas.PALE, linewidth=0.6)


def _mark_changes(series: Series, axis: Axes, say: Say) -> None:
    for place, letters in _letters(series):
        axis.axvline(place + 0.5, color=canvas.GREY, linewidth=0.8, linestyle=":")
        axis.text(
            place + 0.5,
            0.99,
            say(letters),
            transform=axis.get_xaxis_transform(),
            fontsize=canvas.TINY,
            ha="center",
            va="top",
            color="#333333",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )


def _letters(series: Series) -> Iterator[tuple[int, str]]:
    for place, step in enumerate(series.steps):
        kinds = {change.kind for change in step.changes}
        if letters := "".join(letter for kind, letter in MARKED.items() if kind in kinds):
            yield place, letters


def _title(series: Series, metric: str, *, single: bool) -> str:
    title = canvas.wrap(metric_title(metric), 36)
    return title if single else f"{canvas.wrap(series.pipeline, 36)}\n{title}"


def _caption(trend: Trend) -> str:
    parts = ["Mean and 95% interval of each run; runs are evenly spaced, and scales differ"]
    found = [one for series in trend.series for step in series.steps for one in step.differences.values()]
    hows = {one.how for one in found}
    if "paired" in hows:
        parts.append("solid line: compared with the run before question by question")
    if "unpaired" in hows:
        parts.append("dashed: over other questions")
    if found:
        parts.append(f"▲ better, ▼ worse than the run before (Holm over {trend.looks} differences)")
    if any_uncorrected(trend):
        parts.append("hollow: judge only, uncorrected")
    used = {letter for series in trend.series for _, letters in _letters(series) for letter in letters}
    if used:
        told = ", ".join(f"{letter} {kind}" for kind, letter in MARKED.items() if letter in used)
        parts.append(f"dotted: a change of {told}")
    return "; ".join(parts)
