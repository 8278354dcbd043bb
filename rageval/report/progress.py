"""Progress on a terminal: rate and remaining time. Silent where standard error is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    """Steps per second, or seconds per step where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")


class Bars:
    """A bar for each kind of work; each appears when it is first told of."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def embedding(self, done: int, total: int) -> None:
        # a single question is embedded in a moment: a bar for it would only flicker
        if total > 1:
            self._show("embedding passages", done, total)

    def questions(self, done: int, total: int) -> None:
        self._show("questions × pipelines", done, total)

    def responses(self, done: int, total: int) -> None:
        self._show("responses", done, total)

    def labelled_items(self, done: int, total: int) -> None:
        self._show("labelled items", done, total)

    def examples(self, done: int, total: int) -> None:
        self._show("examples", done, total)

    def attacks(self, done: int, total: int) -> None:
        self._show("attacks and controls", done, total)

    def preferences(self, done: int, total: int) -> None:
        self._show("pairs of answers", done, total)

    def synthetic_questions(self, done: int, total: int) -> None:
        self._show("questions that passed", done, total)

    def report(self, done: int, total: int) -> None:
        self._show("questions of the report", done, total)

    def files(self, done: int, total: int) -> None:
        self._show("files", done, total)

    def answers(self, done: int, total: int) -> None:
        """Of a log that is read as it comes, so that the total is not known (0)."""
        self._show("answers of the log", done, total or None)

    def stop(self) -> None:
        self._progress.stop()

    def _show(self, name: str, done: int, total: int | None) -> None:
        known = self._tasks.get(name)
        if known is None:
            self._tasks[name] = self._progress.add_task(name, total=total, completed=done)
        else:
            self._progress.update(known, total=total, completed=done)


@contextmanager
def progress_bars() -> Generator[Bars]:
    """Bars on standard error for the time of the block."""
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bars(progress)
