"""Pages in Chromium, with a watch on what they run and ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from tests.browser.chromium import CHROMIUM

T = TypeVar("T")

keeps_nothing_under_load = pytest.mark.flaky(reruns=2, only_rerun="AssertionError")
"""For tests of what a page from a file finds again after it was left: on a machine with many times more work than
cores, Chromium has lost all that such a page had stored (twice in three complete runs, never in a test alone).
"""

_PATIENCE_MS = 30_000
_OF_THIS_MACHINE = re.compile(r"(http://(127\.0\.0\.1|localhost|\[::1\]):\d+/|file:|data:|blob:|about:)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker of pytest-xdist opens the browser, so that it is in memory once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass
class Watch:
    """What went wrong in the pages of a test; `allow` names a part of what a test provokes on purpose."""

    found: list[str] = field(default_factory=list[str])
    allowed: list[str] = field(default_factory=list[str])

    def allow(self, part: str) -> None:
        self.allowed.append(part)

    def on(self, context: BrowserContext) -> None:
        """Watch all pages of the context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"error: {error.error}"))
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def unexpected(self) -> list[str]:
        return [one for one in self.found if not any(part in one for part in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.found.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not _OF_THIS_MACHINE.match(request.url):
            self.found.append(f"request: {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: as long as it runs, this thread cannot run another event loop (see `elsewhere`)."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of a fresh profile, English and light. The test fails on an error in the console or a script, on a dialog
    and on a request that leaves this machine.
    """
    context = browser.new_context(locale="en-GB", color_scheme="light", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    watch.on(context)
    page = context.new_page()
    yield page
    context.close()
    assert watch.unexpected() == []


def elsewhere(work: Callable[..., T], *arguments: object) -> T:
    """`work(*arguments)` in a thread of its own, where rageval can run its event loop beside that of the browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *arguments).result()
