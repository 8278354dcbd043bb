"""A printout in the formats that are text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from rageval.report.tables.as_csv import csv_text
from rageval.report.tables.as_html import html_text
from rageval.report.tables.as_latex import latex_text
from rageval.report.tables.as_markdown import markdown_text
from rageval.report.tables.printout import Printout

TextFormat: TypeAlias = Literal["md", "csv", "latex", "html"]

RENDERERS: Mapping[TextFormat, Callable[[Printout], str]] = {
    "md": markdown_text,
    "csv": csv_text,
    "latex": latex_text,
    "html": html_text,
}
