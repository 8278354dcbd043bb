"""Preferences among several runs on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rageval.decide.preference import PreferResult
from rageval.decide.tournament import Tournament
from rageval.report.compare import print_table
from rageval.report.preference import interval_cell
from rageval.scores.pairs import UNCORRECTED


def print_tournament(result: Tournament, console: Console) -> None:
    """The ranks with win shares and strengths, then every pair."""
    for line in result.left_out.of_many:
        console.print(Text(line, style="yellow"))
    title = f"{len(result.standings)} runs, {result.n} questions, all pairs ({UNCORRECTED})"
    console.print(Text(title, style="bold"))
    header = ["rank", "run", "win share against the others", "beats the average run"]
    rows = [
        [_rank(one.rank), one.run.label, interval_cell(one.win_share), interval_cell(one.strength)]
        for one in result.standings
    ]
    print_table(header, rows, console)
    header = ["baseline", "candidate", "wins", "ties", "losses", "candidate's win share", "order decides"]
    print_table(header, [_match(one) for one in result.matches], console)
    if result.without_verdict:
        console.print(
            Text(f"{result.without_verdict} questions lack a verdict on some pair and are left out", style="dim")
        )
    calls = sum(match.usage.calls for match in result.matches)
    paid = sum(match.usage.paid_calls for match in result.matches)
    model = result.matches[0].model
    console.print(Text(f"judged by {model}; {calls} calls, of which {paid} were paid for", style="dim"))


def _match(one: PreferResult) -> list[str]:
    counts = [str(one.count("win")), str(one.count("tie")), str(one.count("loss"))]
    share = "" if one.win_share is None else interval_cell(one.win_share)
    bias = "" if one.position_bias is None else f"{one.position_bias.point:.1%}"
    return [one.baseline.label, one.candidate.label, *counts, share, bias]


def _rank(rank: tuple[int, int]) -> str:
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"
