"""A classifier of pairs as an ONNX file, written by hand: no package that makes such files is needed.

Its logits are the mean, over the tokens of the pair, of a row each of a given table: P can be worked out by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

INT64, FLOAT = 7, 1


def write_model(path: Path, table: Sequence[Sequence[float]], name: str = "input_ids") -> Path:
    """logits = mean over the tokens of the rows of `table` at their ids; the input has that name."""
    rows, columns = len(table), len(table[0])
    flat = b"".join(struct.pack("<f", value) for row in table for value in row)
    weights = _ints(1, rows, columns) + _int(2, FLOAT) + _bytes(8, b"W") + _bytes(9, flat)
    gather = _bytes(1, b"W") + _bytes(1, name.encode()) + _bytes(2, b"e") + _bytes(4, b"Gather")
    axes = _bytes(1, b"axes") + _int(20, 7) + _ints(8, 1)
    keep = _bytes(1, b"keepdims") + _int(20, 2) + _int(3, 0)
    mean = _bytes(1, b"e") + _bytes(2, b"logits") + _bytes(4, b"ReduceMean") + _bytes(5, axes) + _bytes(5, keep)
    graph = (
        _bytes(1, gather) + _bytes(1, mean) + _bytes(2, b"g") + _bytes(5, weights)
        + _bytes(11, _value(name, INT64, [1, None])) + _bytes(12, _value("logits", FLOAT, [1, columns]))
    )  # fmt: skip
    path.write_bytes(_int(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _int(2, 13)))
    return path


def write_tokenizer(path: Path, words: Sequence[str]) -> Path:
    """Words between spaces; id 0 is any other word."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0} | {word: i for i, word in enumerate(words, 1)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(path))
    return path


def _value(name: str, kind: int, shape: Sequence[int | None]) -> bytes:
    dimensions = b"".join(_bytes(1, _bytes(2, b"n") if size is None else _int(1, size)) for size in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, dimensions)))


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _ints(field: int, *values: int) -> bytes:
    return b"".join(_int(field, value) for value in values)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
