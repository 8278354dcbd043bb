"""What a command prints: lines and tables in order, filled in once for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.stats import Interval
from rageval.types import Estimate

Kind: TypeAlias = Literal["number", "word", "pipeline", "text"]
Tone: TypeAlias = Literal["plain", "strong", "good", "bad", "warning", "faint"]
Turns: TypeAlias = Literal["narrower", "to fit", "never"]
Value: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` is what people read. `parts` is the same for programs: pairs of a column's name in CSV and its
    value. Without parts the text is the value, in the column that the table names.
    """

    text: str
    parts: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `number` columns are to the right and never wrap inside a number. `pipeline` columns hold labels: what
    all of a table's labels share is said once. `text` is what others wrote, such as a question.

    An `optional` column is left out for people where all its cells are 0 or empty.
    """

    name: str
    kind: Kind = "number"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as many in each as there are columns. `name` says in CSV which table a row is of; `title` is
    printed above the table where it is not empty. `key` is the index of the column that names the rows.

    `turns` says when rows are shown as columns on a terminal: where that is narrower, where only that fits, or never.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    key: int = 0
    turns: Turns = "to fit"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; leading spaces indent it where it wraps."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Legend:
    """What the numbers mean: one or two `short` lines, and all of it for `--explain`."""

    short: tuple[str, ...]
    explained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Printout:
    """`title` heads an HTML page; the terminal does not show it."""

    title: str
    blocks: tuple[Line | Table | Legend, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Table))


def text_rows(rows: Sequence[Sequence[str | Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows of cells, in which a bare text is its own value."""
    return tuple(tuple(Cell(one) if isinstance(one, str) else one for one in row) for row in rows)


def texts(row: Sequence[Cell]) -> list[str]:
    """What people read of a row."""
    return [cell.text for cell in row]


def count_cell(name: str, n: int) -> Cell:
    """`1,234`."""
    return Cell(f"{n:,}", ((name, n),))


def value_cell(text: str, name: str, value: Value) -> Cell:
    """A text that stands for one value, in the column of that name."""
    return Cell(text, ((name, value),))


def interval_cell(name: str, text: str, interval: Interval | None) -> Cell:
    """The text, and for programs the point, and `low` and `high` in columns of their own."""
    ends = (None, None, None) if interval is None else (interval.point, interval.low, interval.high)
    return Cell(text, tuple(zip((name, f"{name} low", f"{name} high"), ends, strict=True)))


def estimate_cell(name: str, text: str, mean: Estimate | None) -> Cell:
    """The text, and for programs the point, `low`, `high`, and how many `questions` were scored and `labels` given."""
    names = (name, f"{name} low", f"{name} high", f"{name} questions", f"{name} labels")
    values = (None, None, None, 0, 0) if mean is None else (mean.point, mean.low, mean.high, mean.n, mean.n_labelled)
    return Cell(text, tuple(zip(names, values, strict=True)))


def labels_of(printout: Printout) -> tuple[str, ...]:
    """The labels of pipelines in all tables, each once."""
    return tuple(
        dict.fromkeys(
            row[i].text
            for table in printout.tables
            for i, column in enumerate(table.columns)
            if column.kind == "pipeline"
            for row in table.rows
        )
    )


def shown_columns(table: Table) -> tuple[int, ...]:
    """The indices of the columns that people see: all but optional ones without anything."""
    return tuple(
        i
        for i, column in enumerate(table.columns)
        if not column.optional or any(row[i].text not in _NOTHING for row in table.rows)
    )


_NOTHING = ("", "0", "–", "-", "0.00", "0.000")
