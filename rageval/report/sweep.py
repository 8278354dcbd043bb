"""A sweep as Markdown: its cells, how far each is behind the best, what settings do, and what is worth its cost."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.decide.halving import Halving
from rageval.decide.sweep import Cell, SweepResult
from rageval.decide.sweep_effects import LEVEL
from rageval.report.leaderboard import markdown as leaderboard_markdown
from rageval.report.leaderboard import metric_title
from rageval.report.markdown import table
from rageval.report.money import amount
from rageval.report.tables.printout import Cell as Printed
from rageval.report.tables.printout import Column, Table, count_cell, interval_cell, texts, value_cell
from rageval.stats import Interval

_GAPS_BY_LABELS = (
    " Differences are by people's labels and the judge together. Where labels of a cell cannot be joined with those of "
    "the best one, p is 1, and the interval is the judge's alone."
)
_MOST_INTERACTIONS = 10
_EFFECTS_BY_JUDGE = " Effects on judged metrics are the judge's alone: people's labels are not used."


def markdown(result: SweepResult) -> str:
    """The whole report."""
    return "\n".join(_lines(result)) + "\n"


def halving_lines(halved: Halving) -> str:
    """How the cells came to be fewer."""
    *rounds, share = halving_told(halved)
    return "\n".join(["", "## Successive halving", "", *(f"- {line}" for line in rounds), "", share]) + "\n"


def halving_told(halved: Halving) -> list[str]:
    """A line for each round, and one on what was asked in all."""
    rounds = [
        f"{one.questions} questions, {one.cells} cells: "
        + (f"dropped {len(one.dropped)}, surely behind: {', '.join(one.dropped)}" if one.dropped else "none dropped")
        for one in halved.rounds
    ]
    return [*rounds, f"{halved.asked:,} of {halved.whole:,} pairs of cell and question were asked."]


def parts(result: SweepResult) -> Iterator[tuple[Table, str]]:
    """What there is beside the leaderboard, each table with what it says at length."""
    if result.gaps:
        yield _gaps(result)
    if result.effects:
        yield _effects(result)
    if result.shares:
        yield _shares(result)
    if result.interactions:
        yield _interactions(result)
    if result.front:
        yield _front(result)


def saved_lines(result: SweepResult) -> list[str]:
    """A line on what cells shared; none where the pipelines, which say so, are not at hand."""
    saved = result.saved
    if saved is None:
        return []
    told = (
        f"Shared: {saved.indexes_built} indexes built of {saved.indexes_wanted} that the cells use, "
        f"{saved.calls_made:,} chat calls made of {saved.calls_wanted:,}, {saved.tokens_saved:,} tokens saved."
    )
    return [told]


def _lines(result: SweepResult) -> Iterator[str]:
    yield leaderboard_markdown(result.leaderboard).rstrip()
    for one, about in parts(result):
        yield f"\n## {one.title}\n"
        yield f"{about}\n"
        yield from table([column.name for column in one.columns], map(texts, one.rows))
    yield from (f"\n{line}" for line in saved_lines(result))


def _gaps(result: SweepResult) -> tuple[Table, str]:
    board = result.leaderboard
    columns = (Column("cell", "pipeline"), Column("behind by"), Column("p"))
    rows = tuple(
        (value_cell(gap.label, "pipeline", gap.label), _signed("behind by", gap.difference), _p(gap.p_adjusted))
        for gap in result.gaps
    )
    about = (
        f"Paired differences over {result.questions[board.metrics[0]]} questions, the interval of each pair alone; "
        f"p adjusted for all pairs of cells ({'Holm' if board.by_labels else 'max-T'}), so that it is valid "
        f"although the best cell was chosen by its results.{_GAPS_BY_LABELS if board.by_labels else ''}"
    )
    return Table("gaps", columns, rows, f"Behind the best by {metric_title(board.metrics[0])}", turns="never"), about


def _effects(result: SweepResult) -> tuple[Table, str]:
    columns = (Column("metric", "word"), Column("factor", "text"), Column("change", "text"))
    rows = tuple(
        (
            Printed(metric_title(effect.metric), (("metric", effect.metric),)),
            Printed(effect.factor),
            Printed(f"{effect.before} → {effect.after}", (("before", effect.before), ("after", effect.after))),
            _signed("effect", effect.difference),
            _p(effect.p_adjusted),
            count_cell("settings", effect.contexts),
        )
        for effect in result.effects
    )
    about = (
        "The mean change over all settings of the other factors in which both levels were run, paired question by "
        "question; more than 0 is better. Interval and p are adjusted alike for all effects on the metric: with "
        f"{LEVEL:.0%} all of a metric's intervals hold, and one excludes 0 exactly where p is at most "
        f"{1 - LEVEL:.2g}.{_EFFECTS_BY_JUDGE if result.leaderboard.by_labels else ''}"
    )
    numbers = (Column("effect"), Column("p"), Column("settings"))
    return Table("effects", (*columns, *numbers), rows, "What each setting does", turns="never"), about


def _shares(result: SweepResult) -> tuple[Table, str]:
    columns = (Column("metric", "word"), Column("setting", "text"), Column("share"))
    rows = tuple(
        (
            Printed(metric_title(one.metric), (("metric", one.metric),)),
            Printed(" × ".join(one.factors), (("setting", " x ".join(one.factors)),)),
            interval_cell("share", f"{one.share.point:.0%} [{one.share.low:.0%}, {one.share.high:.0%}]", one.share),
        )
        for one in result.shares
    )
    about = (
        "Shares of the variance between the cells' means on a metric: of a setting by itself, and of two beyond what "
        "each does alone (type II sums of squares, less what chance adds). What is missing from 100% is of three and "
        "more together. Intervals by a bootstrap over questions, for each share alone; a metric on which the cells "
        "differ by no more than chance is left out."
    )
    return Table("shares", columns, rows, "How much each setting matters", turns="never"), about


def _interactions(result: SweepResult) -> tuple[Table, str]:
    strongest = sorted(result.interactions, key=lambda one: (one.p_adjusted, one.p_value))[:_MOST_INTERACTIONS]
    columns = (Column("metric", "word"), Column("change", "text"), Column("and", "text"))
    rows = tuple(
        (
            Printed(metric_title(one.metric), (("metric", one.metric),)),
            Printed(f"{one.factor}: {one.change[0]} → {one.change[1]}"),
            Printed(f"{one.other}: {one.other_change[0]} → {one.other_change[1]}"),
            _signed("more by", one.difference),
            _p(one.p_adjusted),
        )
        for one in strongest
    )
    about = (
        f"How much more the first change does where the second is made too (a difference of differences); the "
        f"{len(strongest)} with the smallest p of {len(result.interactions)} on all metrics, all of which are in the "
        "JSON. Interval and p are adjusted for all interactions on the metric. Where 0 is inside, the two may do the "
        "same whatever the other is."
    )
    numbers = (Column("more by"), Column("p"))
    return Table("interactions", (*columns, *numbers), rows, "Settings that depend on each other", turns="never"), about


def _front(result: SweepResult) -> tuple[Table, str]:
    priced = all(cell.cost is not None for cell in result.cells)
    names = (*(["cost"] if priced else []), "calls", "tokens", "paid calls", "paid tokens", "s/question")
    columns = (Column("cell", "pipeline"), *(Column(name, optional=True) for name in names))
    rows = tuple(_cost(cell, priced) for cell in result.cells if cell.label in result.front)
    first = metric_title(result.leaderboard.metrics[0])
    against = "cost" if priced else "calls, tokens"
    about = (
        "Cells that no other cell beats in all of these, by their means (the intervals above say how sure these "
        "are). Calls and tokens are what answering a question costs alone, and beside it what was paid after what "
        "the cache had; a latency with replies from the cache is not shown."
    )
    return Table("front", columns, rows, f"Worth its cost: {first} against {against} and latency"), about


def _cost(cell: Cell, priced: bool) -> tuple[Printed, ...]:
    latency = "–" if cell.latency_s is None else f"{cell.latency_s:.3f}"
    return (
        value_cell(cell.label, "pipeline", cell.label),
        *([value_cell(amount(cell.cost), "cost", cell.cost)] if priced else []),
        Printed(f"{cell.calls:.2f}", (("calls", cell.calls),)),
        Printed(f"{cell.tokens:.0f}", (("tokens", cell.tokens),)),
        Printed(f"{cell.paid_calls:.2f}", (("paid calls", cell.paid_calls),)),
        Printed(f"{cell.paid_tokens:.0f}", (("paid tokens", cell.paid_tokens),)),
        Printed(latency, (("s/question", cell.latency_s),)),
    )


def _signed(name: str, interval: Interval) -> Printed:
    return interval_cell(name, f"{interval.point:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]", interval)


def _p(value: float) -> Printed:
    return Printed("< 0.001" if value < 0.001 else f"{value:.3f}", (("p", value),))
