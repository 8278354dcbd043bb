"""How far a run is that is not finished, from its logs, which grow while it is looked at."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.io.line_log import lines_from
from rageval.io.run_folder import RunFolder
from rageval.types import Json

WINDOW_S = 300.0
QUIET_S = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `total` answers are asked for, in all repeats; `judged` says by judge how many it
    has judged.

    `running` tells a run that a process writes from one that was stopped. `rate` is answers and judgments per second
    over the last five minutes at most, None as long as nothing was seen to come. `remaining_s` is the time that the
    judges known so far need at that rate. `quiet_s` is the time since something was written last.
    """

    total: int
    answered: int
    failed: int
    judged: Mapping[str, int]
    running: bool
    rate: float | None
    remaining_s: float | None
    quiet_s: float

    def to_json(self) -> dict[str, Json]:
        return {
            "total": self.total,
            "answered": self.answered,
            "failed": self.failed,
            "judged": {**self.judged},
            "running": self.running,
            "rate": self.rate,
            "remaining_s": self.remaining_s,
            "quiet_s": self.quiet_s,
        }


class GrowingLog:
    """The questions that a log has a line for, in the order in which they came; each update reads what is new.

    A last line without its line break counts once it is whole. A log that was replaced or cut is read anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts: dict[str, tuple[int, bool]] = {}
        self._file = 0
        self._end = 0
        self._lines = 0

    def update(self) -> None:
        """Read what was appended. Raises DeclarationError for a whole line that is not JSON."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._forget(0)
            return
        if found.st_ino != self._file or found.st_size < self._end:
            self._forget(found.st_ino)
        for start, size, record in lines_from(self._path, self._end, self._lines):
            question = str(record.get("question_id"))
            self._starts.pop(question, None)
            self._starts[question] = start, "failure" in record
            self._end, self._lines = start + size, self._lines + 1

    @property
    def questions(self) -> list[str]:
        """The ids of the questions, the latest last."""
        return [*self._starts]

    @property
    def failed(self) -> int:
        """How many questions have a failure as their latest line."""
        return sum(failed for _, failed in self._starts.values())

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, question: str) -> Mapping[str, Any]:
        """The latest line of a question. Raises KeyError where it has none."""
        start, _ = self._starts[question]
        with self._path.open("rb") as file:
            file.seek(start)
            return json.loads(file.readline())

    def _forget(self, file: int) -> None:
        self._starts.clear()
        self._file, self._end, self._lines = file, 0, 0


class Watch:
    """The logs of one unfinished run, and how they grew. `clock` gives seconds that only go forward."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._logs: dict[Path, GrowingLog] = {}

    def log(self, path: Path) -> GrowingLog:
        """The log of that path, which the next update reads."""
        return self._logs.setdefault(path, GrowingLog(path))

    @property
    def answers(self) -> GrowingLog:
        """The log of the first answers."""
        return self.log(self._folder.path / "responses.jsonl")

    def update(self, manifest: Mapping[str, Any]) -> Progress:
        """Read what is new. Raises DeclarationError for a log that cannot be read."""
        folders = [one.path for one in self._folder.answers(manifest.get("repeats", 1))]
        answers = [self.log(folder / "responses.jsonl") for folder in folders]
        judges = {
            str(name): [self.log(folder / "judgments" / f"{about['key']}.jsonl") for folder in folders]
            for name, about in manifest["judges"].items()
        }
        for log in self._logs.values():
            log.update()
        total = len(manifest["questions"]) * len(folders)
        answered, failed = sum(map(len, answers)), sum(log.failed for log in answers)
        judged = {name: sum(map(len, logs)) for name, logs in judges.items()}
        left = total - answered + sum(max(total - failed - done, 0) for done in judged.values())
        rate = self._rate(answered + sum(judged.values()))
        quiet = _quiet_s(self._folder.path, self._logs)
        running = quiet < QUIET_S or _is_locked(self._folder.path / ".lock")
        remaining = left / rate if running and rate else None
        return Progress(total, answered, failed, judged, running, rate if running else None, remaining, quiet)

    def _rate(self, done: int) -> float | None:
        now = self._clock()
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - WINDOW_S:
            self._seen.popleft()
        start, before = self._seen[0]
        return (done - before) / (now - start) if done > before and now > start else None


def _quiet_s(folder: Path, logs: Mapping[Path, GrowingLog]) -> float:
    """Seconds since the manifest or a log was written last."""
    changed = 0.0
    for path in (folder / "manifest.json", *logs):
        try:
            changed = max(changed, path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(time.time() - changed, 0.0)


def _is_locked(path: Path) -> bool:
    """Whether a process holds the run, as far as the system tells (Linux): asking for the lock would disturb a run."""
    try:
        found, locks = path.stat(), Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    return f":{found.st_ino} " in locks
