"""Files that several processes share and that must survive a kill at any moment."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rageval.errors import DeclarationError

_BUSY_TIMEOUT_S = 60.0
_PATIENCE_S = 0.2
_log = logging.getLogger("rageval")


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock file `<path>.lock` against other processes and threads; the OS frees it when its holder dies.

    Raises RuntimeError if this thread already holds it, since it would wait for itself.
    """
    with lock_file(beside(path, ".lock")):
        yield


@asynccontextmanager
async def locked_patiently(path: Path) -> AsyncGenerator[None]:
    """`locked`, for a coroutine: the event loop goes on while another process, or another task, holds the lock."""
    lock = lock_file(beside(path, ".lock"))
    while not _try_lock(lock):  # noqa: ASYNC110 (what is waited for may happen in another process)
        await asyncio.sleep(_PATIENCE_S)
    try:
        yield
    finally:
        lock.release()


def lock_file(path: Path) -> FileLock:
    """A lock on that file, not yet held; whichever thread releases it."""
    return FileLock(path, thread_local=False)


@contextmanager
def held_folder(path: Path, lock: str, doing: str) -> Generator[None]:
    """Hold a folder, made where there is none, by its file `lock` while the block runs. Raises DeclarationError where
    another process holds it, which is then `doing` something, or nobody may write.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        held = lock_file(path / lock).acquire(blocking=False)
    except Timeout:
        raise DeclarationError(f"{path}: another rageval process is {doing}; wait for it or stop it") from None
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None
    with held:
        yield


@contextmanager
def named_in_errors(path: Path) -> Generator[None]:
    """Within the block, an OSError names this file where it names none: writing to an open file does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `path` so that a reader sees either the old content or the whole new one."""
    partial = beside(path, f".{os.getpid()}.partial")
    with named_in_errors(path):
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        partial.replace(path)


def set_aside(paths: Sequence[Path], why: str) -> None:
    """Rename those of `paths` that exist to `<path>.corrupt-<n>`, all with the same unused n, and log a warning."""
    n = 1
    while any(beside(path, f".corrupt-{n}").exists() for path in paths):
        n += 1
    for path in paths:
        if path.exists():
            path.rename(beside(path, f".corrupt-{n}"))
    _log.warning("%s: %s; set aside as %s.corrupt-%d and started again", paths[0], why, paths[0].name, n)


def database_files(path: Path) -> list[Path]:
    """The files of the SQLite database at `path`, whether they exist or not."""
    return [path, beside(path, "-wal"), beside(path, "-shm")]


def open_database(path: Path, schema: Sequence[str], version: int) -> sqlite3.Connection:
    """Open or make an SQLite database that many processes may use at once, in autocommit mode.

    `schema` holds the statements that make its tables; `version` is kept in `PRAGMA user_version`. A file that is
    corrupt, is no database, or carries another version is set aside and a new one is made.

    Raises `DeclarationError` where the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            trouble = _trouble(path, version)
            if trouble:
                set_aside(database_files(path), trouble)
            connection = _connect(path)
            try:
                _prepare(connection, schema, version)
            except BaseException:
                connection.close()
                raise
            return connection
    except (OSError, sqlite3.Error) as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: Exception) -> DeclarationError:
    """The error for a path that the system does not let us write."""
    return DeclarationError(f"{path}: cannot be written ({error}): free space there or choose another cache folder")


def _try_lock(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def _trouble(path: Path, version: int) -> str | None:
    """What is wrong with an existing file, or None."""
    if not path.exists():
        return None
    connection = _connect(path)
    try:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = int(connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0])
        if found != version and (tables or found):
            return f"has format version {found}, expected {version}"
        check = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        return None if check == "ok" else "is corrupt"
    except sqlite3.DatabaseError as error:
        # Extended codes carry the primary one in their lowest byte.
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return f"is corrupt ({error})"
        raise
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, schema: Sequence[str], version: int) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        for statement in schema:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={version}")
    connection.execute("COMMIT")


def beside(path: Path, suffix: str) -> Path:
    """`path` with a suffix to its whole name."""
    return path.with_name(path.name + suffix)
