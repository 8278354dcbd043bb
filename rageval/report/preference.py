"""Preferences as lines and tables for every format."""

from __future__ import annotations

from rageval.decide.preference import PreferResult
from rageval.report.compare import p_value_cell
from rageval.report.pairs_printout import run_lines
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, count_cell, interval_cell
from rageval.stats import Interval


def preference_printout(result: PreferResult) -> Printout:
    """The sentence, the counts, and how far the order of the answers decided."""
    blocks: list[Line | Table] = [*run_lines(result.baseline, result.candidate, result.left_out)]
    blocks.append(Line(result.sentence, "strong"))
    share = result.win_share
    if share is not None and result.p_value is not None:
        names = ("wins", "ties", "losses", "questions", "win share", "p (sign test)")
        row = (*counts(result), count_cell("questions", result.n), share_cell("win share", share))
        p = p_value_cell("p (sign test)", result.p_value)
        blocks.append(Table("preferences", tuple(map(Column, names)), ((*row, p),), turns="never"))
    if result.labelled is not None:
        labelled = result.labelled
        found = ("corrected by people", labelled.share), ("people alone", labelled.labels_only)
        columns = Column("win share", "word"), Column("mean and 95% interval"), Column("questions")
        rows = tuple(
            (Cell(name), share_cell("mean", one), count_cell("questions", one.n), Cell(one.method))
            for name, one in (*found, ("judge alone", labelled.judge_only))
        )
        blocks.append(Table("labelled preferences", (*columns, Column("method", "word")), rows))
        if labelled.warning:
            blocks.append(Line(f"warning: {labelled.warning}", "warning"))
    blocks += [Line(line, "faint") for line in _notes(result)]
    return Printout(f"{result.candidate.label} against {result.baseline.label}, by preference", tuple(blocks))


def counts(result: PreferResult) -> tuple[Cell, Cell, Cell]:
    """Wins, ties and losses of the candidate."""
    wins, ties, losses = result.count("win"), result.count("tie"), result.count("loss")
    return count_cell("wins", wins), count_cell("ties", ties), count_cell("losses", losses)


def share_cell(name: str, interval: Interval | None) -> Cell:
    """`0.875 [0.617, 0.985]`, or nothing."""
    text = "" if interval is None else f"{interval.point:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    return interval_cell(name, text, interval)


def _notes(result: PreferResult) -> list[str]:
    bias, how, usage = result.position_bias, result.how, result.usage
    lines: list[str] = []
    if bias is not None:
        decided = how.get("the order decides", 0)
        lines.append(
            f"position bias: the order decided {decided} of {bias.n} pairs, {bias.point:.1%} [{bias.low:.1%}, "
            f"{bias.high:.1%}], {result.for_first} of them for the answer shown first; these are ties"
        )
    others = [f"{count} {name}" for name, count in how.items() if name not in ("both orders agree", "no verdict")]
    if result.labelled is not None:
        people = result.labelled
        lines.append(
            f"people: {people.annotators} on {people.labelled} questions; {people.settled} more of their sample needed "
            "nobody"
        )
    if others:
        lines.append("not decided by two verdicts that agree: " + ", ".join(others))
    if result.abstained:
        lines.append(f"{result.abstained} questions have no verdict and are left out: a reply could not be read")
    lines.append(f"judged by {result.model}; {usage.calls} calls, of which {usage.paid_calls} were paid for")
    return lines
