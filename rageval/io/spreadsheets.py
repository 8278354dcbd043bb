"""Files of spreadsheet programs, recognised where another kind of file is wanted."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from rageval.errors import DeclarationError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_PACKED = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_LOOKED_AT = 4096
_LONGEST_NAME = 60


def sheet_in(path: Path) -> str | None:
    """What kind of sheet the file holds, for messages: `a spreadsheet (.xlsx)`, or `a table (columns separated by
    semicolons)`. None for any other file, and for one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(_LOOKED_AT)
    except OSError:
        return None
    if beginning.startswith((_PACKED, _OLD_EXCEL)):
        return f"a spreadsheet ({path.suffix})" if path.suffix.lower() in _ENDINGS else "a spreadsheet or packed file"
    separator = separator_of(beginning.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].decode(errors="replace"))
    return None if separator is None else f"a table (columns separated by {SEPARATORS[separator]})"


def separator_of(header: str) -> str | None:
    """The separator of the columns if the line is the header of a table: two or more short names, all different."""
    for separator in sorted(SEPARATORS, key=header.count, reverse=True):
        try:
            cells = [cell.strip() for cell in next(csv.reader([header.strip()], delimiter=separator), list[str]())]
        except csv.Error:
            return None
        names = [cell for cell in cells if cell.replace("-", "_").replace(" ", "_").isidentifier()]
        if len(cells) > 1 and len(set(names)) == len(cells) and max(map(len, cells)) <= _LONGEST_NAME:
            return separator
    return None


def refuse_sheet(path: Path, expected: str) -> None:
    """Raises DeclarationError if the file is a sheet; `expected` says what is wanted instead."""
    if sheet := sheet_in(path):
        raise DeclarationError(f"{path}: found {sheet}, expected {expected}")
