"""Tables and code spans hold any text and stay what they are."""

import re

import pytest

from rageval.report.markdown import code, table


def test_a_table() -> None:
    assert table(["a", "b"], [["1", "2"], ["", "–"]]) == ["| a | b |", "|---|---|", "| 1 | 2 |", "|  | – |"]


@pytest.mark.parametrize(
    ("text", "cell"), [("x|y", r"x\|y"), ("two\nlines", "two lines"), ("`a|b`", r"`a\|b`"), ("  wide  ", "wide")]
)
def test_a_cell_holds_any_text(text: str, cell: str) -> None:
    (_, _, row) = table(["a", "b"], [[text, text]])
    assert row == f"| {cell} | {cell} |"
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(("text", "span"), [("a  b\nc", "`a b c`"), ("`x` | y", "`'x' | y`"), ("", ""), (" ", "")])
def test_code_spans_hold_any_text(text: str, span: str) -> None:
    assert code(text) == span
