"""Pictures of every page of a report.

python -m tests.browser.screenshots REPORT.html FOLDER    at 1280 and 390 pixels, light and dark, in both languages
python -m tests.browser.screenshots --docs docs/pictures  the few that the documentation shows, of made-up runs
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from benchmarks.perf.synthetic_runs import write_runs
from rageval.report.html.write import write_report
from tests.browser.chromium import CHROMIUM

ROUTES = ("leaderboard", "matrix", "q/q00003", "compare/0/3", "diagnosis", "judges", "sweep")
FOR_DOCS = {"leaderboard": 640, "matrix?sort=disagreement": 700, "q/q00002?runs=0,3": 900, "compare/0/3": 900}


def main() -> None:
    first, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as made:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if first == "--docs":
            _for_docs(browser, Path(made), folder)
        else:
            _every_page(browser, Path(first), folder)
        browser.close()


def _for_docs(browser: Browser, made: Path, folder: Path) -> None:
    report = write_report(write_runs(made, questions=120, pipelines=4), made / "report.html").path
    for route, height in FOR_DOCS.items():
        picture = folder / f"{route.partition('?')[0].partition('/')[0].replace('q', 'question')}.png"
        _take(browser, report, [(route, picture)], (1280, height), "light", "en", whole=False)
        Image.open(picture).convert("RGB").quantize(256).save(picture, optimize=True)


def _every_page(browser: Browser, report: Path, folder: Path) -> None:
    for width in (1280, 390):
        for theme in ("light", "dark"):
            for language in ("en", "zh"):
                name = f"{width}-{theme}-{language}.png"
                wanted = [(one, folder / f"{one.replace('/', '-')}-{name}") for one in ROUTES]
                _take(browser, report, wanted, (width, 900), theme, language, whole=True)


def _take(
    browser: Browser,
    report: Path,
    wanted: list[tuple[str, Path]],
    size: tuple[int, int],
    theme: Any,
    language: str,
    *,
    whole: bool,
) -> None:
    viewport: Any = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, color_scheme=theme, locale=language)
    page = context.new_page()
    page.goto(report.absolute().as_uri())
    for route, picture in wanted:
        page.evaluate("route => { location.hash = `#/${route}`; }", route)
        page.wait_for_timeout(700)
        page.screenshot(path=picture, full_page=whole)
    context.close()


if __name__ == "__main__":
    main()
