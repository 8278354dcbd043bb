"""Pictures: panels in rows, sizes, labels that fit, and the numbers of the tables in them."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

from rageval.decide.leaderboard import Leaderboard, Row
from rageval.decide.sweep import Cell, Saved, SweepResult
from rageval.decide.sweep_effects import Effect
from rageval.errors import DeclarationError
from rageval.people import Calibrated
from rageval.report.pictures import canvas
from rageval.report.pictures.calibration import draw_calibration
from rageval.report.pictures.leaderboard import draw_leaderboard
from rageval.report.pictures.sweep import draw_sweep
from rageval.scores.agreement import measure
from rageval.scores.calibration_record import CalibrationRecord
from rageval.stats import Interval, calibration
from rageval.stats.calibration import reliability_table
from rageval.types import Estimate, Usage

METRICS = (
    "ndcg@10", "faithfulness", "recall@5", "mrr", "map", "precision@5", "exact_match", "token_f1", "recall@1",
    "recall@2", "recall@3", "hallucination",
)  # fmt: skip
LONG = "naive(retriever=bm25, k=5, reranker=cross_encoder, chunker=sentences, tokens=384)"
SVG_TAGS = {
    "svg", "metadata", "RDF", "Work", "type", "date", "format", "creator", "Agent", "title", "defs", "style", "g",
    "path", "use", "text", "tspan", "clipPath", "rect", "image",
}  # fmt: skip
LABELS = [0, 0, 1, 0, 1, 1, 1, 1]
SAID = [0.1, 0.2, 0.2, 0.6, 0.7, 0.8, 0.9, 0.9]


def board(rows: int, metrics: int) -> Leaderboard:
    mean = Estimate(0.512, 0.25, 0.75, 0.95, "beta", 30)
    estimates: dict[str, Estimate | None] = dict.fromkeys(METRICS[:metrics], mean)
    made = [
        Row(f"{LONG[:-1]}, n={i})", Path(str(i)), estimates, (1, rows), 0, (), 0, {}, None, {}, {}) for i in range(rows)
    ]
    return Leaderboard("handbook", 30, METRICS[:metrics], tuple(made), "", {}, None)


def words(svg: str) -> str:
    """The text of an SVG, whose captions are in lines."""
    return " ".join(re.sub("<[^>]+>", " ", svg).split())


def png_size(path: Path) -> tuple[int, int]:
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_panels_are_in_rows_of_at_most_four() -> None:
    shapes = {n: canvas.grid_shape(n) for n in range(1, 13)}
    assert shapes == {
        1: (1, 1), 2: (1, 2), 3: (1, 3), 4: (1, 4), 5: (2, 3), 6: (2, 3), 7: (2, 4), 8: (2, 4), 9: (3, 3), 10: (3, 4),
        11: (3, 4), 12: (3, 4),
    }  # fmt: skip


def test_a_label_is_wrapped_by_cells() -> None:
    assert canvas.wrap("朴素检索检索器稠密", 10) == "朴素检索检\n索器稠密"
    assert canvas.wrap("naive(k=5, n=2)", 10) == "naive(k=5,\nn=2)"
    assert all(len(line) <= 40 for line in canvas.wrap_labels([LONG])[0].split("\n"))


@pytest.mark.parametrize(("rows", "metrics"), [(1, 1), (3, 10), (12, 4)])
def test_a_leaderboard_stays_within_a_page_width(tmp_path: Path, rows: int, metrics: int) -> None:
    draw_leaderboard(board(rows, metrics), tmp_path / "a.png")
    width, height = png_size(tmp_path / "a.png")
    assert 500 < width < 2000
    assert height < 2000


def test_a_leaderboard_shows_the_tables_numbers(tmp_path: Path) -> None:
    shown = board(2, 2)
    other = replace(shown.rows[1], label="other", rank=(2, 2), estimates={**shown.rows[1].estimates, "ndcg@10": None})
    draw_leaderboard(replace(shown, rows=(shown.rows[0], other)), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert text.count(">0.512<") == 1
    assert text.count(">0.512†<") == 2
    assert text.count(">–<") == 1
    assert ">other  (2)<" in text


def test_a_sweep_shows_effects_and_the_front(tmp_path: Path) -> None:
    shown = board(2, 1)
    cells = tuple(Cell(row.label, row.path, {}, 1.5, 200.0, 1.0, 100.0, None) for row in shown.rows)
    effect = Effect(
        "ndcg@10", "k", "2", "5", 3, Interval(0.031, 0.012, 0.049, 0.95, "max-T with dirichlet", 30), 0.001, 0.002
    )
    result = SweepResult(shown, cells, (), (effect,), (cells[1].label,), {}, Saved(1, 1, 1, 1, 0))
    draw_sweep(result, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert ">+0.031<" in text
    assert ">k: 2 → 5<" in text
    assert "0.512 [0.25, 0.75]; 200 tokens, 1.50 calls a question" in words(text)
    assert ">seconds a question<" not in text
    for part in (replace(result, effects=()), replace(result, front=())):
        draw_sweep(part, tmp_path / "b.png")


def test_a_calibration_shows_figures_and_counts(tmp_path: Path) -> None:
    table = reliability_table(LABELS, SAID)
    assert table == calibration(LABELS, SAID).table
    figures = measure(LABELS, SAID)
    record = CalibrationRecord("answer_relevance", "k", "critic", "标注.jsonl", "s", 8, 1, figures, None, None, "2026")
    result = Calibrated(record, {}, Usage(), None, None, (), table)
    draw_calibration(result, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    ece = figures.ece
    assert f"calibration error ↓ {ece.point:.3f} [{ece.low:.2f}, {ece.high:.2f}]" in text
    assert "标注.jsonl" in text
    assert "8 of 9 items judged, 1 abstained" in words(text)
    draw_calibration(replace(result, reliability=(), record=replace(record, zero_shot=None)), tmp_path / "b.svg")
    assert "no item has a verdict" in (tmp_path / "b.svg").read_text("utf-8")


def test_another_ending_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match=r"a\.gif: found the ending '\.gif', expected one of \.svg, \.png, \.pdf"
    ):
        canvas.check_picture(Path("a.gif"))


@pytest.mark.parametrize(
    "label",
    [
        "<script>alert(1)</script>",
        '"/><image href="x" onerror="alert(1)"/>',
        "]]><svg onload=alert(1)>",
        "$\\href{javascript:alert(1)}{x}$",
        "<!-- --><a href='javascript:alert(1)'>x</a>",
        "&lt;script&gt;",
        "\u202ealert",
    ],
)
def test_a_label_is_no_markup_in_a_picture(label: str, tmp_path: Path) -> None:
    one = board(1, 1)
    draw_leaderboard(replace(one, rows=(replace(one.rows[0], label=label),)), tmp_path / "a.svg")
    root = ElementTree.fromstring((tmp_path / "a.svg").read_text("utf-8"))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= SVG_TAGS
    assert not [name for element in root.iter() for name in element.attrib if name.lower().startswith("on")]
    links = [value for element in root.iter() for name, value in element.attrib.items() if name.endswith("href")]
    assert all(link.startswith("#") for link in links)
