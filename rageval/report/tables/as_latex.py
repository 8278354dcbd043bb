"""Lines and tables for LaTeX, with booktabs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rageval.report.tables.printout import Legend, Line, Printout, Table, shown_columns
from rageval.report.tables.wrapping import one_line

_ESCAPES: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "]": "{]}",
    '"': r"\textquotedbl{}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "Ω": r"$\Omega$",
    "–": "--",
    "…": r"\ldots{}",
}
_SIGNED = re.compile(r"(?<![\w.\])])-(?=\d)")


def latex_text(printout: Printout) -> str:
    """A `table` for each table and a paragraph for each line, legends in their short form. Needs the package booktabs,
    and T1 fonts or a Unicode engine; for East Asian labels an engine and a font that have them.
    """
    lines = ["% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}"]
    for block in printout.blocks:
        if isinstance(block, Table):
            title = printout.title if block is printout.tables[0] else block.name
            lines += _table(block, block.title or title)
        elif isinstance(block, Line):
            lines += [f"\\par {_escaped(block.text)}"] if block.text.strip() else []
        else:
            lines += _legend(block)
    return "\n".join([*lines, ""])


def _table(table: Table, title: str) -> list[str]:
    columns = shown_columns(table)
    form = "".join("r" if table.columns[i].kind == "number" else "l" for i in columns)
    return [
        r"\begin{table}[ht]",
        r"\centering",
        f"\\caption{{{_escaped(title)}}}",
        f"\\begin{{tabular}}{{{form}}}",
        r"\toprule",
        _row([table.columns[i].name for i in columns]),
        r"\midrule",
        *(_row([row[i].text for i in columns]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def _legend(legend: Legend) -> list[str]:
    return [f"\\par {{\\footnotesize {_escaped(text)}}}" for text in legend.short]


def _row(texts: list[str]) -> str:
    return f"{' & '.join(map(_escaped, texts))} \\\\"


def _escaped(text: str) -> str:
    """Every special character escaped, and a minus as such."""
    return "".join(_ESCAPES.get(char, char) for char in _SIGNED.sub("−", one_line(text)))
