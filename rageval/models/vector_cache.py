"""Every vector of an embedder, kept on disk, so that nothing is embedded twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from rageval.errors import ExecutionError, ModelError
from rageval.io.disk import cannot_write, database_files, locked, open_database, set_aside
from rageval.models.base import Embedder, Vectors, check_identity
from rageval.models.in_flight import let_finish, mark_as_seen
from rageval.models.vector_reply import PartlyEmbeddedError

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE shape (dim INTEGER NOT NULL)",
    "CREATE TABLE vectors (row INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE)",
)
_KEYS_PER_QUERY = 900  # SQLite builds allow at least 999 placeholders
_FLOAT_BYTES = 4


class CachedEmbedder:
    """An embedder behind a cache in `folder`: one file of float32 rows and one SQLite index per embedder identity.

    Keyed by identity, kind and text. Texts that are not cached are embedded once each, `batch` at a time, and each
    batch is committed before the next starts, so that a killed process loses one batch at most. Where only some texts
    of a batch get a vector (`PartlyEmbeddedError`), these are kept. `on_progress(done, total)` is called after each
    batch and counts distinct texts of that call; it is not called where all are cached. `watch` gets all texts that
    are asked for, those that are cached too. Several processes may share one folder. Closing it closes the embedder
    too, after batches that are still under way have had a few seconds more: they are paid for and kept.

    Raises `DeclarationError` where `folder` cannot be written or the embedder has no readable identity, `ModelError`
    where the embedder's vectors have another length than those cached under its identity.
    """

    def __init__(
        self,
        embedder: Embedder,
        folder: Path,
        batch: int = 32,
        on_progress: Callable[[int, int], None] | None = None,
        watch: Callable[[Sequence[str], Literal["query", "passage"]], None] | None = None,
    ) -> None:
        check_identity(embedder)
        self._embedder = embedder
        self._batch = batch
        self._on_progress = on_progress
        self._watch = watch
        self._store = VectorStore(folder / _file_stem(embedder.identity))
        self._in_flight: dict[bytes, asyncio.Event] = {}
        self._batches: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"CachedEmbedder({self._embedder!r}, {str(self._store.vectors.parent)!r})"

    @property
    def identity(self) -> str:
        return self._embedder.identity

    @property
    def notes(self) -> tuple[str, ...]:
        """What the embedder says that whoever reads the results should know."""
        return tuple(getattr(self._embedder, "notes", ()))

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        keys = [_key(kind, text) for text in texts]
        text_of = dict(zip(keys, texts, strict=True))
        rows = self._store.rows(text_of)
        while missing := [key for key in text_of if key not in rows]:
            await self._embed_missing(missing, text_of, kind)
            rows |= self._store.rows(missing)
        if self._watch is not None:
            self._watch(texts, kind)
        return self._store.gather([rows[key] for key in keys])

    def missing(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[str]:
        """The texts, each once, that have no vector here and that no other call is embedding now; embeds nothing."""
        keys = {_key(kind, text): text for text in texts}
        found = self._store.rows(keys)
        return [text for key, text in keys.items() if key not in found and key not in self._in_flight]

    async def close(self) -> None:
        await let_finish(self._batches)
        self._store.close()
        await self._embedder.close()

    async def _embed_missing(
        self, missing: Sequence[bytes], text_of: dict[bytes, str], kind: Literal["query", "passage"]
    ) -> None:
        """Embed what nobody else is embedding, then wait for the others, who may fail: the caller looks again."""
        others = [self._in_flight[key] for key in missing if key in self._in_flight]
        mine = [key for key in missing if key not in self._in_flight]
        finished = asyncio.Event()
        self._in_flight.update(dict.fromkeys(mine, finished))
        try:
            done = len(text_of) - len(mine)
            for keys in _batches(mine, self._batch):
                # A task of its own, so that its vectors are kept although nobody waits for them any more.
                batch = asyncio.create_task(self._embed_batch({key: text_of[key] for key in keys}, kind))
                self._batches.add(batch)
                batch.add_done_callback(self._finish)
                await asyncio.shield(batch)
                done += len(keys)
                if self._on_progress:
                    self._on_progress(done, len(text_of))
        finally:
            for key in mine:
                del self._in_flight[key]
            finished.set()
        for event in others:
            await event.wait()

    async def _embed_batch(self, texts: dict[bytes, str], kind: Literal["query", "passage"]) -> None:
        try:
            vectors, keys = await self._embedder.embed([*texts.values()], kind), [*texts]
        except PartlyEmbeddedError as error:
            if error.vectors:
                keys = [key for position, key in enumerate(texts) if position in error.vectors]
                self._append(keys, np.stack([vector for _, vector in sorted(error.vectors.items())]))
            raise
        self._append(keys, vectors)

    def _append(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        self._store.append(keys, _checked(vectors, len(keys), self.identity), self.identity)

    def _finish(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        mark_as_seen(batch)


class VectorStore:
    """The vectors of one embedder: `<stem>.f32` holds the rows and `<stem>.sqlite` says which are valid; bytes past the
    last valid row are void.
    """

    def __init__(self, stem: Path) -> None:
        self.vectors = stem.with_name(stem.name + ".f32")
        self._index_path = stem.with_name(stem.name + ".sqlite")
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.vectors):
                self._index = open_database(self._index_path, _SCHEMA, _VERSION)
                if not self._whole():
                    self._index.close()
                    set_aside([*database_files(self._index_path), self.vectors], "has more rows than its vector file")
                    self._index = open_database(self._index_path, _SCHEMA, _VERSION)
                self.vectors.touch()
                self._file = self.vectors.open("r+b", buffering=0)
        except OSError as error:
            raise cannot_write(self.vectors, error) from None

    def close(self) -> None:
        self._file.close()
        self._index.close()

    def rows(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """The row of each of `keys` that is in the cache."""
        found: dict[bytes, int] = {}
        for some in _batches(keys, _KEYS_PER_QUERY):
            marks = ",".join("?" * len(some))
            found.update(self._index.execute(f"SELECT key, row FROM vectors WHERE key IN ({marks})", some))  # noqa: S608
        return found

    def keys(self) -> list[bytes]:
        """Return the keys of all vectors, in row order."""
        return [key for (key,) in self._index.execute("SELECT key FROM vectors ORDER BY row")]

    def gather(self, rows: Sequence[int]) -> Vectors:
        dim = self._dim()
        if not rows:
            return np.zeros((0, dim), dtype=np.float32)
        return np.memmap(self._file, dtype=np.float32, mode="r", shape=(max(rows) + 1, dim))[rows].view(np.ndarray)

    def append(self, keys: Sequence[bytes], vectors: Vectors, identity: str) -> None:
        try:
            self._index.execute("BEGIN IMMEDIATE")
            try:
                self._append_locked(keys, vectors, identity)
                self._index.execute("COMMIT")
            except BaseException:
                self._index.execute("ROLLBACK")
                raise
        except (OSError, sqlite3.Error) as error:
            raise ExecutionError(f"{self.vectors}: vectors cannot be kept ({error}): free space there") from None

    def _append_locked(self, keys: Sequence[bytes], vectors: Vectors, identity: str) -> None:
        dim = self._dim()
        if dim == 0:
            dim = vectors.shape[1]
            self._index.execute("INSERT INTO shape VALUES (?)", (dim,))
        if vectors.shape[1] != dim:
            raise ModelError(
                f"{identity} returned vectors of length {vectors.shape[1]}, but those cached have {dim}: "
                f"another model answers under this name; name it differently or delete {self.vectors}"
            )
        known = self.rows(keys)
        fresh = [i for i, key in enumerate(keys) if key not in known]
        start = self._row_count()
        self._file.seek(start * dim * _FLOAT_BYTES)
        data = memoryview(vectors[fresh].tobytes())
        while data:  # an unbuffered write may take a part only
            data = data[self._file.write(data) :]
        os.fsync(self._file.fileno())
        self._index.executemany(
            "INSERT INTO vectors VALUES (?, ?)", [(start + n, keys[i]) for n, i in enumerate(fresh)]
        )

    def _whole(self) -> bool:
        size = self.vectors.stat().st_size if self.vectors.exists() else 0
        return size >= self._row_count() * self._dim() * _FLOAT_BYTES

    def _dim(self) -> int:
        row = self._index.execute("SELECT dim FROM shape").fetchone()
        return int(row[0]) if row else 0

    def _row_count(self) -> int:
        last = self._index.execute("SELECT MAX(row) FROM vectors").fetchone()[0]
        return 0 if last is None else int(last) + 1


def _checked(vectors: Vectors, n: int, identity: str) -> Vectors:
    if vectors.ndim != 2 or vectors.shape[0] != n or vectors.shape[1] == 0 or not np.isfinite(vectors).all():
        raise ExecutionError(f"{identity} returned vectors of shape {vectors.shape} for {n} texts, or not all finite")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _file_stem(identity: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[:60]
    return f"{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _key(kind: str, text: str) -> bytes:
    return hashlib.blake2b(f"{kind}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _batches(keys: Iterable[bytes], size: int) -> Iterable[list[bytes]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, size)):
        yield batch
