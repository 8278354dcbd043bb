"""No line is wider than the console, and no number or interval is broken, whatever the table."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rageval.report.tables.layout import lay_out
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, Turns
from rageval.report.tables.shared_settings import shorten_labels
from rageval.report.tables.terminal import terminal_text
from rageval.report.tables.wrapping import wrap

NUMBERS = st.floats(-1e4, 1e4).map(lambda x: f"{x:+.3f}")
INTERVALS = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda ends: f"{ends[0]} [{ends[1]}, {ends[2]}]")
MARKED = st.tuples(INTERVALS, st.sampled_from(["", "†", "‡", "!"])).map("".join)
WORDS = st.text(st.sampled_from("abcdefg_-=,()检索器模型 "), min_size=1, max_size=70)
CELLS = st.one_of(NUMBERS, MARKED)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    n = draw(st.integers(1, 9))
    names = draw(st.lists(WORDS, min_size=n, max_size=n))
    columns = (Column("pipeline", "pipeline"), *(Column(name) for name in names))
    labels = draw(st.lists(WORDS, min_size=1, max_size=6))
    rows = tuple((Cell(label), *(Cell(draw(CELLS)) for _ in names)) for label in labels)
    turns: Turns = draw(st.sampled_from(["narrower", "to fit", "never"]))
    return Table("t", columns, rows, turns=turns)


@given(tables(), st.integers(60, 260))
def test_nothing_is_too_wide_or_broken(table: Table, width: int) -> None:
    text = terminal_text(Printout("t", (table,)), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    for row in table.rows:
        for cell in row[1:]:
            assert re.search(rf"(?<!\S){re.escape(cell.text)}(?!\S)", text), cell.text


@given(st.lists(st.one_of(WORDS, CELLS), max_size=12).map(" ".join), st.integers(60, 120))
def test_lines_wrap_between_words(text: str, width: int) -> None:
    lines = terminal_text(Printout("t", (Line(text),)), width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for interval in re.findall(r"[+-][\d.]+ \[[^]]*\][†‡!]?", text):
        assert any(interval in line for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("cannot be told apart", 10, ["cannot be", "told apart"]),
        ("by +0.1 [+0.05, +0.15] here", 20, ["by", "+0.1 [+0.05, +0.15]", "here"]),
        ("该怎么避免多余", 6, ["该怎么", "避免多", "余"]),
        ("chunk_tokens=128", 12, ["chunk_", "tokens=128"]),
        ("p < 0.001 is small", 9, ["p < 0.001", "is small"]),
        ("", 9, [""]),
    ],
)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width)[: len(lines)] == lines


def rows(table: Table, width: int) -> list[list[str]]:
    """The cells of the only block, header first."""
    ((header, body),) = lay_out(table, width)
    return [re.split(" {2,}", line.strip()) for line in (header[0], *body)]


BOARD = Table(
    "board",
    (Column("pipeline", "pipeline"), Column("map"), Column("mrr"), Column("failed", optional=True)),
    (
        (Cell("naive"), Cell("0.742 [0.61, 0.85]"), Cell("0.5"), Cell("0")),
        (Cell("hyde"), Cell("0.7"), Cell("0.4"), Cell("0")),
    ),
    turns="narrower",
)
UPRIGHT = [["pipeline", "map", "mrr"], ["naive", "0.742 [0.61, 0.85]", "0.5"], ["hyde", "0.7", "0.4"]]


def test_pipelines_are_columns_where_that_is_narrower() -> None:
    """8 + 18 + 3 cells with gaps against 8 + 18 + 4: as it is. With one row the turned table is narrower."""
    assert rows(BOARD, 80) == UPRIGHT
    one = Table(BOARD.name, BOARD.columns, BOARD.rows[:1], turns="narrower")
    assert rows(one, 80) == [["pipeline", "naive"], ["map", "0.742 [0.61, 0.85]"], ["mrr", "0.5"]]


def test_a_column_of_failures_is_left_out_only_without_any() -> None:
    failed = (*BOARD.rows[:1], (*BOARD.rows[1][:3], Cell("3")))
    shown = rows(Table(BOARD.name, BOARD.columns, failed, turns="never"), 80)
    assert [row[-1] for row in shown] == ["failed", "0", "3"]


def test_what_does_not_fit_is_split_with_its_names() -> None:
    """Nine metrics of 18 cells, three to a block beside the name: 5 + 3 × 20 = 65 cells, four would have 85."""
    columns = (Column("name", "word"), *(Column(f"m{i}") for i in range(9)))
    cells = tuple(
        (Cell(name), *(Cell(f"0.{i}42 [0.61, 0.85]") for i in range(9))) for name in ("one", "two", "six") * 4
    )
    blocks = lay_out(Table("t", columns, cells, turns="never"), 80)
    assert [header[0].split() for header, _ in blocks] == [
        ["name", "m0", "m1", "m2"], ["name", "m3", "m4", "m5"], ["name", "m6", "m7", "m8"],
    ]  # fmt: skip
    assert all(line.split()[0] in ("one", "two", "six") for _, body in blocks for line in body)


@pytest.mark.parametrize(
    ("labels", "names", "shared"),
    [
        (("rag(k=3, chunk=400)", "rag(k=5, chunk=400)"), ("k=3", "k=5"), "rag(chunk=400)"),
        (("naive(k=5)", "hyde(k=5)"), ("naive", "hyde"), "k=5"),
        (("rag(k=3)", "rag(k=3, views=[a, b])"), ("rag", "rag(views=[a, b])"), "k=3"),
        (("rag(检索=bm25, k=3)", "rag(检索=dense, k=3)"), ("检索=bm25", "检索=dense"), "rag(k=3)"),
        (("naive", "hyde"), None, ""),
        (("naive(k=5)",), None, ""),
        (("naive(k=5)", "hyde(k=3)"), None, ""),
    ],
)
def test_settings_that_all_share_are_said_once(
    labels: tuple[str, ...], names: tuple[str, ...] | None, shared: str
) -> None:
    expected: Mapping[str, str] = {} if names is None else dict(zip(labels, names, strict=True))
    assert shorten_labels(labels) == (expected, shared)


def test_characters_that_move_the_cursor_are_replaced() -> None:
    text = terminal_text(Printout("t", (Line("a\x1b[2Jb\u202ec"),)), 80)
    assert text == "a\ufffd[2Jb\ufffdc\n"
