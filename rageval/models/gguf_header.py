"""What a GGUF file says of its model, read without llama.cpp and without its weights.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from rageval.errors import DeclarationError

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAGIC, _VERSIONS = b"GGUF", (2, 3)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """`architecture` is llama.cpp's name for it, such as bert. `context_tokens` are those that the model was trained
    to read at once, None where the file does not say. `labels` counts the outputs of its classification head, 0
    without a head.
    """

    architecture: str
    context_tokens: int | None
    labels: int


def read_gguf_header(path: Path) -> GgufHeader:
    """The header of a GGUF file. Raises DeclarationError, which names the file, for a file that is none."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(data).read()
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror}), expected a GGUF file") from None
    except (ValueError, KeyError, OverflowError, struct.error):
        raise DeclarationError(f"{path}: found no GGUF file of version 2 or 3, expected one") from None


class _Header:
    """Reads from the start of a file; what is no header raises ValueError, KeyError, OverflowError or struct.error."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self) -> GgufHeader:
        self._skip(len(_MAGIC))
        if self._data[: self._at] != _MAGIC or self._numbers("I")[0] not in _VERSIONS:
            raise ValueError
        tensors, keys = self._numbers("QQ")
        values = {self._text(): self._value(*self._numbers("I")) for _ in range(keys)}
        architecture = str(values["general.architecture"])
        context = values.get(f"{architecture}.context_length")
        shapes = dict(self._tensor() for _ in range(tensors))
        head = shapes.get("cls.output.weight") or shapes.get("cls.weight") or (0,)
        return GgufHeader(architecture, context if isinstance(context, int) else None, head[-1])

    def _tensor(self) -> tuple[str, tuple[int, ...]]:
        name = self._text()
        shape = self._numbers(f"{self._numbers('I')[0]}Q")
        self._numbers("IQ")  # the type, and where its numbers lie
        return name, shape

    def _value(self, kind: int) -> object:
        """A string or number; None for an array, which is skipped."""
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            return self._numbers(_NUMBERS[kind])[0]
        kind, length = self._numbers("IQ")
        if kind == _STRING:
            for _ in range(length):
                self._skip(*self._numbers("Q"))
        else:
            self._skip(length * struct.calcsize(_NUMBERS[kind]))
        return None

    def _text(self) -> str:
        (length,) = self._numbers("Q")
        self._skip(length)
        return self._data[self._at - length : self._at].decode()

    def _numbers(self, shape: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{shape}", self._data, self._at)
        self._skip(struct.calcsize(f"<{shape}"))
        return found

    def _skip(self, size: int) -> None:
        self._at += size
