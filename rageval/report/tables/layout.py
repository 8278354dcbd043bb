"""How a table fits a width: as it is, turned, with words wrapped, or as several tables below one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from rageval.report.tables.printout import Table, shown_columns
from rageval.report.tables.wrapping import least_width, one_line, word_width, wrap

GAP = 2
_LEAST_KEY = 8


@dataclass(frozen=True, slots=True)
class Grid:
    """Texts in rows and columns, the header first. `right` says which columns are to the right, `key` which one names
    the rows.
    """

    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    key: int

    @property
    def natural(self) -> list[int]:
        """The widths of the columns without wrapping."""
        return [max(map(cell_len, column)) for column in zip(*self.rows, strict=True)]

    @property
    def whole(self) -> list[int]:
        """The widths below which a word would be broken in the middle."""
        return [max(map(word_width, column)) for column in zip(*self.rows, strict=True)]

    @property
    def least(self) -> list[int]:
        """The widths below which a number, or a word into pieces that are too short, would be broken."""
        return [max(map(least_width, column)) for column in zip(*self.rows, strict=True)]

    def part(self, columns: Sequence[int]) -> Grid:
        rows = tuple(tuple(row[i] for i in columns) for row in self.rows)
        return Grid(rows, tuple(self.right[i] for i in columns), columns.index(self.key))


def lay_out(
    table: Table, width: int, short: Mapping[str, str] | None = None, rule: str = "─"
) -> list[tuple[list[str], list[str]]]:
    """The lines of the table, of at most `width` cells: those of the header, and those below; several such pairs where
    it had to be split. `short` are names for labels of pipelines.
    """
    upright = _upright(table, short or {})
    turned = _turned(upright)
    grids = {"narrower": [upright, turned], "to fit": [upright, turned], "never": [upright]}[table.turns]
    if len(upright.rows) < 2 or len(upright.right) < 2:
        grids = [upright]
    choices: list[tuple[tuple[int, ...], list[tuple[Grid, list[int]]]]] = []
    for i, grid in enumerate(grids):
        blocks = _split(grid, width)
        broken = any(width < whole for part, widths in blocks for width, whole in zip(widths, part.whole, strict=True))
        wrapped = any(widths != part.natural for part, widths in blocks)
        order = (wrapped, _width(grid.natural)) if table.turns == "narrower" else (i, wrapped)
        choices.append(((len(blocks), broken, *order), blocks))
    _, chosen = min(choices, key=lambda choice: choice[0])
    return [_lines(block, widths, rule) for block, widths in chosen]


def _upright(table: Table, short: Mapping[str, str]) -> Grid:
    """A row for each row, without empty columns."""
    columns = shown_columns(table)
    header = tuple(one_line(table.columns[i].name) for i in columns)
    labels = {i for i in columns if table.columns[i].kind == "pipeline"}
    rows = [
        tuple(one_line(short.get(row[i].text, row[i].text) if i in labels else row[i].text) for i in columns)
        for row in table.rows
    ]
    right = tuple(table.columns[i].kind == "number" for i in columns)
    return Grid((header, *rows), right, columns.index(table.key))


def _turned(grid: Grid) -> Grid:
    """A column for each row, under its key."""
    order = [grid.key, *(i for i in range(len(grid.right)) if i != grid.key)]
    rows = tuple(tuple(row[i] for row in grid.rows) for i in order)
    return Grid(rows, (False, *(True for _ in grid.rows[1:])), 0)


def _split(grid: Grid, width: int) -> list[tuple[Grid, list[int]]]:
    """The grid, or parts of its columns that each fit, with the key column in each; and their widths."""
    if widths := _fitted(grid, width):
        return [(grid, widths)]
    blocks: list[tuple[Grid, list[int]]] = []
    block: list[int] = []
    for i in range(len(grid.right)):
        if i == grid.key:
            continue
        wider = sorted([*block, i, grid.key])
        if block and not _fitted(grid.part(wider), width):
            blocks.append(_forced(grid.part(sorted([*block, grid.key])), width))
            block = []
        block.append(i)
    return [*blocks, _forced(grid.part(sorted([*block, grid.key])), width)]


def _fitted(grid: Grid, width: int) -> list[int] | None:
    """The columns' widths: natural ones, or narrower where words wrap; None where it does not fit."""
    natural, whole = grid.natural, grid.whole
    if _width(natural) <= width:
        return natural
    if _width(whole) <= width:
        return _shared_out(whole, natural, width - _width(whole))
    least = grid.least
    return _shared_out(least, whole, width - _width(least)) if _width(least) <= width else None


def _shared_out(least: Sequence[int], most: Sequence[int], spare: int) -> list[int]:
    """The least widths, and the spare width shared among the columns that want more, the modest ones first."""
    widths = [*least]
    order = sorted(range(len(widths)), key=lambda i: most[i] - least[i])
    for place, i in enumerate(order):
        more = min(most[i] - least[i], spare // (len(order) - place))
        widths[i] += more
        spare -= more
    return widths


def _forced(grid: Grid, width: int) -> tuple[Grid, list[int]]:
    """As `_fitted`; where a key and one column do not fit, the key is broken first, then the column."""
    if widths := _fitted(grid, width):
        return grid, widths
    widths = grid.least
    for i in sorted(range(len(widths)), key=lambda i: i != grid.key):
        over = _width(widths) - width
        widths[i] = max(_LEAST_KEY, widths[i] - max(0, over))
    return grid, widths


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _lines(grid: Grid, widths: Sequence[int], rule: str) -> tuple[list[str], list[str]]:
    header = [*_row(grid.rows[0], grid.right, widths), (" " * GAP).join(rule * width for width in widths)]
    return header, [line for row in grid.rows[1:] for line in _row(row, grid.right, widths)]


def _row(texts: Sequence[str], right: Sequence[bool], widths: Sequence[int]) -> list[str]:
    cells = [wrap(text, width) for text, width in zip(texts, widths, strict=True)]
    lines: list[str] = []
    for i in range(max(map(len, cells))):
        padded = [
            _padded(cell[i] if i < len(cell) else "", width, to_right)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        ]
        lines.append((" " * GAP).join(padded).rstrip())
    return lines


def _padded(text: str, width: int, right: bool) -> str:
    spaces = " " * (width - cell_len(text))
    return spaces + text if right else text + spaces
