"""A log read line by line: a JSON object a line, plain or compressed with gzip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.io.spreadsheets import refuse_sheet
from rageval.io.text_lines import read_lines
from rageval.traffic.fields import FieldNames
from rageval.traffic.masking import Masker
from rageval.traffic.record import BadRecordError, LoggedAnswer, read_record

_SHOWN = 3
_DIGEST = 16


@dataclass
class BadLines:
    """Lines that hold no answer: how many, and the first of them with what was found and expected."""

    count: int = 0
    examples: list[str] = field(default_factory=list[str])

    def add(self, problem: str) -> None:
        self.count += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(problem)


@dataclass
class Log:
    """A log. `groups` are the fields to keep; with `skip_bad`, lines that hold no answer are counted in `bad` and left
    out, and else they are an error. With a `masker`, personal data is taken out of every record first.

    Only digests of the ids are kept in memory.
    """

    path: Path
    names: FieldNames = field(default_factory=FieldNames)
    groups: Sequence[str] = ()
    skip_bad: bool = False
    masker: Masker | None = None
    bad: BadLines = field(default_factory=BadLines)

    def __iter__(self) -> Iterator[LoggedAnswer]:
        """The answers in order, with ids that differ: a line without an id is named by its number.

        Raises DeclarationError for the first line that holds no answer (unless `skip_bad`), and for a log without any.
        """
        refuse_sheet(self.path, "a log: JSON Lines with a question and an answer each")
        self.bad = BadLines()
        seen: set[bytes] = set()
        problems: list[str] = []
        any_answer = False
        try:
            for place, line in read_lines(self.path, problems):
                self._tell(problems)
                if not line.strip():
                    continue
                try:
                    answer = self._read(line, place, seen)
                except BadRecordError as error:
                    self._tell([f"{place}: {error}"])
                    continue
                any_answer = True
                yield answer
            self._tell(problems)
        except OSError as error:
            raise DeclarationError(f"{self.path}: cannot be read ({error.strerror or error})") from None
        if not any_answer:
            first = f": {self.bad.examples[0]}" if self.bad.examples else ""
            raise DeclarationError(f"{self.path}: found no answer, expected at least one{first}")

    def _read(self, line: str, place: str, seen: set[bytes]) -> LoggedAnswer:
        try:
            record: object = json.loads(line)
        except (ValueError, RecursionError):
            raise BadRecordError(f"found {self._shown(line)} that is no JSON, expected a JSON object a line") from None
        if not isinstance(record, dict):
            raise BadRecordError(f"found {type(record).__name__}, expected a JSON object")
        fields = cast("dict[str, Any]", record)
        if self.masker is not None:
            fields = self.masker.mask(fields)
        answer = read_record(fields, self.names, self.groups, f"line-{place.rpartition(':')[2]}")
        digest = hashlib.blake2b(answer.id.encode(errors="replace"), digest_size=_DIGEST).digest()
        if digest in seen:
            raise BadRecordError(f"found the id {answer.id!r:.60} again, expected it once")
        seen.add(digest)
        return answer

    def _shown(self, line: str) -> str:
        """The beginning of the line, unless it may hold what is to be masked."""
        return "a line" if self.masker is not None else f"{line[:40]!r}"

    def _tell(self, problems: list[str]) -> None:
        for problem in problems:
            if not self.skip_bad:
                raise DeclarationError(f"{problem} (--skip-bad leaves such lines out and counts them)")
            self.bad.add(problem)
        problems.clear()


def digest_of(path: Path) -> str:
    """SHA-256 of the file. Raises DeclarationError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror}), expected a log (JSON Lines)") from None
    return digest.hexdigest()
