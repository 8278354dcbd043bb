"""What people said of questions that a model wrote, as text."""

from __future__ import annotations

from rageval.people.review import Review
from rageval.report.tables.printout import Column, Line, Printout, Table, count_cell, text_rows


def review_printout(found: Review) -> Printout:
    """The sentence, the verdicts, and how many questions have none."""
    rows = text_rows([[verdict, count_cell(verdict, count)] for verdict, count in found.counts.items() if count])
    columns = (Column("verdict", "word"), Column("questions"))
    return Printout(
        "Review",
        (
            Line(found.sentence, "strong"),
            *([Table("review", columns, rows)] if rows else []),
            Line(f"without a verdict: {found.waiting} of {found.questions}", "faint"),
        ),
    )
