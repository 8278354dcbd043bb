"""A JSON Lines file that is only appended to, as records by question: kept is where each stands, not what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rageval.errors import DeclarationError

T = TypeVar("T")


class LineLog(Mapping[str, T]):
    """The records of a file by their `question_id`, each read anew whenever it is asked for.

    Of several lines with one id the last counts. `update` takes in what was appended since. A file that is not there
    has no lines, and one without its end (torn by a kill, or being written) does not count. Raises DeclarationError for
    a line that is not JSON, with its number.
    """

    def __init__(self, path: Path, read: Callable[[dict[str, Any]], T]) -> None:
        self._path = path
        self._read = read
        self._starts: dict[str, int] = {}
        self._end = 0
        self._lines = 0
        self.update()

    def update(self) -> None:
        """Take in the lines that were appended since."""
        for start, size, record in _lines(self._path, self._end, self._lines):
            self._starts[record["question_id"]] = start
            self._end = start + size
            self._lines += 1

    def forget(self, question_ids: Iterable[str]) -> None:
        """Let the lines of these questions that are there by now not count."""
        for question_id in question_ids:
            self._starts.pop(question_id, None)

    def __getitem__(self, question_id: str) -> T:
        start = self._starts[question_id]
        with self._path.open("rb") as file:
            file.seek(start)
            return self._read(json.loads(file.readline()))

    def __contains__(self, question_id: object) -> bool:
        return question_id in self._starts

    def __iter__(self) -> Iterator[str]:
        return iter(self._starts)

    def __len__(self) -> int:
        return len(self._starts)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, in order; see `LineLog` for what counts."""
    return (record for _, _, record in _lines(path, 0, 0))


def _lines(path: Path, start: int, before: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Where each line from `start` on begins, its size in bytes, and its record; `before` lines come before it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for number, line in enumerate(file, before + 1):
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
            except ValueError:
                raise DeclarationError(
                    f"{path}:{number}: found a line that is not JSON, expected a record: delete it and run again"
                ) from None
            yield start, len(line), record
            start += len(line)
