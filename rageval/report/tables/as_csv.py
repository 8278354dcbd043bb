"""Tables as one CSV file (RFC 4180)."""

from __future__ import annotations

import csv
import io

from rageval.people.sheet import FORMULA_STARTS
from rageval.report.tables.printout import Printout, Value


def csv_text(printout: Printout) -> str:
    """All tables in one, the first column naming the table. An interval has columns of its own: `ndcg@10`,
    `ndcg@10 low`, `ndcg@10 high`. A cell is empty where its table has no such column, or where nothing is known. A text
    that a spreadsheet would take for a formula has an apostrophe before it.
    """
    names: dict[str, None] = {"table": None}
    rows: list[dict[str, object]] = []
    for table in printout.tables:
        for row in table.rows:
            fields: dict[str, object] = {"table": table.name}
            for column, cell in zip(table.columns, row, strict=True):
                values = cell.parts or ((column.name, cell.text),)
                fields |= {name: _safe(value) for name, value in values}
            names |= dict.fromkeys(fields)
            rows.append(fields)
    written = io.StringIO()
    writer = csv.DictWriter(written, [*names], restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _safe(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
