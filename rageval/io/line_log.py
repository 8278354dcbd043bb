"""An append-only JSON Lines file as records by question; memory holds each record's position, not its content."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rageval.errors import DeclarationError
from rageval.io.stored import REMEDY, convert
from rageval.io.strict import shown

T = TypeVar("T")

_NOWHERE = -1


class LineLog(Mapping[str, T]):
    """The records of a file by their `question_id`; each access reads the record from disk.

    If several lines have the same id, the last one counts. `update` picks up lines appended since. A missing file has
    no lines, and a last line without its line break (torn by a kill, or being written) is ignored. `numbers` maps ids
    to integers from 0 on, and grows; logs of the same questions share it, so that a line takes eight bytes of memory in
    each log. Raises DeclarationError with the line number for a line that is not JSON, and with the question for one
    that `read` cannot read.
    """

    def __init__(
        self, path: Path, read: Callable[[Mapping[str, Any]], T], numbers: dict[str, int] | None = None
    ) -> None:
        self._path = path
        self._read = read
        self._numbers = {} if numbers is None else numbers
        self._starts = array("q")
        self._there = 0
        self._end = 0
        self._lines = 0
        self.update()

    def update(self) -> None:
        """Take in the lines that were appended since."""
        for start, size, record in lines_from(self._path, self._end, self._lines):
            question_id = convert(str(self._path), record, lambda found: found["question_id"])
            self._take_in(question_id, start, start + size)

    def add(self, question_id: str, start: int, end: int) -> None:
        """Add a line that this process appended, without reading it. Lines appended before it are read."""
        if start != self._end:
            self.update()
        else:
            self._take_in(question_id, start, end)

    def _take_in(self, question_id: str, start: int, end: int) -> None:
        number = self._numbers.setdefault(question_id, len(self._numbers))
        if number >= len(self._starts):
            self._starts.extend([_NOWHERE] * (number + 1 - len(self._starts)))
        self._there += self._starts[number] == _NOWHERE
        self._starts[number] = start
        self._end = end
        self._lines += 1

    def forget(self, question_ids: Iterable[str]) -> None:
        """Ignore the lines that these questions have so far."""
        for question_id in question_ids:
            if question_id in self:
                self._starts[self._numbers[question_id]] = _NOWHERE
                self._there -= 1

    def __getitem__(self, question_id: str) -> T:
        start = self._start(question_id)
        if start == _NOWHERE:
            raise KeyError(question_id)
        with self._path.open("rb") as file:
            file.seek(start)
            record = json.loads(file.readline())
        return convert(f"{self._path}: question {question_id}", record, self._read)

    def __contains__(self, question_id: object) -> bool:
        return self._start(question_id) != _NOWHERE

    def __iter__(self) -> Iterator[str]:
        return (question_id for question_id in [*self._numbers] if question_id in self)

    def __len__(self) -> int:
        return self._there

    def _start(self, question_id: object) -> int:
        number = self._numbers.get(question_id, len(self._starts)) if isinstance(question_id, str) else -1
        return self._starts[number] if 0 <= number < len(self._starts) else _NOWHERE


def read_lines(path: Path, read: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    """The records of a file as `read` gives them, in order; see `LineLog` for what counts and what is raised."""
    return (convert(f"{path}:{number}", line[2], read) for number, line in enumerate(lines_from(path, 0, 0), 1))


def lines_from(path: Path, start: int, before: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
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
            if not isinstance(record, dict):
                raise DeclarationError(f"{path}:{number}: found {shown(record)}, expected a JSON object: {REMEDY}")
            yield start, len(line), record
            start += len(line)
