"""What axe-core finds in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def violations(page: Page) -> list[str]:
    """The rules that the page as it stands breaks, with the first element of each."""
    found = Axe().run(page).response
    assert found["passes"], "axe-core looked at nothing"
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html']}" for one in found["violations"]]
