"""Lines and tables as Markdown, for commands without a Markdown report of their own."""

from __future__ import annotations

import html

from rageval.report.markdown import code, table
from rageval.report.tables.printout import Legend, Line, Printout, Table, shown_columns


def markdown_text(printout: Printout) -> str:
    """A heading, then paragraphs and tables; legends in full. Labels and what others wrote are code spans."""
    lines = [f"## {_plain(printout.title)}", ""]
    for block in printout.blocks:
        if isinstance(block, Table):
            lines += _table(block)
        elif isinstance(block, Line):
            lines += [_plain(block.text), ""] if block.text.strip() else []
        else:
            lines += _legend(block)
    return "\n".join(lines)


def _table(one: Table) -> list[str]:
    columns = shown_columns(one)
    coded = {i for i in columns if one.columns[i].kind in ("pipeline", "text")}
    rows = [[code(row[i].text) if i in coded else _plain(row[i].text) for i in columns] for row in one.rows]
    title = [f"**{_plain(one.title)}**", ""] if one.title else []
    return [*title, *table([_plain(one.columns[i].name) for i in columns], rows), ""]


def _legend(legend: Legend) -> list[str]:
    return [line for text in legend.explained for line in (_plain(text), "")]


def _plain(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("](", "]\\(").replace("`", "'")
