"""One session of pytest: its name in all workers, its runs on disk, and how it tells what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

RESULTS = "results"
KEPT_SESSIONS = 3
PROPERTY = "rageval"
SESSION = pytest.StashKey[str]()
BOUND = pytest.StashKey[bool]()
_SESSION_NAME = re.compile(r"pytest-(\d{8}T\d{6}-[0-9a-f]{6})-")


@contextmanager
def fail_in_one_line() -> Generator[None]:
    """Fails the test with rageval's one-line error, without a traceback."""
    from rageval.errors import RagevalError

    try:
        yield
    except RagevalError as error:
        raise pytest.fail.Exception(" ".join(str(error).splitlines()), pytrace=False) from None


def session_mark(root: Path, session: str, name: str) -> Path:
    """A file of this session that stands for that name, locked by the worker that works on it."""
    from rageval.io.file_names import to_file_name

    folder = root / RESULTS / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"pytest-{session}-{to_file_name(name)}"


def worker_input(config: pytest.Config) -> Mapping[str, str]:
    """What pytest-xdist gave its worker; empty in every other process."""
    return getattr(config, "workerinput", {})


def remove_old_sessions(runs: Path, session: str) -> None:
    """Where this session made runs: remove its marks, and the runs of all but the last sessions. A run that people
    label stays.
    """
    made: dict[str, list[Path]] = {}
    for path in runs.glob("pytest-*"):
        if match := _SESSION_NAME.match(path.name):
            made.setdefault(match[1], []).append(path)
    if session not in made:
        return
    for path in made[session]:
        if path.is_file():
            path.unlink()
    for path in [path for name in sorted(made)[:-KEPT_SESSIONS] for path in made[name]]:
        if path.is_file():
            path.unlink(missing_ok=True)
        elif not any((path / kept).exists() for kept in ("samples", "labels")):
            shutil.rmtree(path, ignore_errors=True)
