"""Scored logs over days, as text."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.report.score import interval_text, number_text
from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, count_cell, interval_cell
from rageval.traffic.days import DayMean, DaySeries
from rageval.traffic.drift import Drift

_COLUMNS = (
    Column("day", "word"),
    Column("mean"),
    Column("so far"),
    Column("answers"),
    Column("sessions"),
    Column("alarm", "word", optional=True),
)
SHORT = (
    "mean: each session of the day once, with a 95% interval for this day alone. so far: where the mean lies if it is "
    "the same on all days up to this one; all of these hold at once, however often you look, and 'changed' is said "
    "where no mean fits. An alarm is false with probability 5% at most, ever."
)


def days_printout(series: Sequence[DaySeries]) -> Printout:
    """A table for each metric and judge, with the day of its alarm."""
    blocks: list[Line | Table | Legend] = []
    for one in series:
        judge = f", judged by {one.judge}" if one.judge else ""
        blocks.append(Line(f"{one.metric}: {len(one.days)} days{judge}", "strong"))
        if one.cause:
            blocks.append(Line(f"not compared with the days before: {one.cause}", "warning"))
        blocks += [Table(one.metric, _COLUMNS, _rows(one), turns="never"), _verdict(one)]
    blocks.append(Legend((SHORT,), (SHORT,)))
    return Printout("Over days", tuple(blocks))


def _rows(one: DaySeries) -> tuple[tuple[Cell, ...], ...]:
    bounded = any(day.so_far is not None for day in one.days)
    return tuple(
        (
            Cell(day.day),
            interval_cell("mean", "–" if day.mean is None else interval_text(day.mean), day.mean),
            Cell(_so_far(day, bounded)),
            count_cell("answers", day.answers),
            count_cell("sessions", day.units),
            Cell("alarm" if day.day == one.alarm_day else ""),
        )
        for day in one.days
    )


def _so_far(day: DayMean, bounded: bool) -> str:
    if day.so_far is None:
        return "changed" if bounded else "–"
    return "[{}, {}]".format(*map(number_text, day.so_far))


def _verdict(one: DaySeries) -> Line:
    if one.unwatched:
        return Line(f"no alarm can be raised: {one.unwatched}", "warning")
    if one.alarm_day:
        return Line(f"ALARM on {one.alarm_day}: {one.metric} has got worse, since about {one.since}", "bad")
    return Line("no alarm")


def drift_lines(found: Drift) -> list[str]:
    """What a measurement of a judge says, for people."""
    now, before = found.now, found.before
    lines = [
        f"{now.metric} by {now.judge}: {len(now.scores)} frozen items",
        f"score less people's label: {interval_text(found.error)}",
    ]
    if before is None:
        return [*lines, "the first measurement: there is nothing to compare with"]
    if now.judge != before.judge:
        lines.append(f"another judge than on {before.day}: {before.judge}")
    if found.change is not None and found.p_value is not None:
        lines.append(
            f"change since {before.day}: {interval_text(found.change)}, p = {found.p_value:.4f} (drifted at "
            f"{found.alpha:g} or less), {found.flipped} items flipped"
        )
    return [*lines, f"DRIFTED: {found.drifted}" if found.drifted else "no drift shown"]
