"""What a cache folder holds, told, thinned out, and carried to another machine.

A folder has `chat.sqlite` with all replies, and `vectors/` with a store of vectors for each embedder. An exported cache
is gzipped JSON lines: a header, then a line for each reply (`reply`: key, model, prompt, reply, time) and each vector
(`vector`: store, key, float32 numbers in base64).
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.io.disk import cannot_write
from rageval.models.replies import open_replies
from rageval.models.vector_cache import VectorStore

CHAT = "chat.sqlite"
VECTORS = "vectors"

_HEADER = {"rageval": "cache", "format": 1}
_BATCH = 512


@dataclass(frozen=True, slots=True)
class ReplyCount:
    """How many replies of a model there are, and when the oldest and the newest came (ISO, UTC)."""

    model: str
    replies: int
    oldest: str
    newest: str


@dataclass(frozen=True, slots=True)
class Vectors:
    """How many vectors of an embedder there are. `store` is the beginning of its files' names."""

    store: str
    vectors: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What a cache folder holds; `bytes` is the size of its files."""

    replies: tuple[ReplyCount, ...]
    vectors: tuple[Vectors, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Moved:
    """How many replies and vectors were written."""

    replies: int
    vectors: int


def cache_stats(folder: Path) -> Stats:
    """Return what the cache folder holds. Raises DeclarationError if the folder is not a cache."""
    with closing(_replies(folder)) as database:
        rows = database.execute(
            "SELECT model, COUNT(*), MIN(created), MAX(created) FROM replies GROUP BY model ORDER BY model"
        ).fetchall()
    vectors: list[Vectors] = []
    for stem in _stores(folder):
        with closing(VectorStore(stem)) as store:
            vectors.append(Vectors(stem.name, len(store.keys())))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Stats(tuple(ReplyCount(*row) for row in rows), tuple(vectors), size)


def prune_cache(folder: Path, *, older_than_days: float | None = None, model: str | None = None) -> int:
    """Delete the replies that are older, and only those of `model` if it is given; return how many were deleted.

    Raises DeclarationError if neither is given or the folder is not a cache.
    """
    if older_than_days is None and model is None:
        raise DeclarationError("cache prune: found neither an age nor a model, expected --older-than, --model or both")
    before = None if older_than_days is None else datetime.now(UTC) - timedelta(days=older_than_days)
    with closing(_replies(folder)) as database:
        try:
            gone = database.execute(
                "DELETE FROM replies WHERE (?1 IS NULL OR created < ?1) AND (?2 IS NULL OR model = ?2)",
                (None if before is None else before.isoformat(timespec="seconds"), model),
            ).rowcount
            database.execute("VACUUM")
        except sqlite3.Error as error:
            raise cannot_write(folder / CHAT, error) from None
    return gone


def export_cache(folder: Path, file: Path) -> Moved:
    """Write all replies and vectors to a file, which `import_cache` reads. Raises DeclarationError."""
    counts = {"reply": 0, "vector": 0}
    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(partial, "wt", encoding="utf-8", compresslevel=6) as out:
            for line in _exported(folder):
                for kind in counts:
                    counts[kind] += kind in line
                out.write(json.dumps(line) + "\n")
        partial.replace(file)
    except OSError as error:
        raise DeclarationError(f"{file}: cannot be written ({error.strerror or error}): choose another file") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Moved(counts["reply"], counts["vector"])


def import_cache(folder: Path, file: Path) -> Moved:
    """Add the content of an exported cache and return how much was read. Existing entries stay unchanged.

    Raises DeclarationError if the file is not an exported cache. The lines before a malformed one are kept.
    """
    stores: dict[str, VectorStore] = {}
    counts = Moved(0, 0)
    database = open_replies(folder / CHAT)
    try:
        rows: list[tuple[str, ...]] = []
        vectors: dict[str, dict[bytes, np.ndarray]] = {}
        for line in _lines(file):
            if "reply" in line:
                rows.append(line["reply"])
            else:
                name, key, vector = line["vector"]
                vectors.setdefault(name, {})[key] = vector
            if len(rows) + sum(map(len, vectors.values())) >= _BATCH:
                counts = _add(folder, database, stores, rows, vectors, counts)
        return _add(folder, database, stores, rows, vectors, counts)
    finally:
        database.close()
        for store in stores.values():
            store.close()


def _add(
    folder: Path,
    database: sqlite3.Connection,
    stores: dict[str, VectorStore],
    rows: list[tuple[str, ...]],
    vectors: dict[str, dict[bytes, np.ndarray]],
    counts: Moved,
) -> Moved:
    """Write a batch and empty it."""
    try:
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")
    except sqlite3.Error as error:
        raise cannot_write(folder / CHAT, error) from None
    for name, some in vectors.items():
        if name not in stores:
            stores[name] = VectorStore(folder / VECTORS / name)
        stores[name].append(list(some), np.stack(list(some.values())), name)
    added = Moved(counts.replies + len(rows), counts.vectors + sum(map(len, vectors.values())))
    rows.clear()
    vectors.clear()
    return added


def _replies(folder: Path) -> sqlite3.Connection:
    if not (folder / CHAT).is_file():
        raise DeclarationError(f"{folder}: found no {CHAT}, expected the cache folder of some runs (OUT/cache)")
    return open_replies(folder / CHAT)


def _stores(folder: Path) -> list[Path]:
    return [path.with_suffix("") for path in sorted((folder / VECTORS).glob("*.f32"))]


def _exported(folder: Path) -> Iterator[dict[str, Any]]:
    yield dict(_HEADER)
    with closing(_replies(folder)) as database:
        for row in database.execute("SELECT key, model, prompt, reply, created FROM replies ORDER BY key"):
            yield {"reply": list(row)}
    for stem in _stores(folder):
        with closing(VectorStore(stem)) as store:
            keys = store.keys()
            for start in range(0, len(keys), _BATCH):
                some = keys[start : start + _BATCH]
                rows = store.rows(some)
                for key, vector in zip(some, store.gather([rows[key] for key in some]), strict=True):
                    numbers = base64.b64encode(vector.astype("<f4").tobytes()).decode()
                    yield {"vector": [stem.name, key.hex(), numbers]}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines after the header, checked: replies as rows of the table, vectors as (store, key, float32 array)."""
    expected = "expected what `rageval cache export` wrote"
    number = 1
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            _check_header(file, json.loads(next(lines, "null")))
            number = 2
            for text in lines:
                yield _checked(json.loads(text))
                number += 1
    except FileNotFoundError:
        raise DeclarationError(f"{file}: no such file; {expected}") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise DeclarationError(f"{file}:{number}: found no exported cache ({error}), {expected}") from None


def _check_header(file: Path, header: Any) -> None:
    if header == _HEADER:
        return
    if isinstance(header, dict) and {**header, "format": 1} == _HEADER:
        found = cast("dict[str, Any]", header).get("format")
        raise DeclarationError(
            f"{file}:1: found format {found!r}, expected 1: export the cache again with this version of rageval"
        )
    raise ValueError("its first line is not that of one")


def _checked(line: Any) -> dict[str, Any]:
    if "reply" in line:
        row = cast("list[object]", line["reply"])
        if len(row) != 5 or not all(isinstance(value, str) for value in row):
            raise ValueError("a reply is not five texts")
        json.loads(cast("str", row[3]))
        return {"reply": tuple(row)}
    name, key, numbers = cast("list[str]", line["vector"])
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError("a store is named with a path")
    vector = np.frombuffer(base64.b64decode(numbers, validate=True), dtype="<f4").astype(np.float32)
    if not vector.size or not np.isfinite(vector).all():
        raise ValueError("a vector is empty or not finite")
    return {"vector": (name, bytes.fromhex(key), vector)}
