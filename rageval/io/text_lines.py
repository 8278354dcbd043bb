"""Lines of text files, plain or compressed with gzip, each with its place (`file:line`)."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rageval.io.tolerance import LenientProblems

JSON_LINES = (".jsonl", ".ndjson", ".json")
"""Suffixes of files with one JSON object a line."""

_GZIP = b"\x1f\x8b"


def byte_lines(path: Path) -> Iterator[bytes]:
    r"""The lines with their ends, read as they are asked for; behind the last line break there is an empty one.

    Lines end at \n alone. A byte order mark is dropped. The first bytes tell whether the file is compressed, not its
    name. Raises OSError where it cannot be read.
    """
    with path.open("rb") as start:
        compressed = start.read(2) == _GZIP
    with gzip.open(path) if compressed else path.open("rb") as file:
        line = b"\n"
        try:
            for number, line in enumerate(file):
                yield line if number else line.removeprefix(codecs.BOM_UTF8)
        except (EOFError, zlib.error) as error:
            raise OSError(0, f"damaged gzip file: {error}") from None
        if line.endswith(b"\n"):
            yield b""


def read_lines(path: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    r"""The lines with their places, without their ends (\n or \r\n).

    U+2028, U+0085 and the like belong to the text. Bytes that are no UTF-8 spoil only their own line, which is added to
    `problems`. Raises OSError where the file cannot be read.
    """
    for number, line in enumerate(byte_lines(path), start=1):
        place = f"{path}:{number}"
        try:
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            byte = line[error.start]
            problems.append(f"{place}: found the byte 0x{byte:02x} at position {error.start + 1}, expected UTF-8 text")
            continue
        yield place, text


def filled_lines(lines: Iterator[tuple[str, str]], problems: list[str]) -> Iterator[tuple[str, str]]:
    """The lines that are not empty. A lenient reading skips those of white space too, and counts both."""
    blank: list[str] = []
    for place, text in lines:
        if not isinstance(problems, LenientProblems):
            if text:
                yield place, text
        elif not text.strip():
            blank.append(place)
        else:
            for earlier in blank:
                problems.note("blank line", f"{earlier}: found a blank line")
            blank.clear()
            yield place, text


def find_file(folder: Path, stem: str, suffixes: Sequence[str]) -> Path:
    """The file of that name in the folder, with any of the suffixes in any case, also compressed as `.gz`.

    Of several the first suffix counts; where there is none, the path of the plain name.
    """
    there = {path.name.lower(): path for path in sorted(folder.glob("*")) if path.is_file()}
    names = [f"{stem}{suffix}{end}" for suffix in suffixes for end in ("", ".gz")]
    found = (there[name.lower()] for name in names if name.lower() in there)
    return next(found, folder / names[0])
