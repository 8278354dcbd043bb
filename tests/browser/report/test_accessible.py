"""axe-core finds nothing serious on any page, on wide and narrow screens, light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.report.conftest import Made
from tests.browser.report.open_report import go, open_report

ROUTES = ("leaderboard", "matrix", "q/q00003", "compare/0/1?show=all", "diagnosis", "judges", "sweep")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious(browser: Browser, lakes: Made, theme: Any, width: int) -> None:
    viewport: Any = {"width": width, "height": 800}
    context = browser.new_context(locale="en-GB", color_scheme=theme, viewport=viewport)
    context.set_default_timeout(30_000)
    page = context.new_page()
    open_report(page, lakes.file)
    found: list[str] = []
    for route in ROUTES:
        go(page, route).locator("details").evaluate_all("all => all.slice(0, 12).forEach(one => { one.open = true; })")
        told = Axe().run(page, options={"resultTypes": ["violations"]}).response
        for one in told["violations"]:
            if one["impact"] in ("serious", "critical"):
                nodes = "; ".join(f"{node['html'][:120]} ({node['failureSummary'][:200]})" for node in one["nodes"][:2])
                found.append(f"{route}: {one['id']} ×{len(one['nodes'])}: {nodes}")
    context.close()
    assert not found, "\n".join(found)
