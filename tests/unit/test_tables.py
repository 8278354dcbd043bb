"""Tables in Markdown texts."""

from __future__ import annotations

import pytest

from rageval.text.tables import find_tables

TEXT = """## Sales

Sales rose. The table shows sales by contract type:

| Type | 2019 | 2018 |
|:---|---:|---|
| Fixed price | 1,452 | 1,146 |
| Other \\| rest | 44 | |

Nothing else | here.
"""


def test_a_table_has_caption_header_and_rows_with_their_places() -> None:
    (table,) = find_tables(TEXT)
    assert table.caption == "The table shows sales by contract type:"
    assert table.header == ("Type", "2019", "2018")
    assert [row.cells for row in table.rows] == [("Fixed price", "1,452", "1,146"), ("Other | rest", "44", "")]
    assert [row.name for row in table.rows] == ["Fixed price", "Other | rest"]
    assert TEXT[table.start : table.end] == TEXT[TEXT.index("| Type") : TEXT.index("\n\nNothing")]
    assert TEXT[table.rows[0].start : table.rows[0].end] == "| Fixed price | 1,452 | 1,146 |"


def test_several_tables_each_with_what_stands_before_it() -> None:
    text = "一、收入\n\n表一列出各地区收入。\n名称|金额\n--|--\n华北|三百万\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    first, second = find_tables(text)
    assert (first.caption, first.header, first.rows[0].name) == ("表一列出各地区收入。", ("名称", "金额"), "华北")
    assert second.caption == ""
    assert text[second.start : second.end].endswith("| 1 | 2 |")


@pytest.mark.parametrize("text", ["", "a | b", "a | b\nc | d", "| a |\n|---|\n\ntext\n\n---\n"])
def test_what_has_no_rows_or_no_dashes(text: str) -> None:
    assert [row for table in find_tables(text) for row in table.rows] == []


def test_a_far_caption_is_none() -> None:
    assert find_tables("Far.\n\n\n\n| a | b |\n|---|---|\n| 1 | 2 |")[0].caption == ""
