"""How good a judge is, as lines and tables for every format."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.people import Calibrated
from rageval.people.attacks import AttackCell, AttackReport, Rate
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, interval_cell
from rageval.scores.agreement import Figures
from rageval.stats import Interval

_MOST_REASONS = 5


def calibration_printout(result: Calibrated) -> Printout:
    """The figures with their 95% intervals, what the judging took, and what attacks did."""
    record = result.record
    title = f"{record.judge} by {record.model} on {record.labels} (sha256 {record.sha256[:12]})"
    blocks: list[Line | Table] = [Line(title), Line("")]
    if record.zero_shot is not None:
        names = ["zero-shot"]
        columns = [[*_figures(record.zero_shot)]]
        if record.cross_validated is not None and record.scaling is not None:
            names.append(f"{record.scaling.method}, cross-validated")
            columns.append([*_figures(record.cross_validated)])
        rows = tuple(
            (Cell(same[0][0]), *(interval_cell(names[i], figure_cell(one), one) for i, (_, one) in enumerate(same)))
            for same in zip(*columns, strict=True)
        )
        blocks += [Table("figures", (Column("measure", "word"), *map(Column, names)), rows), Line("")]
    blocks.append(Line(f"{record.n} of {record.n + record.abstained} items judged, {record.abstained} abstained"))
    reasons = list(result.reasons.items())
    blocks += [Line(f"  {count} × {' '.join(reason.split())}") for reason, count in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        blocks.append(Line(f"  {sum(count for _, count in reasons[_MOST_REASONS:])} for other reasons"))
    blocks.append(Line(_cost(result)))
    return Printout(title, (*blocks, *([] if result.attacks is None else [Line(""), *_attacks(result.attacks)])))


def _figures(figures: Figures) -> Iterator[tuple[str, Interval | None]]:
    yield "accuracy", figures.accuracy
    yield "balanced accuracy", figures.balanced_accuracy
    yield "AUC", figures.auc
    yield "Cohen's kappa", figures.kappa
    yield "calibration error ↓", figures.ece


def figure_cell(interval: Interval | None) -> str:
    """`0.812 [0.74, 0.87]`, or a dash."""
    return "–" if interval is None else f"{interval.point:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def _cost(result: Calibrated) -> str:
    usage, items = result.usage, result.record.n + result.record.abstained
    seconds = "" if result.seconds_per_item is None else f", {result.seconds_per_item:.2f} s an item"
    return (
        f"{usage.calls / items:.1f} calls an item, {usage.prompt_tokens} prompt and {usage.completion_tokens} "
        f"completion tokens; {usage.paid_calls} of {usage.calls} calls were paid for{seconds}"
    )


def _attacks(report: AttackReport) -> Iterator[Line | Table]:
    columns = (Column("changed from no to yes", "word"), Column("by attacks"), Column("by controls"))
    rows = tuple(
        (Cell(_name(cell)), _rate("by attacks", cell.attacks), _rate("by controls", cell.controls))
        for cell in report.cells
    )
    yield Table("attacks", columns, rows)
    untried = [f"{cell.untried} for {_name(cell)}" for cell in report.cells if cell.untried and cell.language]
    if untried:
        why = "no item of that language that people labelled 0 and the judge called no (for passages: with a context)"
        yield Line(f"not tried: {', '.join(untried)}: {why}")


def _name(cell: AttackCell) -> str:
    return "all" if cell.language is None else f"{cell.language}, {cell.place}s"


def _rate(name: str, rate: Rate) -> Cell:
    abstained = f", {rate.abstained} without verdict" if rate.abstained else ""
    text = "–" if rate.rate is None else f"{figure_cell(rate.rate)} ({rate.yes} of {rate.n}{abstained})"
    counts = ((f"{name} yes", rate.yes), (f"{name} tried", rate.n), (f"{name} without verdict", rate.abstained))
    return Cell(text, (*interval_cell(name, text, rate.rate).parts, *counts))
