"""Pictures of every page of a report: `python -m tests.browser.screenshots REPORT.html FOLDER [--docs]`.

At 1280 and 390 pixels, light and dark, English and Chinese; with `--docs` the few that the documentation shows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM

ROUTES = ("leaderboard", "matrix", "q/q00003", "compare/0/3", "diagnosis", "judges", "sweep")
FOR_DOCS = {"leaderboard": 700, "matrix?sort=disagreement": 640, "q/q00003?runs=0,3": 900, "compare/0/3": 900}


def main() -> None:
    report, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if "--docs" in sys.argv:
            for route, height in FOR_DOCS.items():
                name = route.partition("?")[0].partition("/")[0].replace("q", "question")
                _take(browser, report, [(route, folder / f"{name}.png")], (1280, height), "light", "en", whole=False)
        else:
            for width in (1280, 390):
                for theme in ("light", "dark"):
                    for language in ("en", "zh"):
                        wanted = [
                            (one, folder / f"{one.replace('/', '-')}-{width}-{theme}-{language}.png") for one in ROUTES
                        ]
                        _take(browser, report, wanted, (width, 900), theme, language, whole=True)
        browser.close()


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
