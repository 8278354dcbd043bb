"""The questions of a run as a list on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rageval.decide.question_list import ListedQuestion
from rageval.report.lines import print_line, shorten

_LONGEST_TEXT = 74


def print_questions(listed: Sequence[ListedQuestion], limit: int, console: Console) -> None:
    """Three lines for each of the first `limit` questions, and how many more there are."""
    for one in listed[:limit]:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in one.scores.items())
        print_line(console, f"{one.question.id}  {one.diagnosis.cause}", "bold")
        print_line(console, f"    {shorten(one.question.text, _LONGEST_TEXT)}")
        print_line(console, f"    {scores or 'no scores'}", "dim")
    rest = len(listed) - limit
    if rest > 0:
        print_line(console, f"… {rest} more of {len(listed)} (--limit {len(listed)} shows all)", "dim")
    if not listed:
        print_line(console, "no question of the run fits")
