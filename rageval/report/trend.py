"""A trend on the terminal, as Markdown, and what its picture shares with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from rageval.decide.trend import LEVEL, Series, StepDifference, Trend
from rageval.metrics import parse
from rageval.report.compare import interval_cell, p_cell
from rageval.report.leaderboard import metric_title, number_cell
from rageval.report.lines import print_block, print_line
from rageval.report.markdown import code, table
from rageval.scores.pairs import UNCORRECTED
from rageval.stats.paired import PERMUTATIONS

HEADER = ("made", "mean and interval", "against the run before", "adj. p", "verdict")
HOW = "how"

_INDENT = 2


def show_times(trend: Trend) -> dict[Path, str]:
    """When each run was made, in UTC: the day, or, where two runs of a series have the same day, the minute too."""
    days = [Counter(run.made.date() for run in series.runs) for series in trend.series]
    form = "%Y-%m-%d" if all(max(of_series.values()) == 1 for of_series in days) else "%Y-%m-%d %H:%M"
    return {run.path: run.made.strftime(form) for series in trend.series for run in series.runs}


def print_trend(trend: Trend, console: Console) -> None:
    """A table for each pipeline and metric, two lines a run where the terminal is narrow; then what changed between the
    runs, and where they are.
    """
    times = show_times(trend)
    for series in trend.series:
        print_line(console, _headline(series, times), "bold")
        for metric in trend.metrics:
            print_line(console, "")
            print_line(console, _title(series, metric), "bold")
            _print_rows(_header(series, metric), _rows(series, metric, times), console)
        print_line(console, "")
        for line in step_lines(series, times):
            print_block(console, line, 0)
        for line in warning_lines(series, times):
            print_block(console, line, 0, "bold red")
        for line in _run_lines(series, times):
            print_line(console, line, "dim")
        print_line(console, "")
    for line in left_out_lines(trend):
        print_block(console, line, 0, "yellow")
    print_block(console, legend(trend), 0, "dim")


def markdown(trend: Trend) -> str:
    """The same as Markdown."""
    times = show_times(trend)
    lines: list[str] = []
    for series in trend.series:
        lines += [f"## {code(_headline(series, times))}", ""]
        for metric in trend.metrics:
            lines += [f"**{_title(series, metric)}**", ""]
            lines += [*table(_header(series, metric), _rows(series, metric, times)), ""]
        told = [*step_lines(series, times), *warning_lines(series, times), *_run_lines(series, times)]
        lines += [*(f"- {code(line)}" for line in told), ""]
    left_out = [f"- {code(line)}" for line in left_out_lines(trend)]
    return "\n".join([*lines, *left_out, *([""] if left_out else []), legend(trend), ""])


def legend(trend: Trend) -> str:
    """What the numbers are."""
    found = [one for series in trend.series for step in series.steps for one in step.differences.values()]
    parts = [f"Mean [{LEVEL:.0%} interval] (questions scored, where not all), corrected by people's labels if any."]
    if found:
        parts.append(
            "Against the run before: this run - the run before, with its own interval; more than 0 is better, also "
            "where lower is better (↓)."
        )
    hows = {one.how for one in found}
    if "paired" in hows:
        parts.append("paired: question by question, over questions that both runs have unchanged.")
    if "unpaired" in hows:
        parts.append(
            "unpaired: the runs share fewer than half of their questions, so that a difference may be that of the "
            "questions; two independent means (MOVER)."
        )
    if found:
        parts.append(
            f"adj. p: adjusted by Holm over all {trend.looks} differences shown here. better, worse: adj. p at most "
            f"{1.0 - LEVEL:.2g} and 0 outside the interval."
        )
    if trend.looks > (1.0 - LEVEL) * PERMUTATIONS:
        parts.append(
            f"No permutation test of {PERMUTATIONS} draws can show anything among so many: look at fewer runs or "
            "metrics (--last, --metric)."
        )
    if any(one.judge_only for one in found) or any_uncorrected(trend):
        parts.append(f"† {UNCORRECTED}.")
    if any(one.by_labels for one in found):
        parts.append("‡ by people's labels and the judge together.")
    return " ".join(parts)


def _headline(series: Series, times: Mapping[Path, str]) -> str:
    first, last = series.runs[0], series.runs[-1]
    if len(series.runs) == 1:
        return f"{series.pipeline}: 1 run, {times[first.path]}"
    return f"{series.pipeline}: {len(series.runs)} runs, {times[first.path]} to {times[last.path]}"


def _differences(series: Series, metric: str) -> list[StepDifference | None]:
    """For each run the difference to the one before; None for the first one, and where it is not told."""
    return [None, *(step.differences.get(metric) for step in series.steps)]


def _mixed(series: Series, metric: str) -> bool:
    """Whether some steps are paired and others not, so that each has to say which."""
    return len({one.how for one in _differences(series, metric) if one is not None}) > 1


def _title(series: Series, metric: str) -> str:
    """The metric, and how its steps are compared where that is the same for all."""
    hows = {one.how for one in _differences(series, metric) if one is not None}
    return f"{metric_title(metric)} ({hows.pop()} steps)" if len(hows) == 1 else metric_title(metric)


def _header(series: Series, metric: str) -> list[str]:
    return [*HEADER, HOW] if _mixed(series, metric) else [*HEADER]


def _rows(series: Series, metric: str, times: Mapping[Path, str]) -> list[list[str]]:
    judged, mixed = parse(metric).kind == "judged", _mixed(series, metric)
    rows: list[list[str]] = []
    for place, (run, one) in enumerate(zip(series.runs, _differences(series, metric), strict=True)):
        row = [times[run.path], number_cell(run.estimates[metric], judged=judged)]
        if one is None:
            row += ["not told" if place and metric in series.steps[place - 1].not_told else "–", "–", "–"]
        else:
            mark = "†" if one.judge_only else "‡" if one.by_labels else ""
            verdict = "–" if one.verdict == "cannot be told apart" else one.verdict
            row += [f"{interval_cell(one.difference)}{mark}", p_cell(one.p_adjusted), verdict]
        rows.append([*row, *([one.how if one is not None else "–"] if mixed else [])])
    return rows


def _print_rows(header: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    if _INDENT + sum(widths) + 2 * (len(widths) - 1) <= console.width:
        for row, style in ((header, "dim"), *((row, "") for row in rows)):
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print_line(console, " " * _INDENT + cells.rstrip(), style)
        return
    for made, mean, difference, p, *others in rows:
        print_line(console, f"{' ' * _INDENT}{made}  {mean}")
        told = [difference, "" if p == "–" else f"{HEADER[3]} {p}", *others]
        if difference != "–":
            print_block(console, "  ".join(cell for cell in told if cell not in ("", "–")), 2 * _INDENT)


def step_lines(series: Series, times: Mapping[Path, str]) -> Iterator[str]:
    """What changed between two runs, which differences are not told and why, and which labels are not used."""
    for step, run in zip(series.steps, series.runs[1:], strict=True):
        made = times[run.path]
        if step.changes:
            yield f"{made} changed: {'; '.join(map(str, step.changes))}"
        for metric, why in step.not_told.items():
            yield f"{made} not told: {why if why.startswith(metric) else f'{metric}: {why}'}"
        for metric, one in step.differences.items():
            if one.doubt:
                yield f"{made} {metric}: {one.doubt}"


def warning_lines(series: Series, times: Mapping[Path, str]) -> Iterator[str]:
    """Failures, and what is wrong with labels."""
    for run in series.runs:
        if run.failed:
            yield f"{times[run.path]} {run.failed} of {run.questions} questions failed and score the worst value"
        for metric, mean in run.estimates.items():
            if mean is not None and mean.warning:
                yield f"! {times[run.path]} {metric}: {mean.warning}"


def _run_lines(series: Series, times: Mapping[Path, str]) -> Iterator[str]:
    for run in series.runs:
        named = "" if run.made_from == "manifest" else ", time from the folder's name"
        label = "" if run.label == series.pipeline else f", {run.label}"
        yield f"{times[run.path]} {run.path} ({run.questions} questions{label}{named})"


def left_out_lines(trend: Trend) -> Iterator[str]:
    """Which runs are not shown, and why."""
    for path, why in trend.left_out.items():
        yield f"left out: {why if str(path) in why else f'{path}: {why}'}"


def any_uncorrected(trend: Trend) -> bool:
    """Whether any number is a judge's alone."""
    return any(
        mean is not None and not mean.n_labelled and parse(metric).kind == "judged"
        for series in trend.series
        for run in series.runs
        for metric, mean in run.estimates.items()
    )
