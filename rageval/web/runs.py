"""Which runs a folder holds, how far each is, and what its metrics say: read anew at every scan."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from aiohttp import web

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.io.stored import convert
from rageval.metrics import parse
from rageval.scores.estimates import metric_to_json, read_estimates
from rageval.types import Json
from rageval.web.progress import Progress, Watch

Status: TypeAlias = Literal["complete", "running", "stopped", "unreadable"]
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]

_DEPTH = 3
_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the table shows it. `name` is its folder below the folder that is looked at.

    `metrics` maps a metric to its estimate as `rageval run --json` prints it. It is None for a run that is not
    complete, and until it was read; `reading` says that it will be read anew. `failed` questions are those so far.
    `reason` says why a run, or its scores, cannot be read.
    """

    id: str
    name: str
    status: Status
    label: str = ""
    benchmark: str = ""
    created: str = ""
    finished: str = ""
    questions: int = 0
    failed: int = 0
    metrics: Mapping[str, Json] | None = None
    reading: bool = False
    progress: Progress | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "label": self.label,
            "benchmark": self.benchmark,
            "created": self.created,
            "finished": self.finished,
            "questions": self.questions,
            "failed": self.failed,
            "metrics": None if self.metrics is None else {**self.metrics},
            "reading": self.reading,
            "progress": None if self.progress is None else self.progress.to_json(),
            "reason": self.reason,
        }


class Runs:
    """The runs below `folder`, at most three folders deep; links are not followed.

    A run is known by its `id`, a digest of its place in the folder, so that no path comes from a request. A scan reads
    estimates for about a second; the next scan goes on. Threads may share it.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._paths: dict[str, Path] = {}
        self._watches: dict[str, Watch] = {}
        self._finished: dict[str, tuple[Stamp, RunRow]] = {}

    def scan(self) -> list[RunRow]:
        """All runs, the newest first."""
        with self._lock:
            self._list()
            until = self._clock() + _PATIENCE_S
            rows: list[RunRow] = []
            for run_id, path in [*self._paths.items()]:
                row = self._row(run_id, path, until)
                if row is not None:
                    rows.append(row)
            return sorted(rows, key=lambda row: (row.created, row.name), reverse=True)

    def row(self, run_id: str) -> RunRow:
        """One run. Raises KeyError for an id that no run has."""
        path = self.path(run_id)
        with self._lock:
            found = self._row(run_id, path, self._clock())
        if found is None:
            raise KeyError(run_id)
        return found

    def path(self, run_id: str) -> Path:
        """The folder of a run. Raises KeyError for an id that no run has."""
        with self._lock:
            if run_id not in self._paths:
                self._list()
            return self._paths[run_id]

    def answered(self, run_id: str, skip: int, count: int) -> list[Mapping[str, Any]]:
        """The first answers of an unfinished run as lines of `responses.jsonl`: `count` of them, the latest first,
        without the latest `skip`. Raises KeyError for an id that no run has.
        """
        path = self.path(run_id)
        with self._lock:
            log = self._watches.setdefault(run_id, Watch(RunFolder(path))).answers
            log.update()
            return [log.line(question) for question in log.questions[::-1][skip : skip + count]]

    def _list(self) -> None:
        self._paths = {_id(path.relative_to(self.folder)): path for path in _run_folders(self.folder, _DEPTH)}
        for known in (self._watches, self._finished):
            for run_id in [one for one in known if one not in self._paths]:
                del known[run_id]

    def _row(self, run_id: str, path: Path, until: float) -> RunRow | None:
        """None for a run that is gone."""
        name = str(path.relative_to(self.folder))
        folder = RunFolder(path)
        try:
            return convert(
                f"{path}/manifest.json", folder.manifest(), lambda m: self._read(run_id, name, folder, m, until)
            )
        except (DeclarationError, OSError, RecursionError) as error:
            if not folder.has_manifest():
                return None
            return RunRow(run_id, name, "unreadable", reason=_reason(error))

    def _read(self, run_id: str, name: str, folder: RunFolder, manifest: Mapping[str, Any], until: float) -> RunRow:
        row = RunRow(
            run_id,
            name,
            "complete",
            str(manifest["label"]),
            str(manifest["benchmark"]["name"]),
            str(manifest.get("created", "")),
            str(manifest.get("finished", "")),
            len(manifest["questions"]),
        )
        if manifest["status"] != "complete":
            progress = self._watches.setdefault(run_id, Watch(folder)).update(manifest)
            return replace(
                row, status="running" if progress.running else "stopped", failed=progress.failed, progress=progress
            )
        row = replace(row, failed=int(manifest["failed"]))
        stamp = stamp_of(folder.path)
        known = self._finished.get(run_id)
        if known is not None and known[0] == stamp:
            return known[1]
        if self._clock() > until:
            return replace(row, metrics=None if known is None else known[1].metrics, reading=True)
        row = _with_estimates(row, folder, manifest)
        self._finished[run_id] = stamp, row
        return row


def stamp_of(folder: Path) -> Stamp:
    """What changes when a file of a run changes: name, time and size of each but the lock."""
    found: list[tuple[str, int, int]] = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if name != ".lock" and not name.startswith("."):
                about = path.stat()
                found.append((str(path.relative_to(folder)), about.st_mtime_ns, about.st_size))
    return tuple(found)


def _with_estimates(row: RunRow, folder: RunFolder, manifest: Mapping[str, Any]) -> RunRow:
    try:
        names = [str(parse(name)) for name in manifest["metrics"]]
        estimates = read_estimates(folder, names)
    except DeclarationError as error:
        return replace(row, reason=_reason(error))
    return replace(row, metrics={name: metric_to_json(mean, row.questions) for name, mean in estimates.items()})


def _reason(error: BaseException) -> str:
    return "found data that is nested too deep" if isinstance(error, RecursionError) else str(error)


def _id(place: Path) -> str:
    return hashlib.sha256(place.as_posix().encode(errors="surrogateescape")).hexdigest()[:16]


def _run_folders(folder: Path, depth: int) -> Iterator[Path]:
    """The run folders below `folder`; a run folder is not searched, nor are hidden folders."""
    if (folder / "manifest.json").is_file():
        yield folder
        return
    if not depth:
        return
    try:
        with os.scandir(folder) as entries:
            below = sorted(one.path for one in entries if one.is_dir(follow_symlinks=False) and one.name[0] != ".")
    except OSError:  # gone, or not for us to read
        return
    for path in below:
        yield from _run_folders(Path(path), depth - 1)


RUNS = web.AppKey("runs", Runs)
