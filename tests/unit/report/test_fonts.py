"""Pictures with characters that matplotlib's own font does not have. A font with some of them is made here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.decide.leaderboard import Leaderboard, Row
from rageval.report.pictures.leaderboard import draw_leaderboard
from rageval.types import Estimate

font_manager = pytest.importorskip("matplotlib.font_manager")

from rageval.report.pictures import fonts  # noqa: E402

HALF = Estimate(0.5, 0.25, 0.75, 0.95, "wilson", 3)
ROW = Row("朴素(k=2)", Path("a"), {"ndcg@10": HALF}, (1, 1), 0, (), 0, {}, 1.0, {}, {})
BOARD = Leaderboard("青石", 3, ("ndcg@10",), (ROW,), "", {}, None)


@pytest.fixture(autouse=True)
def own_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the fonts that come with matplotlib, whatever else is on this machine."""
    shipped = [one for one in font_manager.fontManager.ttflist if "mpl-data" in one.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", shipped)
    fonts._characters.cache_clear()
    yield
    fonts._characters.cache_clear()


def make_font(path: Path, characters: str) -> None:
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    pen.lineTo((900, 0))
    pen.lineTo((500, 900))
    pen.closePath()
    names = [".notdef", *(f"u{ord(one):04X}" for one in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): f"u{ord(one):04X}" for one in characters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Chinese of the Tests", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


def test_a_font_that_has_the_characters_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_font(tmp_path / "chinese.ttf", "青石朴素")
    font_manager.fontManager.addfont(tmp_path / "chinese.ttf")
    assert fonts.choose_fonts(["naive ↓ 0.5", "朴素"]) == (["DejaVu Sans", "Chinese of the Tests"], frozenset())
    for ending in ("png", "pdf"):
        draw_leaderboard(BOARD, tmp_path / f"a.{ending}")  # a missing glyph is a warning, which fails the test
    assert caplog.messages == []


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_without_such_a_font_codes_stand_there_and_one_line_warns(
    ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"a.{ending}"
    with caplog.at_level(logging.WARNING, "rageval"):
        draw_leaderboard(BOARD, path)
    (line,) = caplog.messages
    assert line.startswith(
        f"{path}: no installed font has 朴石素青 (4 characters), which are written as codes such as "
    )
    assert path.stat().st_size > 0
    missing = fonts.choose_fonts(["朴素 ↓"])[1]
    assert fonts.spell_out(["朴素 ↓"], missing) == ["\\u6734\\u7d20 ↓"]


def test_an_svg_keeps_its_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_leaderboard(BOARD, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert ">朴素(k=2)  (1)<" in text
    assert "青石, 3 questions" in text
    assert caplog.messages == []


def test_a_plain_label_needs_no_other_font() -> None:
    board = replace(BOARD, benchmark="small")
    assert fonts.choose_fonts([board.benchmark, "naïve ↓ – …"]) == (["DejaVu Sans"], frozenset())
