"""What can be named in an experiment, as a table for every format."""

from __future__ import annotations

from collections.abc import Mapping

from rageval.report.tables.printout import Cell, Column, Printout, Table


def names_printout(what: str, listed: Mapping[str, str]) -> Printout:
    """A row for each name, with what it is."""
    columns = (Column("name", "word"), Column("what it is", "word"))
    rows = tuple((Cell(name), Cell(text)) for name, text in listed.items())
    return Printout(what, (Table(what, columns, rows, turns="never"),))
