"""A sweep as Markdown: its cells, how far each is behind the best, what settings do, and what is worth its cost."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.decide.halving import Halving
from rageval.decide.sweep import LEVEL, Cell, SweepResult
from rageval.report.leaderboard import markdown as leaderboard_markdown
from rageval.report.leaderboard import metric_title
from rageval.report.markdown import table
from rageval.stats import Interval

_GAPS_BY_LABELS = (
    " Differences are by people's labels and the judge together. Where labels of a cell cannot be joined with those of "
    "the best one, p is 1, and the interval is the judge's alone."
)
_EFFECTS_BY_JUDGE = " Effects on judged metrics are the judge's alone: people's labels are not used."


def markdown(result: SweepResult) -> str:
    """The whole report."""
    return "\n".join(_lines(result)) + "\n"


def halving_lines(halved: Halving) -> str:
    """How the cells came to be fewer."""
    lines = [
        f"- {one.questions} questions, {one.cells} cells: "
        + (f"dropped {len(one.dropped)}, surely behind: {', '.join(one.dropped)}" if one.dropped else "none dropped")
        for one in halved.rounds
    ]
    share = f"{halved.asked:,} of {halved.whole:,} pairs of cell and question were asked."
    return "\n".join(["", "## Successive halving", "", *lines, "", share]) + "\n"


def _lines(result: SweepResult) -> Iterator[str]:
    board = result.leaderboard
    first = metric_title(board.metrics[0])
    yield leaderboard_markdown(board).rstrip()
    if result.gaps:
        yield f"\n## Behind the best by {first}\n"
        yield (
            f"Paired differences over {result.questions[board.metrics[0]]} questions, the interval of each pair alone; "
            f"p adjusted for all pairs of cells ({'Holm' if board.by_labels else 'max-T'}), so that it is valid "
            f"although the best cell was chosen by its results.{_GAPS_BY_LABELS if board.by_labels else ''}\n"
        )
        rows = [[gap.label, _signed(gap.difference), _p(gap.p_adjusted)] for gap in result.gaps]
        yield from table(["cell", "behind by", "p"], rows)
    if result.effects:
        yield "\n## What each setting does\n"
        yield (
            "The mean change over all settings of the other factors in which both levels were run, paired question by "
            "question; more than 0 is better. Interval and p are adjusted alike for all effects on the metric: with "
            f"{LEVEL:.0%} all of a metric's intervals hold, and one excludes 0 exactly where p is at most "
            f"{1 - LEVEL:.2g}.{_EFFECTS_BY_JUDGE if board.by_labels else ''}\n"
        )
        effects = [
            [
                metric_title(effect.metric),
                effect.factor,
                f"{effect.before} → {effect.after}",
                _signed(effect.difference),
                _p(effect.p_adjusted),
                str(effect.contexts),
            ]
            for effect in result.effects
        ]
        yield from table(["metric", "factor", "change", "effect", "p", "settings"], effects)
    if result.front:
        yield f"\n## Worth its cost: {first} against calls, tokens and latency\n"
        yield (
            "Cells that no other cell beats in all of these, by their means (the intervals above say how sure these "
            "are). Calls and tokens are what answering a question costs alone, and beside it what was paid after what "
            "the cache had; a latency with replies from the cache is not shown.\n"
        )
        yield from table(
            ["cell", "calls", "tokens", "paid calls", "paid tokens", "s/question"],
            [_cost(cell) for cell in result.cells if cell.label in result.front],
        )
    if (saved := result.saved) is None:
        return
    yield (
        f"\nShared: {saved.indexes_built} indexes built of {saved.indexes_wanted} that the cells use, "
        f"{saved.calls_made:,} chat calls made of {saved.calls_wanted:,}, {saved.tokens_saved:,} tokens saved."
    )


def _cost(cell: Cell) -> list[str]:
    latency = "–" if cell.latency_s is None else f"{cell.latency_s:.3f}"
    paid = [f"{cell.paid_calls:.2f}", f"{cell.paid_tokens:.0f}"]
    return [cell.label, f"{cell.calls:.2f}", f"{cell.tokens:.0f}", *paid, latency]


def _signed(interval: Interval) -> str:
    return f"{interval.point:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
