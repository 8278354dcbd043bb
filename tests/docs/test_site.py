"""The site: it is built without a warning, all of it is there, its links hold, and it asks nothing of a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

import rageval
from rageval.judges import JUDGES
from rageval.metrics import ALL_METRICS
from tests.browser.chromium import CHROMIUM
from tests.docs.pages import DOCS, ROOT
from website.reference.commands import commands
from website.reference.experiment import keys, parts

pytestmark = pytest.mark.xdist_group("site")  # so that one worker builds it, once

COUNTED = ("table", "pre", "li", "h2", "h3", "blockquote")


class Html(HTMLParser):
    """What a page of the site refers to, its anchors, and how many elements its content has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.language = ""
        self._article = 0
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given["lang"]
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("script", "img", "iframe", "source") and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given["href"])
        if tag == "article":
            self._article += 1
        if self._article and tag in COUNTED:
            self.counts[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._article -= 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", "website/mkdocs.yml"]
    done = subprocess.run(
        [*command, "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Html]:
    return {file: Html(file) for file in site.rglob("*.html") if file.name != "404.html"}


def test_every_link_of_the_site_holds(site: Path, pages: dict[Path, Html]) -> None:
    lost = [(file.name, link) for file, link in _relative(pages) if not _holds(file, link, pages)]
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Html]) -> None:
    loaded = [(file, address) for file, html in pages.items() for address in html.loaded]
    assert [address for _, address in loaded if urlsplit(address).netloc] == []
    assert [address for file, address in loaded if not (file.parent / urlsplit(address).path).is_file()] == []
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style


def test_every_page_of_docs_is_there(site: Path) -> None:
    missing = [
        page for page in DOCS.rglob("*.md") if not (site / page.relative_to(DOCS).with_suffix(".html")).is_file()
    ]
    assert missing == []
    assert (site / "pictures" / "leaderboard.svg").is_file()


def test_pages_look_as_on_github(site: Path, pages: dict[Path, Html]) -> None:
    """Tables, code, lists and headings are found where GitHub's Markdown finds them."""
    reader = MarkdownIt("commonmark").enable("table")
    names = {"table": "table_open", "li": "list_item_open", "blockquote": "blockquote_open"}
    differ: dict[str, object] = {}
    for page in DOCS.rglob("*.md"):
        tokens = reader.parse(page.read_text(encoding="utf-8"))
        expected = {name: sum(token.type == kind for token in tokens) for name, kind in names.items()}
        expected |= {name: sum(t.type == "heading_open" and t.tag == name for t in tokens) for name in ("h2", "h3")}
        expected["pre"] = sum(token.type in ("fence", "code_block") for token in tokens)
        found = pages[site / page.relative_to(DOCS).with_suffix(".html")].counts
        if expected != {name: found[name] for name in expected}:
            differ[page.name] = (expected, found)
    assert differ == {}


def test_chinese_pages_say_so(site: Path, pages: dict[Path, Html]) -> None:
    assert {file for file, html in pages.items() if html.language == "zh"} == {*(site / "zh").rglob("*.html")}


def test_search_knows_chinese_words(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    (tour,) = (one for one in index["docs"] if one["location"] == "zh/tour.html")
    assert "导览" in tour["title"].split("\u200b")
    assert index["config"]["lang"] == ["en", "zh"]


@pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason="no browser")
def test_search_works_from_a_file_and_asks_no_network(site: Path) -> None:
    """In a real browser, without a server: what runs there is iframe-worker.js."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.click(".md-search__input")
        for words, found in (("evidence_all", "evidence.html"), ("门禁", "zh/howto/regressions.html")):
            page.fill(".md-search__input", words)
            page.keyboard.press("End")
            page.wait_for_selector(f'.md-search-result__item a[href*="{found}"]', state="attached")
        browser.close()
    assert [address for address in asked if not address.startswith("file:")] == []


def test_the_reference_has_every_command_key_metric_judge_and_name(site: Path) -> None:
    for name in commands():
        assert f'<h2 id="{name.replace(" ", "-")}"' in _html(site, "commands")
    experiment = _html(site, "experiment")
    assert len(keys()) == len(parts()) > 10
    for some in keys().values():
        assert [key for key in some if f"<code>{key}</code>" not in experiment] == []
    metrics, judges, python = (_html(site, page) for page in ("metrics", "judges", "python"))
    assert [m.form for m in ALL_METRICS if any(f"<code>{f}</code>" not in metrics for f in m.form.split(", "))] == []
    assert [name for name in JUDGES if f"<code>{name}</code>" not in judges] == []
    assert [name for name in rageval.__all__ if f'<h3 id="{name.lower()}"' not in python] == []


def test_the_reference_knows_options() -> None:
    """Options that somebody would look for, from the help of the commands."""
    from website.reference.commands import commands_page

    page = commands_page()
    for row in ("| `--metric`, `-m` | `STR` | required |", "| `--offline` | – | – | Ask no model", "`rageval gate"):
        assert row.replace("`rageval gate", "rageval gate") in page, row
    assert "| `--executor` | `local`, `ray` | `local` |" in page


def _html(site: Path, page: str) -> str:
    return (site / "reference" / f"{page}.html").read_text(encoding="utf-8")


def _relative(pages: dict[Path, Html]) -> Iterator[tuple[Path, str]]:
    for file, html in pages.items():
        for link in html.links:
            if not urlsplit(link).scheme:
                yield file, link


def _holds(file: Path, link: str, pages: dict[Path, Html]) -> bool:
    parts = urlsplit(link)
    target = Path(os.path.normpath(file.parent / unquote(parts.path))) if parts.path else file
    if not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target not in pages or anchor in pages[target].anchors or anchor == "__skip"
