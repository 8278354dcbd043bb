"""A leaderboard and a single question on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rageval.decide.leaderboard import Leaderboard
from rageval.io.records import Outcome
from rageval.report.failures import failure_notes
from rageval.report.judge_notes import judge_notes
from rageval.report.leaderboard import cells, difference_cells, header, label_notes, label_warnings, legend, no_ranks
from rageval.report.passage_note import passage_notes
from rageval.types import Abstained, Evidence, Failure, Judgment, Question


def stdout_console() -> Console:
    """Standard output; wide enough for whole lines where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=240)


def print_leaderboard(board: Leaderboard, console: Console) -> None:
    """The table, or, where it is wider than the terminal, a block per pipeline."""
    names = header(board)
    rows = [cells(board, row) for row in board.rows]
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    if sum(widths) + 3 * len(widths) + 1 <= console.width:
        table = Table()
        for name in names:
            table.add_column(name, justify="left" if name == "pipeline" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        for row in rows:
            console.print(Text(f"{row[0]:>4}  {row[1]}", style="bold"))
            for name, value in zip(names[2:], row[2:], strict=True):
                console.print(Text(f"        {name:<20} {value}"))
    for line in no_ranks(board):
        console.print(Text(line, style="bold"))
    for note in failure_notes(board):
        console.print(Text(note, style="bold red"))
    for note in label_notes(board):
        console.print(Text(note))
    for note in judge_notes(board):
        console.print(Text(note))
    for warning in label_warnings(board):
        console.print(Text(warning, style="bold red"))
    console.print(Text(legend(board), style="dim"))
    for note in passage_notes(board):
        console.print(Text(note, style="dim"))
    for role, identity in board.models.items():
        console.print(Text(f"{role}: {identity}", style="dim"))
    if differ := difference_cells(board):
        names, *of_runs = differ
        console.print(Text("not the same for all rows:", style="dim"))
        for label, run, *values in of_runs:
            told = "; ".join(f"{name} {value}" for name, value in zip(names[2:], values, strict=True))
            console.print(Text(f"  {label} ({run}): {told}", style="dim"))


def print_question(
    question: Question,
    outcome: Outcome,
    grades: Mapping[str, int],
    judgments: Mapping[str, Sequence[Judgment]],
    console: Console,
) -> None:
    """Question, hits with their labels, answer, verdicts with evidence. `grades` is by document id."""
    _line(
        console, f"{question.id} ({question.language}{', ' if question.tags else ''}{', '.join(question.tags)})", "bold"
    )
    _line(console, question.text)
    for reference in question.references:
        _line(console, f"  reference: {reference}", "dim")
    if isinstance(outcome, Failure):
        _line(console, f"failed: {outcome.error}: {outcome.message}", "bold red")
        _traceback(console, outcome.traceback, "")
        return
    _line(console, "\nhits (grade, read by the generator, passage)", "bold")
    for position, hit in enumerate(outcome.hits[:20]):
        grade = grades.get(hit.passage.doc_id)
        read = "*" if position in outcome.context else " "
        text = " ".join(hit.passage.text.split())[:90]
        _line(console, f"{position + 1:>3} {'-' if grade is None else grade} {read} {hit.passage.id}  {text}")
    if len(outcome.hits) > 20:
        _line(console, f"    … {len(outcome.hits) - 20} more", "dim")
    for step in outcome.steps:
        detail = ", ".join(f"{key}: {value}" for key, value in step.detail.items())
        _line(console, f"step {step.name}  {detail}", "dim")
    _line(console, "\nanswer" + (" (abstained)" if outcome.abstained else ""), "bold")
    _line(console, outcome.answer or "none was generated")
    if outcome.citations:
        _line(console, "cites hits " + ", ".join(str(position + 1) for position in outcome.citations), "dim")
    for judge, said in judgments.items():
        _line(console, f"\n{judge}", "bold")
        for judgment in said:
            _line(console, f"  {_verdict(judgment)}  {judgment.item} {judgment.index + 1}: {judgment.text}")
            if isinstance(judgment.verdict, Abstained):
                _traceback(console, judgment.verdict.traceback, "      ")
            else:
                for evidence in judgment.verdict.evidence:
                    _line(console, f"      {_shown(evidence)}", "dim")


def _traceback(console: Console, text: str, indent: str) -> None:
    for line in text.splitlines():
        _line(console, indent + line, "dim")


def _shown(evidence: Evidence) -> str:
    if evidence.hit is None:
        return "no hit shows it"
    words = f"hit {evidence.hit + 1}: “{evidence.quote}”" if evidence.quote else f"hit {evidence.hit + 1}"
    return words if evidence.found else f"{words} (named by the judge; few or none of the claim's words are there)"


def _verdict(judgment: Judgment) -> str:
    verdict = judgment.verdict
    votes = ", ".join("none" if vote is None else f"{vote:g}" for vote in verdict.votes)
    shown = f" (votes {votes})" if votes else ""
    if isinstance(verdict, Abstained):
        return f"no verdict ({verdict.reason}){shown}"
    probability = "" if verdict.probability is None else f" P(yes) {verdict.probability:.2f}"
    return f"{verdict.grade:g}{probability}{shown}"


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))
