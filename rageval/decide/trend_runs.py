"""The runs of a trend: found in folders, put in the order in which they were made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rageval.errors import DeclarationError, NotComparableError
from rageval.io.run_folder import RunFolder

TimeFrom: TypeAlias = Literal["manifest", "folder name"]

_MANIFEST = "manifest.json"
_NO_RUNS = ("cache",)
_DATE = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?:[T_ -]?([0-2]\d)[:hH-]?([0-5]\d))?(?!\d)")


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A finished run. `made` is when it began, in UTC: from its manifest, or else from the date in its folder's name or
    in that of a folder above it, as `made_from` says.
    """

    path: Path
    manifest: Mapping[str, Any]
    made: datetime
    made_from: TimeFrom

    @property
    def label(self) -> str:
        """The name of the pipeline with the settings that were given for it."""
        return self.manifest["label"]

    @property
    def pipeline(self) -> str:
        """The label without the settings: `naive` for `naive(k=5)`."""
        return self.label.partition("(")[0]


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """Runs, oldest first. `left_out` says for each folder that holds a run, and is not among them, why."""

    runs: tuple[FoundRun, ...]
    left_out: Mapping[Path, str]


def find_runs(paths: Sequence[Path]) -> FoundRuns:
    """The finished runs at these paths: run folders, or folders that have run folders somewhere below them.

    Runs that are not finished, that this version cannot read, or that have no time are left out. Raises
    NotComparableError for a path that is no folder, and if no run is left.
    """
    folders: dict[Path, Path] = {}
    for path in map(Path.expanduser, paths):
        if not path.is_dir():
            found = "a file" if path.is_file() else "nothing"
            raise NotComparableError(f"{path}: found {found}, expected a run folder, or a folder with run folders")
        for folder in _run_folders(path):
            folders.setdefault(folder.resolve(), folder)
    runs: list[FoundRun] = []
    left_out: dict[Path, str] = {}
    for folder in folders.values():
        try:
            runs.append(_read(folder))
        except (DeclarationError, OSError) as error:
            left_out[folder] = str(error)
    if not runs:
        why = next(iter(left_out.values()), "found no manifest.json in it or below it")
        raise NotComparableError(f"{', '.join(map(str, paths))}: found no finished run: {why}")
    return FoundRuns(tuple(sorted(runs, key=lambda run: (run.made, str(run.path)))), left_out)


def choose_series(runs: Sequence[FoundRun], pipelines: Sequence[str], last: int | None) -> dict[str, list[FoundRun]]:
    """The runs of each pipeline by its name, of each the `last` ones.

    By default every label is a series. A name in `pipelines` is a label, or a label without settings, which makes one
    series of all settings. Raises DeclarationError for a name that no run has.
    """
    chosen: dict[str, list[FoundRun]] = {}
    for name in pipelines or dict.fromkeys(run.label for run in runs):
        chosen[name] = [run for run in runs if run.label == name] or [run for run in runs if run.pipeline == name]
        if not chosen[name]:
            known = ", ".join(dict.fromkeys(run.label for run in runs))
            raise DeclarationError(f"--pipeline: found {name!r}, expected one of {known}, or one without its settings")
    return chosen if last is None else {name: of_name[-last:] for name, of_name in chosen.items()}


def _run_folders(path: Path) -> Iterator[Path]:
    """Run folders at or below the path. Nothing below a run folder is looked at."""
    for folder, below, files in os.walk(path):
        if _MANIFEST in files:
            below.clear()
            yield Path(folder)
        else:
            below[:] = sorted(name for name in below if name not in _NO_RUNS and not name.startswith("."))


def _read(folder: Path) -> FoundRun:
    manifest = RunFolder(folder).finished_manifest()
    made = _time_in_manifest(manifest)
    if made is not None:
        return FoundRun(folder, manifest, made, "manifest")
    made = _time_in_names(folder)
    if made is None:
        raise DeclarationError(
            f"{folder}: found no time under `created` in its manifest and no date in the folder's name, expected one, "
            "such as 2026-11-30"
        )
    return FoundRun(folder, manifest, made, "folder name")


def _time_in_manifest(manifest: Mapping[str, Any]) -> datetime | None:
    try:
        made = datetime.fromisoformat(str(manifest.get("created")))
    except ValueError:
        return None
    return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)


def _time_in_names(folder: Path) -> datetime | None:
    """From the name nearest to the run that has a date, with a time where there is one."""
    whole = folder.resolve()
    for name in (whole.name, *(parent.name for parent in whole.parents)):
        for found in _DATE.finditer(name):
            try:
                return datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC)
            except ValueError:  # no such day
                continue
    return None
