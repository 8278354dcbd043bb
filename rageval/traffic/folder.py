"""What is kept of a scored log: a folder with numbers, never with texts.

    manifest.json   the log, how it was read, how many answers and bad lines it has, what was masked, what was judged
    answers.jsonl   a line per answer: id, day, session, fields to slice by, feedback, and its numbers

The lines are appended in batches, so a scoring that was killed goes on behind the last whole line.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.io.disk import held_folder, named_in_errors, write_atomically
from rageval.io.line_log import drop_torn_tail, encode_text, read_lines
from rageval.io.stored import REMEDY
from rageval.types import Json

FORMAT = 1
MANIFEST, ANSWERS = "manifest.json", "answers.jsonl"
_LOCK = ".lock"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one answer. `open` says that its words leave open whether it abstains."""

    id: str
    day: str
    session: str
    groups: Mapping[str, str]
    feedback: float | None
    values: Mapping[str, float]
    open: bool = False

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "day": self.day,
            "session": self.session,
            "groups": {**self.groups},
            "feedback": self.feedback,
            "values": {**self.values},
            "open": self.open,
        }


def _row(data: Mapping[str, Any]) -> Row:
    return Row(data["id"], data["day"], data["session"], data["groups"], data["feedback"], data["values"], data["open"])


@dataclass(frozen=True, slots=True)
class TrafficFolder:
    """The folder of a scored log."""

    path: Path

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder for writing, without what a kill tore. Raises DeclarationError where another process holds it
        or nobody may write.
        """
        with held_folder(self.path, _LOCK, "scoring this log"):
            drop_torn_tail(self.path / ANSWERS)
            yield

    def rows(self) -> Iterator[Row]:
        """The answers in the order of the log, read as they are asked for."""
        return read_lines(self.path / ANSWERS, _row)

    def count(self) -> int:
        """How many answers are there."""
        path = self.path / ANSWERS
        if not path.exists():
            return 0
        with path.open("rb") as file:
            return sum(line.endswith(b"\n") for line in file)

    @contextmanager
    def writing(self) -> Generator[RowWriter]:
        """What adds answers; what was added is written at the end of the block, also after an error."""
        writer = RowWriter(self.path / ANSWERS)
        try:
            yield writer
        finally:
            writer.flush()

    def has_manifest(self) -> bool:
        """Whether a log was scored here to its end."""
        return (self.path / MANIFEST).is_file()

    def manifest(self) -> dict[str, Any]:
        """The manifest. Raises DeclarationError where there is none that this version can read."""
        path = self.path / MANIFEST
        try:
            found: object = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise DeclarationError(f"{path}: found no scored log, expected what `rageval score` wrote") from None
        manifest = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if manifest.get("format") != FORMAT:
            raise DeclarationError(f"{path}: found format {manifest.get('format')}, expected {FORMAT}: {REMEDY}")
        return manifest

    def write_manifest(self, content: Mapping[str, Json]) -> None:
        """Replace the manifest."""
        text = json.dumps({"format": FORMAT, **content}, ensure_ascii=False, allow_nan=False, indent=1)
        write_atomically(self.path / MANIFEST, encode_text(text + "\n"))


class RowWriter:
    """Appends answers, many in one write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []

    def add(self, row: Row) -> None:
        self._lines.append(json.dumps(row.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
        if len(self._lines) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        with named_in_errors(self._path), self._path.open("ab") as file:
            file.write(encode_text("".join(self._lines)))
        self._lines.clear()
