"""Tables as one CSV file (RFC 4180)."""

from __future__ import annotations

import csv
import io

from rageval.report.tables.printout import Printout


def csv_text(printout: Printout) -> str:
    """All tables in one, the first column naming the table. An interval has columns of its own: `ndcg@10`,
    `ndcg@10 low`, `ndcg@10 high`. A cell is empty where its table has no such column, or where nothing is known.
    """
    names: dict[str, None] = {"table": None}
    rows: list[dict[str, object]] = []
    for table in printout.tables:
        for row in table.rows:
            fields: dict[str, object] = {"table": table.name}
            for column, cell in zip(table.columns, row, strict=True):
                fields |= dict(cell.parts) if cell.parts else {column.name: cell.text}
            names |= dict.fromkeys(fields)
            rows.append(fields)
    written = io.StringIO()
    writer = csv.DictWriter(written, [*names], restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
