"""Lines and tables as one HTML page without scripts, which asks for nothing from elsewhere."""

from __future__ import annotations

import html

from rageval.report.tables.printout import Column, Line, Printout, Table, shown_columns
from rageval.report.tables.wrapping import one_line

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ccc; text-align: left; }
.number { text-align: right; white-space: nowrap; }
.strong, .good, .bad, .warning { font-weight: 600; }
.good { color: #17692d; } .bad { color: #b3171f; } .warning { color: #805500; } .faint { color: #595959; }
"""


def html_text(printout: Printout) -> str:
    """The page. Every text is escaped, and left to write in its own direction."""
    parts: list[str] = []
    for block in printout.blocks:
        if isinstance(block, Table):
            parts += _table(block)
        elif isinstance(block, Line):
            if block.text.strip():
                parts.append(f'<p class="{block.tone}">{_escaped(block.text)}</p>')
        else:
            parts += [f'<p class="faint">{_escaped(text)}</p>' for text in block.explained]
    title = _escaped(printout.title)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>\n{_STYLE}</style>",
            f"<h1>{title}</h1>",
            *parts,
            "</html>",
            "",
        ]
    )


def _table(table: Table) -> list[str]:
    columns = shown_columns(table)
    caption = [f"<caption>{_escaped(table.title)}</caption>"] if table.title else []
    header = "".join(
        f'<th scope="col"{_align(table.columns[i])}>{_escaped(table.columns[i].name)}</th>' for i in columns
    )
    lines = [f"<thead><tr>{header}</tr></thead>", "<tbody>"]
    for row in table.rows:
        cells = "".join(_cell(row[i].text, table.columns[i], head=i == table.key) for i in columns)
        lines.append(f"<tr>{cells}</tr>")
    return ['<div class="wide"><table>', *caption, *lines, "</tbody>", "</table></div>"]


def _cell(text: str, column: Column, *, head: bool) -> str:
    written = f"<bdi>{_escaped(text)}</bdi>"
    return f'<th scope="row"{_align(column)}>{written}</th>' if head else f"<td{_align(column)}>{written}</td>"


def _align(column: Column) -> str:
    return ' class="number"' if column.kind == "number" else ""


def _escaped(text: str) -> str:
    return html.escape(one_line(text))
