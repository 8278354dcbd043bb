"""The questions of a run as a list on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rageval.decide.question_list import ListedQuestion

_LONGEST_TEXT = 74


def print_questions(listed: Sequence[ListedQuestion], limit: int, console: Console) -> None:
    """Three lines for each of the first `limit` questions, and how many more there are."""
    for one in listed[:limit]:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in one.scores.items())
        console.print(Text(f"{one.question.id}  {one.diagnosis.cause}", style="bold"))
        console.print(Text(f"    {_short(one.question.text)}"))
        console.print(Text(f"    {scores or 'no scores'}", style="dim"))
    rest = len(listed) - limit
    if rest > 0:
        console.print(Text(f"… {rest} more of {len(listed)} (--limit {len(listed)} shows all)", style="dim"))
    if not listed:
        console.print(Text("no question of the run fits"))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_TEXT else words[: _LONGEST_TEXT - 1] + "…"
