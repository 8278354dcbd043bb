"""From a file to its lines and JSON objects, each with the place (`file:line`) that errors name.

What cannot be read is appended to `problems` and left out, so that one pass finds everything there is to mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from rageval.errors import BenchmarkError
from rageval.io import text_lines
from rageval.io.spreadsheets import sheet_in


def require_files(paths: Sequence[Path], remedy: str = "") -> None:
    """Raise a `BenchmarkError` that names every file that is missing; nothing else can be checked without them."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise BenchmarkError([f"{path}: found no such file, expected {path.name} there{remedy}" for path in missing])


def read_lines(path: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    """The lines with their places: see `rageval.io.text_lines.read_lines`. Raises `BenchmarkError` for no such file."""
    try:
        yield from text_lines.read_lines(path, problems)
    except OSError as error:
        found = error.strerror or str(error)
        raise BenchmarkError([f"{path}: found no readable file ({found}), expected a text file"]) from None


def filled_lines(path: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    """The lines that are not empty, or blank where `problems` are lenient, with their places."""
    return text_lines.filled_lines(read_lines(path, problems), problems)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_objects(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """The JSON objects of a JSONL file with their places."""
    if sheet := sheet_in(path):
        problems.append(f"{path}:1: found {sheet}, expected JSON Lines (.jsonl): one JSON object a line")
        return
    for place, text in filled_lines(path, problems):
        try:
            value: object = _DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            problems.append(f"{place}: found bad JSON ({why}), expected one JSON object a line")
            continue
        if isinstance(value, dict):
            yield place, cast("dict[str, object]", value)
        else:
            problems.append(f"{place}: found {describe(value)}, expected one JSON object a line")


def describe(value: object) -> str:
    """What a value is, in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"
