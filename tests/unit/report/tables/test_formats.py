"""CSV, LaTeX, HTML and Markdown of the same printouts, read back where a reader exists."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

from rageval.report.compare_printout import compare_printout
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.tables.as_csv import csv_text
from rageval.report.tables.as_html import html_text
from rageval.report.tables.as_latex import latex_text
from rageval.report.tables.as_markdown import markdown_text
from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table
from tests.unit.report.shown_results import LABELS, compared, leaderboard

ATTACK = "<script>alert(1)</script>"
HOSTILE = Printout(
    ATTACK,
    (
        Line(f"{ATTACK} [x](javascript:1)"),
        Table(
            "t",
            (Column("pipeline", "pipeline"), Column("a & b_c"), Column("failed", optional=True)),
            ((Cell('50% "of", {x}\\n\u202e'), Cell("-0.5 [-0.6, -0.4]†"), Cell("0")),),
            title="up_down ↓",
        ),
        Legend(("short",), (f"long {ATTACK}",)),
    ),
)


def test_csv_has_the_ends_of_intervals_in_columns() -> None:
    text = csv_text(leaderboard_printout(leaderboard(failed=4)))
    assert text.count("\r\n") == text.count("\n")
    rows = [*csv.DictReader(io.StringIO(text, newline=""))]
    first = rows[0]
    assert (first["table"], first["pipeline"], first["rank"], first["rank last"]) == (
        "leaderboard",
        LABELS[0],
        "1",
        "3",
    )
    numbers = [float(first[f"ndcg@10{end}"]) for end in ("", " low", " high")]
    assert numbers == [0.5, 0.425, 0.575]
    assert (first["ndcg@10 questions"], first["hallucination labels"]) == ("112", "50")
    assert (first["failed"], first["calls"], first["paid calls"]) == ("4", "120", "120")
    sliced = [row for row in rows if row["table"] == "ndcg@10 by language"]
    assert [row["slice"] for row in sliced] == ["English"] * 3 + ["中文"] * 3
    assert (sliced[3]["questions"], sliced[3]["failed"]) == ("8", "")


def test_csv_of_a_comparison() -> None:
    rows = [*csv.DictReader(io.StringIO(csv_text(compare_printout(compared())), newline=""))]
    one = next(row for row in rows if row["metric"] == "faithfulness")
    assert (one["mark"], one["verdict"], one["better"], one["same"], one["worse"]) == (
        "†", "cannot be told apart", "24", "70", "18",
    )  # fmt: skip
    assert [float(one[name]) for name in ("difference", "difference low", "difference high")] == [
        -0.083,
        -0.152,
        -0.016,
    ]


def test_csv_holds_no_formula() -> None:
    columns = (Column("slice", "text"), Column("difference"), Column("share"))
    cells = ((Cell("=1+1"), Cell("-0.5", (("difference", -0.5),)), Cell("@x")),)
    (_, row) = csv.reader(io.StringIO(csv_text(Printout("t", (Table("t", columns, cells),))), newline=""))
    assert row == ["t", "'=1+1", "-0.5", "'@x"]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_escaped_and_asks_for_nothing() -> None:
    text = html_text(HOSTILE)
    page = Tags(text)
    assert {"table", "caption", "th", "td", "bdi"} < {*page.tags}
    assert not {"script", "a", "img", "link"} & {*page.tags}
    assert ATTACK in page.text
    assert "default-src 'none'" in text
    assert "\u202e" not in text
    assert "failed" not in text


def test_latex_is_escaped() -> None:
    text = latex_text(HOSTILE)
    assert r"50\% \textquotedbl{}of\textquotedbl{}, \{x\}\textbackslash{}n" in text
    assert r"pipeline & a \& b\_c \\" in text
    assert r"−0.5 {[}−0.6, −0.4{]}\textdagger{} \\".replace("−", "$-$") in text
    assert r"\caption{up\_down $\downarrow$}" in text
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1


def test_markdown_holds_no_html_and_no_link() -> None:
    text = markdown_text(HOSTILE)
    assert "<script>" not in text
    assert "](" not in text
    assert '| `50% "of", {x}\\n\\u202e` |' in text
