"""Preferences on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rageval.decide.preference import PreferResult
from rageval.report.compare import p_cell, print_runs, print_table
from rageval.stats import Interval


def print_preferences(result: PreferResult, console: Console) -> None:
    """The sentence, the counts, and how far the order of the answers decided."""
    print_runs(result.baseline, result.candidate, result.left_out, console)
    console.print(Text(result.sentence, style="bold"))
    share = result.win_share
    if share is not None and result.p_value is not None:
        header = ["wins", "ties", "losses", "questions", "win share", "p (sign test)"]
        counts = [str(result.count("win")), str(result.count("tie")), str(result.count("loss")), str(result.n)]
        print_table(header, [[*counts, interval_cell(share), p_cell(result.p_value)]], console)
    if result.labelled is not None:
        labelled = result.labelled
        found = ("corrected by people", labelled.share), ("people alone", labelled.labels_only)
        rows = [
            [name, interval_cell(i), str(i.n), i.method] for name, i in (*found, ("judge alone", labelled.judge_only))
        ]
        print_table(["win share", "mean and 95% interval", "questions", "method"], rows, console)
        if labelled.warning:
            console.print(Text(f"warning: {labelled.warning}", style="yellow"))
    for line in _notes(result):
        console.print(Text(line, style="dim"))


def interval_cell(interval: Interval) -> str:
    """`0.875 [0.617, 0.985]`."""
    return f"{interval.point:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


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
