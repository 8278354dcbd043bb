"""No text of a run becomes anything but text: 98 attacks in every field, with a watch on what runs in the browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, BrowserContext, Page, Request

from rageval.report.html.write import write_report
from tests.browser.report.hostile import ATTACKS, FIELDS, as_shown, in_field, question_id, write_hostile_runs
from tests.browser.report.open_report import copied, downloaded, go, open_report

TOGETHER = 9
BATCHES = [[*ATTACKS][start : start + TOGETHER] for start in range(0, len(ATTACKS), TOGETHER)]
PAGES = ("leaderboard", "matrix", "compare/0/1?show=all", "diagnosis", "judges", "sweep")

GUARDED = {*"=+-@\t\r\n＝＋－＠"}

_WATCH = """
globalThis.broken = [];
const told = (event) => broken.push(`${event.violatedDirective} ${event.blockedURI}`);
document.addEventListener("securitypolicyviolation", told);
globalThis.ofObjects = Object.getOwnPropertyNames(Object.prototype).length;
"""
_STATE = """() => {
  const found = [...broken];
  if (globalThis.hacked !== undefined || ({}).hacked !== undefined) found.push("ran");
  if (Object.getOwnPropertyNames(Object.prototype).length !== ofObjects) found.push("polluted");
  const strange = "img, iframe, object, embed, form, base, video, audio, source, template, slot, math, style ~ style," +
    "foreignObject, animate, use, image, marquee, frameset, link:not([rel=icon]), body body, [srcdoc], [style*=url], " +
    "[popover], [autofocus], [formaction], [ping], [is]";
  for (const element of document.querySelectorAll(strange)) found.push(`element ${element.outerHTML.slice(0, 99)}`);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (/^(on.*|xlink:href|src)$/i.test(name)) found.push(`attribute ${name}=${value}`);
      if (name === "href" && !/^(#|data:,$)/.test(value)) found.push(`link ${value}`);
    }
  }
  const scripts = [...document.scripts].map((one) => one.id || "own");
  const known = /^(own|texts|data|block-questions-\\d+)$/;
  if (!scripts.every((one) => known.test(one))) found.push(`scripts ${scripts}`);
  if (scripts.filter((one) => one === "own").length !== 1) found.push(`scripts ${scripts}`);
  return found;
}"""


@pytest.fixture(scope="module")
def hostile(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(20_000)
    context.add_init_script(_WATCH)
    yield context
    context.close()


class Alarm:
    """What a page does that no report does: dialogs, words in the console, errors, requests, other pages."""

    def __init__(self, page: Page, file: Path) -> None:
        self.heard: list[str] = []
        self.file = file
        page.on("dialog", lambda dialog: (self.heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: self.heard.append(f"console {message.text}"))
        page.on("pageerror", lambda error: self.heard.append(f"error {error}"))
        page.on("popup", lambda popup: self.heard.append(f"popup {popup.url}"))
        page.on("request", self._request)

    def _request(self, request: Request) -> None:
        address = request.url.partition("#")[0]
        if address not in (self.file.as_uri(), "about:blank", "data:,") and not address.startswith("blob:"):
            self.heard.append(f"request {address}")


@pytest.mark.parametrize("names", BATCHES, ids=lambda names: names[0])
def test_attacks_stay_text(hostile: BrowserContext, tmp_path: Path, names: list[str]) -> None:
    attacks = [ATTACKS[name] for name in names]
    file = tmp_path / "report.html"
    write_report(write_hostile_runs(tmp_path / "runs", attacks), file)
    page = hostile.new_page()
    alarm = Alarm(page, file)
    open_report(page, file)
    for route in PAGES:
        main = go(page, route)
        assert page.evaluate(_STATE) == [], route
        if route in ("leaderboard", "matrix", "diagnosis"):
            shown = main.text_content() or ""
            missing = [name for name, attack in zip(names, attacks, strict=True) if as_shown(attack) not in shown]
            assert missing == [], route
    runs = ",".join(map(str, range(len(attacks))))
    for at, (name, attack) in enumerate(zip(names, attacks, strict=True)):
        main = go(page, f"q/{quote(question_id(attack, at), safe='')}?runs={runs}")
        main.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        shown = main.text_content() or ""
        missing = [field for field in (*FIELDS, "message", "traceback") if not _stands(attack, field, attacks, shown)]
        assert missing == [], name
        assert page.evaluate(_STATE) == [], name
    assert alarm.heard == []
    page.close()


def _stands(attack: str, field: str, attacks: list[str], shown: str) -> bool:
    text = in_field(attacks[0] if field == "judge" else attack, field)
    return as_shown(text.lstrip() if field in {"answer", "thought"} else text) in shown


def test_copies_and_downloads_hold_no_markup_and_no_formula(hostile: BrowserContext, tmp_path: Path) -> None:
    runs = write_hostile_runs(tmp_path / "runs", [*ATTACKS.values()], [ATTACKS["formula"], ATTACKS["markdown"], "none"])
    file = tmp_path / "report.html"
    write_report(runs, file)
    page = hostile.new_page()
    main = open_report(page, file)
    tables = [copied(page, main.get_by_role("button", name="Copy as Markdown"))]
    sheets = [downloaded(page, main.get_by_role("button", name="Download CSV"))]
    main = go(page, "matrix")
    tables.append(copied(page, main.get_by_role("button", name="Copy as Markdown")))
    sheets.append(downloaded(page, main.get_by_role("button", name="Download CSV")))
    main = go(page, "compare/0/1")
    tables.append(copied(page, main.get_by_role("button", name="Copy as Markdown")))
    for markdown in tables:
        found = _live_parts(markdown)
        assert found == {"table"}, markdown
    for at, attack in enumerate(ATTACKS.values()):
        main = go(page, f"q/{quote(question_id(attack, at), safe='')}")
        found = _live_parts(copied(page, main.get_by_role("button", name="Copy as Markdown")))
        assert found <= {"heading", "fence", "code_inline", "paragraph"}, attack
    for sheet in sheets:
        rows = [*csv.reader(io.StringIO(sheet, newline=""))]
        assert len({len(row) for row in rows}) == 1
        texts = [cell for row in rows for cell in row if not _is_number(cell)]
        assert [cell for cell in texts if cell[:1] in GUARDED] == []
    page.close()
    assert len(rows) == len(ATTACKS) + 1
    ids = [question_id(attack, at) for at, attack in enumerate(ATTACKS.values())]
    assert [row[0] for row in rows[1:]] == [f"'{one}" if one[:1] in GUARDED else one for one in ids]


def _live_parts(markdown: str) -> set[str]:
    """What a renderer with tables, HTML and bare links makes of the text, without its words."""
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    tokens = parser.parse(markdown)
    inner = [child for token in tokens for child in token.children or ()]
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in (*tokens, *inner)}
    return kinds - {"inline", "text", "softbreak", "thead", "tbody", "tr", "th", "td"}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
