"""Whether two benchmarks rank systems alike, as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.decide.benchmarks_alike import BenchmarksAlike, MetricAlike, Offset
from rageval.report.compare import interval_cell as difference_text
from rageval.report.leaderboard import mean_cell
from rageval.report.pairs_printout import short_sharing
from rageval.report.tables.printout import (
    Cell,
    Column,
    Legend,
    Line,
    Printout,
    Table,
    count_cell,
    interval_cell,
    value_cell,
)
from rageval.stats import Interval

_AGREEMENT = (
    Column("metric", "word"),
    Column("tau"),
    Column("same"),
    Column("opposite"),
    Column("not told"),
    Column("slope"),
)


def alike_printout(found: BenchmarksAlike) -> Printout:
    """The benchmarks, a sentence and a row for each metric, how far off the means are, and what the numbers are."""
    first, second = found.names
    named = [
        Line(f"{role:<7} {name}", "faint") for role, name in (("first", found.names[0]), ("second", found.names[1]))
    ]
    agreement = Table("agreement", _AGREEMENT, tuple(map(_agreement, found.metrics)))
    return Printout(
        f"{first} and {second}",
        (
            *named,
            *(Line(_sentence(one), "strong") for one in found.metrics),
            agreement,
            *(_offsets(one) for one in found.metrics),
            *(Line(line, "warning") for line in _warnings(found)),
            Legend(tuple(_short(found)), (_long(found),)),
        ),
    )


def _sentence(one: MetricAlike) -> str:
    ranks = one.ranks
    clear = (
        f" Of {ranks.clear} told apart on either benchmark, {ranks.clear_same} are in the same order by the means "
        f"(truly {ranks.share_low:.0%} to {ranks.share_high:.0%})."
        if ranks.clear
        else ""
    )
    return (
        f"{one.metric}: of {ranks.pairs} pairs of pipelines {ranks.same} are surely in the same order on both, "
        f"{ranks.opposite} in the opposite one, {ranks.untold} not told.{clear}"
    )


def _agreement(one: MetricAlike) -> tuple[Cell, ...]:
    ranks, slope = one.ranks, one.slope
    tau = Interval(ranks.tau, ranks.low, ranks.high, ranks.level, "pairs", ranks.pairs)
    of_slope = Interval(slope.point, slope.low, slope.high, slope.level, "fieller", ranks.pairs) if slope.told else None
    text = "not told" if of_slope is None else f"{slope.point:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
    return (
        Cell(f"{one.metric} †" if one.judged else one.metric, (("metric", one.metric),)),
        interval_cell("tau", f"{ranks.tau:.2f} [{ranks.low:.2f}, {ranks.high:.2f}]", tau),
        count_cell("same", ranks.same),
        count_cell("opposite", ranks.opposite),
        count_cell("not told", ranks.untold),
        interval_cell("slope", text, of_slope),
    )


def _offsets(one: MetricAlike) -> Table:
    columns = (Column("pipeline", "pipeline"), Column("first"), Column("second"), Column("first less second"))
    rows = tuple(_offset(offset) for offset in (*one.offsets, one.average))
    return Table(f"{one.metric} means", columns, rows, title=one.metric)


def _offset(one: Offset) -> tuple[Cell, ...]:
    means = [
        interval_cell(name, mean_cell(mean.point, mean.low, mean.high), mean)
        for name, mean in (("first", one.first), ("second", one.second))
    ]
    difference = interval_cell("first less second", difference_text(one.difference), one.difference)
    return value_cell(one.label, "pipeline", one.label), *means, difference


def _warnings(found: BenchmarksAlike) -> Iterator[str]:
    yield from (f"left out: {line}" for line in found.left_out)
    yield from (f"{label}: the two runs differ in {told}" for label, told in found.differs.items())


def _short(found: BenchmarksAlike) -> Iterator[str]:
    notes = dict.fromkeys(short_sharing(note) for one in found.metrics for note in one.sharing if note)
    counts = "; ".join(f"{one.metric} {one.questions[0]} and {one.questions[1]}" for one in found.metrics)
    yield " ".join([f"Questions: {counts}.", *notes])
    parts = [
        f"{found.metrics[0].ranks.level:.0%} intervals. tau: 1 same order, -1 opposite; slope: 1 same differences."
    ]
    if any(one.judged for one in found.metrics):
        parts.append("† judge only, uncorrected: no people's labels.")
    yield " ".join(parts)


def _long(found: BenchmarksAlike) -> str:
    level = f"{found.metrics[0].ranks.level:.0%}"
    return (
        f"tau is Kendall's: pairs of pipelines in the same order on both benchmarks, less those in the opposite one, "
        f"over all pairs. Its interval ({level}) counts a pair only where tests of all pairs together tell it apart on "
        "both benchmarks; every other pair may be in either order, so close pipelines make it wide. A bootstrap of tau "
        "is narrower and often wrong, since chance swaps close pipelines in it. slope is that of the differences on "
        f"{found.names[1]} over those on {found.names[0]}, through 0, cleared of chance in the latter (Fieller's "
        "interval): 1 where both show the same differences, below 1 where the first exaggerates. It is not told where "
        "the pipelines do not clearly differ on the first. first less second: how far off the means are, each with its "
        "own interval (MOVER); other questions are asked, so this need not be a fault. Scores of a judge are its "
        "opinion on both; people's labels are not used here."
    )
