"""Opening a report from its file, and what a test reads from it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def open_report(page: Page, file: Path, route: str = "") -> Locator:
    """The page of that route, opened anew; returns its main part."""
    page.goto("about:blank")
    page.goto(f"{file.absolute().as_uri()}#/{route}")
    return drawn(page)


def drawn(page: Page) -> Locator:
    """The main part of the page, with its texts loaded."""
    main = page.locator("main")
    main.locator("h1").first.wait_for()
    expect(main.get_by_text("Loading the texts …")).to_have_count(0)
    return main


def go(page: Page, route: str) -> Locator:
    """The page of that route, by a changed address, as a link does."""
    page.evaluate("route => { location.hash = `#/${route}`; }", route)
    return drawn(page)


def cells(table: Locator) -> list[list[str]]:
    """The texts of a table's body."""
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]


def copied(page: Page, button: Locator) -> str:
    """What the button copies."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button.click()
    expect(page.locator("#toast")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def downloaded(page: Page, button: Locator) -> str:
    """The text of the file that the button downloads."""
    with page.expect_download() as download:
        button.click()
    return download.value.path().read_bytes().decode("utf-8-sig")
