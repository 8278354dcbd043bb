"""CSV and JSON Lines: a document for each row that has a text, or a CSV file as one Markdown table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from rageval.corpus.readers.decoding import decode
from rageval.corpus.readers.reading import Part, Read, RefusedFile, dated, find_date, tidy_line
from rageval.text.tidy import tidy

TEXT_KEYS = ("text", "content", "body", "正文", "内容")
TITLE_KEYS = ("title", "name", "heading", "标题")
ID_KEYS = ("id", "_id", "doc_id")
DATE_KEYS = ("date", "updated", "modified", "日期")
_SEPARATORS = ",;\t"


def read_csv(raw: bytes) -> Read:
    """With a column of `TEXT_KEYS` a document for each row; else the file as one table."""
    text = decode(raw)
    header, _, _ = text.partition("\n")
    separator = max(_SEPARATORS, key=header.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if any(row)]
    except csv.Error as error:
        raise RefusedFile(f"bad CSV ({error})") from None
    if not rows:
        return Read((Part(""),))
    names = [tidy_line(name) for name in rows[0]]
    if not {name.lower() for name in names} & {*TEXT_KEYS}:
        return Read((Part(_markdown_table(rows)),))
    return _documents((number, _row(names, row)) for number, row in enumerate(rows[1:], start=2))


def read_jsonl(raw: bytes) -> Read:
    """A document for each object with a key of `TEXT_KEYS`; lines without one are refused by number."""
    return _documents(_objects(decode(raw)))


def _objects(text: str) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"bad JSON ({error})"
            continue
        is_object = isinstance(value, dict)
        yield number, cast("Mapping[str, object]", value) if is_object else "no JSON object"


def _row(names: Sequence[str], row: Sequence[str]) -> Mapping[str, object] | str:
    if len(row) != len(names):
        return f"{len(row)} cells, expected {len(names)}"
    return dict(zip(names, row, strict=True))


def _documents(rows: Iterator[tuple[int, Mapping[str, object] | str]]) -> Read:
    parts: dict[str, Part] = {}
    refused: list[str] = []
    for number, row in rows:
        fields = row if isinstance(row, str) else {key.lower(): value for key, value in row.items()}
        if isinstance(fields, str):
            refused.append(f"row {number}: {fields}")
            continue
        text = tidy(_first(fields, TEXT_KEYS))
        name = tidy_line(_first(fields, ID_KEYS)) or str(number)
        if not text:
            refused.append(f"row {number}: no text (expected the key {', '.join(TEXT_KEYS[:3])})")
        elif name in parts:
            refused.append(f"row {number}: the id {name!r} for the second time")
        else:
            date = find_date(_first(fields, DATE_KEYS))
            parts[name] = Part(text, tidy_line(_first(fields, TITLE_KEYS)), name, dated(date))
    return Read((*parts.values(),), tuple(refused))


def _first(fields: Mapping[str, object], keys: Sequence[str]) -> str:
    """The first of these keys with a text or a number."""
    values = (fields.get(key) for key in keys)
    return next((str(value) for value in values if isinstance(value, str | int | float) and str(value).strip()), "")


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    width = max(map(len, rows))
    lines = [[*(tidy_line(cell).replace("|", "\\|") for cell in row), *[""] * (width - len(row))] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], ["---"] * width, *lines[1:]])
