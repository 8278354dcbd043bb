"""Data frames: made with typed columns, read and written, and taken apart into rows (extra `pandas`)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.io.text_lines import byte_lines

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame  # pyright: ignore[reportMissingTypeStubs]

Dtype: TypeAlias = Literal["string", "Float64", "Int64", "boolean", "texts"]
"""What a column holds. Values may be missing in all but `texts`: lists of texts, of dtype object, since Parquet files
with Arrow's lists cannot be read back by pandas.
"""

JSON_LISTS = ("references", "tags", "hits")
"""Columns that hold lists: a CSV file has them as JSON."""

_SUFFIXES = (".csv", ".jsonl", ".parquet")


def make_frame(columns: Mapping[str, Dtype], rows: Iterable[Sequence[object]]) -> DataFrame:
    """A frame with these columns; None is a missing value (`pandas.NA`)."""
    pandas = _pandas("a DataFrame")
    by_column = [*zip(*rows, strict=True)] or [()] * len(columns)
    return pandas.DataFrame(
        {
            name: pandas.Series([*values], dtype=object if dtype == "texts" else dtype)
            for (name, dtype), values in zip(columns.items(), by_column, strict=True)
        }
    )


def join_frames(frames: Sequence[DataFrame]) -> DataFrame:
    """Frames with the same columns, one below the other."""
    return _pandas("a DataFrame").concat(frames, ignore_index=True)


def read_frame(path: str | Path) -> DataFrame:
    """Read a frame from a `.csv`, `.jsonl` or `.parquet` file.

    Suffixes count in any case, `.ndjson` is JSON lines too, and files of text may be compressed (`.gz`). No types are
    guessed. Every CSV cell is text, an empty cell is a missing value, and the lists of `references`,
    `tags` and `hits` are JSON. Strings in a JSONL file stay strings, even if they look like numbers or dates. Raises
    DeclarationError where the file cannot be read.
    """
    file = Path(path)
    pandas = _pandas(f"reading {file}")
    suffix = _suffix(file.with_name(file.name.removesuffix(".gz")))
    try:
        if suffix == ".parquet":
            return pandas.read_parquet(file)
        if suffix == ".jsonl":
            return pandas.DataFrame(_objects(file))
        frame = pandas.read_csv(file, dtype="string", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise DeclarationError(f"{file}: cannot be read ({why}), expected a {suffix[1:]} file") from None
    for name in JSON_LISTS:
        if name in frame.columns:
            frame[name] = pandas.Series([_list_in(cell) for cell in frame[name]], index=frame.index, dtype=object)
    return frame


def write_frame(frame: DataFrame, path: str | Path) -> None:
    """Write a frame as `.csv`, `.jsonl` or `.parquet`, so that `read_frame` restores it, without its index.

    Lists are JSON in a CSV file. Raises DeclarationError where the file cannot be written.
    """
    file = Path(path)
    suffix = _suffix(file)
    table: Any = frame
    try:
        if suffix == ".parquet":
            table.to_parquet(file, index=False)
        elif suffix == ".jsonl":
            rows = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in _rows(table))
            file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        else:
            table.astype(object).map(_json_of_list).to_csv(file, index=False)
    except (OSError, ValueError, TypeError) as error:
        raise DeclarationError(f"{file}: cannot be written ({' '.join(str(error).split())[:200]})") from None


def rows_of(
    frame: DataFrame, place: str, required: Sequence[str], optional: Sequence[str], *, others: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row with its place (`place[3]`, from 0): plain Python values by column, None for a missing one.

    Raises DeclarationError if `frame` is not a DataFrame, if a column is missing or occurs twice, or, unless `others`
    is set, if a column is neither required nor optional.
    """
    pandas = _pandas(place)
    if not isinstance(frame, pandas.DataFrame):
        raise DeclarationError(f"{place}: found a {type(frame).__name__}, expected a pandas DataFrame")
    names = [str(name) for name in frame.columns]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"{place}: found the column {name!r} {names.count(name)} times, expected it once")
        if not others and name not in (*required, *optional):
            expected = ", ".join((*required, *optional))
            raise DeclarationError(f"{place}: found the unknown column {name!r}, expected {expected}")
    for name in required:
        if name not in names:
            raise DeclarationError(f"{place}: found no column {name!r}, only {', '.join(names)}; expected it")
    used = [name for name in names if name in (*required, *optional)]
    return ((f"{place}[{number}]", row) for number, row in enumerate(_rows(cast("Any", frame)[used])))


def _pandas(purpose: str) -> Any:
    need_package("pandas", "pandas", purpose)
    return import_module("pandas")


def _suffix(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix == ".ndjson":
        suffix = ".jsonl"
    if suffix not in _SUFFIXES:
        raise DeclarationError(f"{file}: found the suffix {file.suffix!r}, expected {', '.join(_SUFFIXES)}")
    if suffix == ".parquet":
        need_package("pyarrow", "pandas", f"the file {file}")
    return suffix


def _objects(file: Path) -> list[dict[str, Any]]:
    """Read the objects of a JSONL file without pandas, whose versions each guess dates and numbers in their own way."""
    objects: list[dict[str, Any]] = []
    for number, line in enumerate(byte_lines(file), 1):
        if line.strip():
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError(f"line {number} is not an object")
            objects.append(cast("dict[str, Any]", value))
    return objects


def _rows(frame: Any) -> Iterator[dict[str, Any]]:
    columns = [[_plain(cell) for cell in frame[name]] for name in frame.columns]
    names = [str(name) for name in frame.columns]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _plain(cell: Any) -> Any:
    """A Python value of what pandas, numpy or Arrow have in a cell; None for all their kinds of nothing."""
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(cell, "tolist"):  # numpy's arrays and numbers
        cell = cell.tolist()
    if isinstance(cell, float) and math.isnan(cell):
        return None
    if isinstance(cell, Mapping):
        return {str(key): _plain(value) for key, value in cast("Mapping[Any, Any]", cell).items()}
    if isinstance(cell, list | tuple):
        return [_plain(item) for item in cast("list[Any]", cell)]
    return cell


def _json_of_list(cell: object) -> object:
    """A list or mapping as JSON text, all else as it is."""
    if isinstance(cell, list | tuple | Mapping) or (hasattr(cell, "tolist") and hasattr(cell, "__len__")):
        return json.dumps(_plain(cell), ensure_ascii=False, allow_nan=False)
    return cell


def _list_in(cell: object) -> object:
    """Parse the JSON list in a cell of a CSV file; return any other cell unchanged."""
    if not isinstance(cell, str) or not cell.startswith("["):
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return cell
