"""Indexes on disk: plain arrays in a folder, written beside their place, moved there whole, opened memory-mapped.

A folder holds `<name>.bin` for each array (little-endian rows, no header) and `meta.json`: the format, the key that
says what the index is of, and shape and CRC-32 of each array. A folder whose key, sizes or checksums do not fit is set
aside and made again. The checksums are against accidents: whoever can write the folder can write them too.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rageval.identity import fingerprint
from rageval.io.disk import beside, cannot_write, locked_patiently, set_aside
from rageval.types import Json

Key: TypeAlias = Mapping[str, Json]
Layout: TypeAlias = Mapping[str, str]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_FORMAT = 1
_META = "meta.json"
_BLOCK_BYTES = 1 << 20


class IndexWriter:
    """The arrays of an index that is being made. `layout` gives their names and types, such as `{"data": "<f4"}`.

    `folder` may be used for other files meanwhile; those that are no array are deleted in the end.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self._arrays = {name: _Growing(folder / f"{name}.bin", np.dtype(kind)) for name, kind in layout.items()}

    def close(self) -> None:
        for array in self._arrays.values():
            array.file.close()

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Add rows (axis 0) to an array; all rows of an array have the same shape."""
        self._arrays[name].append(rows)

    def append_file(self, name: str, path: Path) -> None:
        """Add the bytes of a file to an array of bytes."""
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                self.append(name, np.frombuffer(block, dtype=np.uint8))

    def finish(self, key: Key) -> None:
        """Write everything through to the disk."""
        arrays: dict[str, Json] = {name: array.finish() for name, array in self._arrays.items()}
        for path in self.folder.iterdir():
            if path.suffix != ".bin":
                path.unlink()
        with (self.folder / _META).open("w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, "key": dict(key), "arrays": arrays}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.folder)


class _Growing:
    def __init__(self, path: Path, kind: np.dtype[Any]) -> None:
        self.file: BinaryIO = path.open("wb")
        self._kind = kind
        self._rows = 0
        self._row_shape: tuple[int, ...] = ()
        self._checksum = 0

    def append(self, rows: NDArray[Any]) -> None:
        if self._rows and rows.shape[1:] != self._row_shape:
            raise ValueError(f"{self.file.name}: found rows of shape {rows.shape[1:]}, expected {self._row_shape}")
        data = np.ascontiguousarray(rows, dtype=self._kind).tobytes()
        self.file.write(data)
        self._checksum = zlib.crc32(data, self._checksum)
        self._rows += len(rows)
        self._row_shape = rows.shape[1:]

    def finish(self) -> Json:
        self.file.flush()
        os.fsync(self.file.fileno())
        return {"shape": [self._rows, *self._row_shape], "crc32": self._checksum}


def index_path(folder: Path, key: Key) -> Path:
    """The folder of the index with that key; `key["kind"]` begins its name."""
    return folder / f"{key['kind']}-{fingerprint(dict(key))[:24]}"


async def stored_index(
    folder: Path, key: Key, layout: Layout, write: Callable[[IndexWriter], Awaitable[None]]
) -> Arrays:
    """Opens the arrays of the index with that key, memory-mapped and read-only; calls `write` to make it if it is
    missing.

    The whole index is read once to check it. An invalid folder is renamed to `<name>.corrupt-<n>`, with a warning. A
    process killed at any moment leaves either no index or a complete one. Of several processes, one writes and the
    others wait. Raises `DeclarationError` if the disk refuses, and whatever `write` raises.
    """
    path = index_path(folder, key)
    try:
        _make_folder(folder)
        async with locked_patiently(path):
            if path.exists():
                found = _read(path, key, layout)
                if not isinstance(found, str):
                    return found
                set_aside([path], found)
            await _write(path, key, layout, write)
            found = _read(path, key, layout)
            if isinstance(found, str):
                raise OSError(f"what was written just now {found}")
            return found
    except OSError as error:
        raise cannot_write(path, error) from None


async def _write(path: Path, key: Key, layout: Layout, write: Callable[[IndexWriter], Awaitable[None]]) -> None:
    partial = beside(path, ".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that died: nobody else holds the lock
    partial.mkdir()
    try:
        with closing(IndexWriter(partial, layout)) as writer:
            await write(writer)
            writer.finish(key)
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _read(path: Path, key: Key, layout: Layout) -> Arrays | str:
    """Returns the arrays, or a text that says what is wrong with the folder."""
    try:
        meta = cast("dict[str, Any]", json.loads((path / _META).read_text(encoding="utf-8")))
        if meta["format"] != _FORMAT:
            return f"has format {meta['format']!r}, expected {_FORMAT}"
        if meta["key"] != dict(key):
            return "is an index of something else"
        return {name: _map(path / f"{name}.bin", np.dtype(kind), meta["arrays"][name]) for name, kind in layout.items()}
    except (OSError, ValueError, TypeError, LookupError) as error:
        return f"is corrupt ({error})"


def _map(path: Path, kind: np.dtype[Any], described: Mapping[str, Any]) -> NDArray[Any]:
    shape = tuple(int(size) for size in described["shape"])
    expected, size = math.prod(shape) * kind.itemsize, path.stat().st_size
    if size != expected or min(shape) < 0:
        raise ValueError(f"{path.name} has {size:,} bytes and not {expected:,}")
    if not size:
        return np.zeros(shape, kind)
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
    if checksum != described["crc32"]:
        raise ValueError(f"{path.name} is not what was written")
    return np.memmap(path, dtype=kind, mode="r", shape=shape).view(np.ndarray)


def _sync_folder(folder: Path) -> None:
    """Syncs the folder if the system can open folders; Windows cannot."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
