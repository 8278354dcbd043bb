"""Bar charts as PNG files, drawn and read without a package: whoever reads one knows its numbers from the picture."""

from __future__ import annotations

import struct
import zlib

_HEIGHT = 64
_BAR = 8  # pixels from one bar to the next


def chart(*values: int) -> bytes:
    """A grey PNG with a black bar for each value (0 to 64), that many pixels high."""
    rows = [b"\0" + b"".join(_bar(value, row) for value in values) for row in range(_HEIGHT)]
    header = struct.pack(">IIBBBBB", _BAR * len(values), _HEIGHT, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, data) for name, data in parts)


def read_chart(picture: bytes) -> list[int]:
    """The values of a chart, measured in its pixels."""
    width = struct.unpack(">I", picture[16:20])[0]
    start = picture.index(b"IDAT")
    (length,) = struct.unpack(">I", picture[start - 4 : start])
    pixels = zlib.decompress(picture[start + 4 : start + 4 + length])
    rows = [pixels[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(_HEIGHT)]
    return [sum(row[bar + 2] == 0 for row in rows) for bar in range(0, width, _BAR)]


def _bar(value: int, row: int) -> bytes:
    return (b"\x00" if row >= _HEIGHT - value else b"\xff") * 4 + b"\xff" * (_BAR - 4)


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
