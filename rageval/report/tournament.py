"""Preferences among several runs as lines and tables for every format."""

from __future__ import annotations

from rageval.decide.preference import PreferResult
from rageval.decide.tournament import Tournament
from rageval.report.preference import counts, share_cell
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, value_cell
from rageval.scores.pairs import UNCORRECTED


def tournament_printout(result: Tournament) -> Printout:
    """The ranks with win shares and strengths, then every pair."""
    title = f"{len(result.standings)} runs, {result.n} questions, all pairs ({UNCORRECTED})"
    columns = (Column("rank"), Column("run", "pipeline"))
    numbers = (Column("win share against the others"), Column("beats the average run"))
    rows = tuple(
        (
            _rank(one.rank),
            Cell(one.run.label),
            share_cell("win share", one.win_share),
            share_cell("beats the average run", one.strength),
        )
        for one in result.standings
    )
    blocks: list[Line | Table] = [Line(line, "warning") for line in result.left_out.of_many]
    blocks.append(Table("preferences", (*columns, *numbers), rows, title, key=1, turns="never"))
    pairs = (Column("baseline", "pipeline"), Column("candidate", "pipeline"))
    names = ("wins", "ties", "losses", "candidate's win share", "order decides")
    matches = tuple(map(_match, result.matches))
    blocks.append(Table("pairs", (*pairs, *map(Column, names)), matches, "all pairs", turns="never"))
    if result.without_verdict:
        blocks.append(Line(f"{result.without_verdict} questions lack a verdict on some pair and are left out", "faint"))
    calls = sum(match.usage.calls for match in result.matches)
    paid = sum(match.usage.paid_calls for match in result.matches)
    model = result.matches[0].model
    blocks.append(Line(f"judged by {model}; {calls} calls, of which {paid} were paid for", "faint"))
    return Printout(title, tuple(blocks))


def _match(one: PreferResult) -> tuple[Cell, ...]:
    share, bias = share_cell("win share", one.win_share), one.position_bias
    decided = Cell("") if bias is None else value_cell(f"{bias.point:.1%}", "order decides", bias.point)
    return (Cell(one.baseline.label), Cell(one.candidate.label), *counts(one), share, decided)


def _rank(rank: tuple[int, int]) -> Cell:
    first, last = rank
    return Cell(str(first) if first == last else f"{first}–{last}", (("rank", first), ("rank last", last)))
