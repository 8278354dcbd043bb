"""Reports of a leaderboard by name: rageval's own, and those of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from rageval.decide.leaderboard import Leaderboard
from rageval.errors import DeclarationError
from rageval.io.plugins import find_plugin
from rageval.io.strict import shown
from rageval.report.leaderboard import markdown
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.tables.as_csv import csv_text
from rageval.report.tables.as_html import html_text
from rageval.report.tables.as_latex import latex_text

Report: TypeAlias = Callable[[Leaderboard], str | bytes]

TERMINAL = "terminal"


def as_json(board: Leaderboard) -> str:
    """One JSON object on one line."""
    return json.dumps(board.to_json(), ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(board: Leaderboard) -> str:
    """A row for each run in CSV, with the ends of intervals in columns of their own."""
    return csv_text(leaderboard_printout(board))


def as_latex(board: Leaderboard) -> str:
    """Tables for LaTeX (booktabs)."""
    return latex_text(leaderboard_printout(board))


def as_html(board: Leaderboard) -> str:
    """One HTML page with the tables."""
    return html_text(leaderboard_printout(board))


REPORTS: Mapping[str, Report] = {"md": markdown, "csv": as_csv, "latex": as_latex, "html": as_html, "json": as_json}


def choose_report(reference: str, base: Path) -> Report | None:
    """The report that is named: `md`, `json`, `FILE.py` (its function `report`), `FILE.py:FUNCTION`, or the name of an
    installed one. None for `terminal`, which is no text. Raises DeclarationError for anything else.
    """
    if reference == TERMINAL:
        return None
    found = find_plugin("reports", reference, {TERMINAL: None, **REPORTS}, base, "--format").target
    if not callable(found):
        raise DeclarationError(f"--format: {reference}: found {shown(found)}, expected a function of a Leaderboard")
    return cast("Report", found)


def write_report(report: Report, board: Leaderboard, name: str) -> str | bytes:
    """Returns the report's output for the leaderboard. Raises DeclarationError if it fails or returns neither text nor
    bytes.
    """
    try:
        written = cast("object", report(board))
    except Exception as error:
        raise DeclarationError(f"--format: {name} failed: {type(error).__name__}: {error}") from error
    if isinstance(written, str | bytes):
        return written
    raise DeclarationError(f"--format: {name} returned {shown(written)}, expected a text or bytes")
