"""Draws the pictures of this folder: texts, tables, charts and scans in both languages.

    python tests/unit/corpus/pictures/draw.py FONT

FONT is a font file with Latin and Chinese letters. What is written in each picture is in `written.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
TEXTS = {
    "en": [
        "Line nine runs to the depot at Delmar.",
        "It has 61 seats and leaves every ten minutes.",
        "A day ticket costs 12.50 crowns.",
    ],
    "zh": ["缆车每十分钟一班，末班车晚上九点发车。", "单程票价为四十元，儿童半价。", "山顶的寺庙建于一六〇二年。"],
}
SCANS = {
    "en": ["The river Brone is 95 kilometres long.", "It flows into Lake Corva near Delmar.", "Its water is salty."],
    "zh": ["蓝江全长三百公里，在白沙镇流入东湖。", "东湖最深处四十米，湖中盛产银鱼。", "白沙镇有两万居民。"],
}
TABLES = {
    "en": [["Lake", "Depth", "Fish"], ["Corva", "61 m", "none"], ["Brone", "12 m", "trout"]],
    "zh": [["湖名", "深度", "鱼类"], ["东湖", "四十米", "银鱼"], ["南湖", "十二米", "鲤鱼"]],
}
CHARTS = {
    "en": ("Passengers by year", ["2021", "2022", "2023"], "thousand people"),
    "zh": ("历年乘客人数", ["2021年", "2022年", "2023年"], "单位：千人"),
}


def text_page(lines: list[str], font: str, size: int) -> Image.Image:
    letters = ImageFont.truetype(font, size)
    page = Image.new("L", (size * 28, int(size * 1.8) * (len(lines) + 1)), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((size, int(size * (0.8 + 1.8 * number))), line, font=letters, fill=0)
    return page


def table_page(rows: list[list[str]], font: str) -> Image.Image:
    letters = ImageFont.truetype(font, 26)
    page = Image.new("L", (600, 60 * len(rows) + 20), 255)
    draw = ImageDraw.Draw(page)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            draw.rectangle((10 + 190 * x, 10 + 60 * y, 200 + 190 * x, 70 + 60 * y), outline=0)
            draw.text((30 + 190 * x, 20 + 60 * y), cell, font=letters, fill=0)
    return page


def scanned(page: Image.Image) -> Image.Image:
    """As a scanner gives it: turned by a degree, grey, with noise."""
    turned = page.rotate(1.0, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    grey = np.asarray(turned, dtype=float) * 0.85 + 20 + np.random.default_rng(0).normal(0, 8, turned.size[::-1])
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def chart(words: tuple[str, list[str], str], font: str, path: Path) -> list[str]:
    title, years, unit = words
    font_manager.fontManager.addfont(font)
    mpl.rcParams["font.family"] = font_manager.FontProperties(fname=font).get_name()
    figure, axes = plt.subplots(figsize=(5, 3.4), dpi=110)
    bars = axes.bar(years, [38, 61, 84], color="#88a")
    axes.bar_label(bars)
    axes.set_yticks([])
    axes.set_title(title)
    axes.set_ylabel(unit)
    figure.savefig(path)
    plt.close(figure)
    return [title, *years, "38", "61", "84"]


def main(font: str) -> None:
    written: dict[str, Any] = {}
    for language in ("en", "zh"):
        text_page(TEXTS[language], font, 24).save(HERE / f"text_{language}.png", optimize=True)
        table_page(TABLES[language], font).save(HERE / f"table_{language}.png", optimize=True)
        scanned(text_page(SCANS[language], font, 30)).save(HERE / f"scan_{language}.jpg", quality=60)
        scanned(text_page(SCANS[language], font, 30)).save(HERE / f"scan_{language}.pdf", quality=60)
        written[f"text_{language}.png"] = TEXTS[language]
        written[f"table_{language}.png"] = TABLES[language]
        written[f"scan_{language}.jpg"] = written[f"scan_{language}.pdf"] = SCANS[language]
        name = f"chart_{language}.png"
        written[name] = chart(CHARTS[language], font, HERE / name)
    text = json.dumps(written, ensure_ascii=False, indent=1)
    (HERE / "written.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
