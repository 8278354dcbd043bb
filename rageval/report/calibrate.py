"""How good a judge is, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rageval.people import Calibrated
from rageval.people.attacks import AttackCell, AttackReport, Rate
from rageval.scores.agreement import Figures
from rageval.stats import Interval

_MOST_REASONS = 5


def calibration_text(result: Calibrated) -> str:
    """The figures with their 95% intervals, what the judging took, and what attacks did."""
    record = result.record
    lines = [f"{record.judge} by {record.model} on {record.labels} (sha256 {record.sha256[:12]})", ""]
    if record.zero_shot is not None:
        columns = [["", "zero-shot"], *([name, cell] for name, cell in _figures(record.zero_shot))]
        if record.cross_validated is not None and record.scaling is not None:
            columns[0].append(f"{record.scaling.method}, cross-validated")
            for row, (_, cell) in zip(columns[1:], _figures(record.cross_validated), strict=True):
                row.append(cell)
        lines += [*_aligned(columns), ""]
    lines.append(f"{record.n} of {record.n + record.abstained} items judged, {record.abstained} abstained")
    reasons = list(result.reasons.items())
    lines += [f"  {count} × {' '.join(reason.split())}" for reason, count in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        lines.append(f"  {sum(count for _, count in reasons[_MOST_REASONS:])} for other reasons")
    lines.append(_cost(result))
    if result.attacks is not None:
        lines += ["", *_attacks(result.attacks)]
    return "\n".join(lines)


def _figures(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "accuracy", figure_cell(figures.accuracy)
    yield "balanced accuracy", figure_cell(figures.balanced_accuracy)
    yield "AUC", figure_cell(figures.auc)
    yield "Cohen's kappa", figure_cell(figures.kappa)
    yield "calibration error ↓", figure_cell(figures.ece)


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


def _attacks(report: AttackReport) -> list[str]:
    rows = [["changed from no to yes", "by attacks", "by controls"]]
    rows += [[_name(cell), _rate(cell.attacks), _rate(cell.controls)] for cell in report.cells]
    untried = [f"{cell.untried} for {_name(cell)}" for cell in report.cells if cell.untried and cell.language]
    if untried:
        why = "no item of that language that people labelled 0 and the judge called no (for passages: with a context)"
        return [*_aligned(rows), f"not tried: {', '.join(untried)}: {why}"]
    return _aligned(rows)


def _name(cell: AttackCell) -> str:
    return "all" if cell.language is None else f"{cell.language}, {cell.place}s"


def _rate(rate: Rate) -> str:
    abstained = f", {rate.abstained} without verdict" if rate.abstained else ""
    return "–" if rate.rate is None else f"{figure_cell(rate.rate)} ({rate.yes} of {rate.n}{abstained})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
