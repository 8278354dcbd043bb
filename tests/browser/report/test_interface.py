"""What all pages share: keys, theme, language, narrow screens, paper, texts beside the file, what a browser keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from rageval.report.html.write import write_report
from tests.browser.conftest import Watch, keeps_nothing_under_load
from tests.browser.report.conftest import Made
from tests.browser.report.open_report import drawn, go, open_report

ROUTES = ("leaderboard", "matrix", "q/q00003", "compare/0/1", "diagnosis", "judges", "sweep")


def test_keys_are_shown_and_lead_to_pages(page: Page, lakes: Made) -> None:
    open_report(page, lakes.file)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("Leaderboard")
    page.keyboard.press("m")
    expect(page.locator("h1")).to_have_text("Leaderboard")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    for key, title in {"m": "Questions", "p": "Compare", "g": "Diagnosis", "b": "Judges", "s": "Sweep"}.items():
        page.keyboard.press(key)
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator('nav a[aria-current="page"]')).to_have_text(title)
    page.keyboard.press("m")
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.keyboard.press("?")
    for words in ("Search", "Next question", "Open the question", "only failed"):
        expect(page.get_by_role("dialog")).to_contain_text(words)


def test_a_key_in_a_field_is_a_letter(page: Page, lakes: Made) -> None:
    open_report(page, lakes.file, "matrix")
    page.keyboard.press("/")
    page.keyboard.type("lmg?")
    expect(page.get_by_role("searchbox")).to_have_value("lmg?")
    expect(page.locator("h1")).to_have_text("Questions")


@keeps_nothing_under_load
def test_language_and_theme_stay(page: Page, lakes: Made) -> None:
    open_report(page, lakes.file)
    page.get_by_role("button", name="中文").click()
    expect(page.locator("h1")).to_have_text("排行榜")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.get_by_role("button", name="主题：跟随系统").click()
    page.get_by_role("button", name="主题：浅色").click()
    light = "rgb(255, 255, 255)"
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) != light
    for _ in range(5):  # what a page stores is now and then a moment behind
        page.reload()
        expect(page.locator("h1")).not_to_be_empty()
        if page.locator("html").get_attribute("lang") == "zh":
            break
    expect(page.locator("h1")).to_have_text("排行榜")
    assert page.evaluate(background) != light
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Theme: dark").click()
    assert page.evaluate(background) == light
    expect(page.locator("h1")).to_have_text("Leaderboard")


def test_every_page_is_chinese_in_chinese(page: Page, lakes: Made) -> None:
    """No words of the interface stay English; names of metrics, and what the library wrote, are marked as English."""
    open_report(page, lakes.file)
    page.get_by_role("button", name="中文").click()
    for route in ROUTES:
        main = go(page, route)
        names = main.locator("h2, button, summary, label > span, th[scope=col]").all_inner_texts()
        left = [one for one in names if one.strip() and one.isascii() and not _is_name(one)]
        assert left == [], route


def _is_name(words: str) -> bool:
    known = (
        "ndcg",
        "hit_rate",
        "faithfulness",
        "answer_relevance",
        "token_f1",
        "naive(",
        "claim_support",
        "p",
        "‹",
        "›",
        "⇄",
    )
    return words.strip().startswith(known) or any(sign in words for sign in "(=@0123456789")


@pytest.mark.parametrize("width", [390, 320])
def test_a_narrow_screen_does_not_scroll_sideways(page: Page, lakes: Made, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_report(page, lakes.file)
    for route in ROUTES:
        go(page, route)
        page.wait_for_timeout(50)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, route


def test_on_paper(page: Page, lakes: Made, tmp_path: Path) -> None:
    wanted = {
        "leaderboard": ["run-3", "faithfulness", "120 questions"],
        "matrix": ["q00000", "q00119"],
        "q/q00003": ["q00003", "103", "claim_support"],
    }
    for route, words in wanted.items():
        open_report(page, lakes.file, route)
        text = _pdf_text(page, tmp_path)
        assert [word for word in words if word not in text] == [], route
        assert "Copy as Markdown" not in text


def _pdf_text(page: Page, folder: Path) -> str:
    page.pdf(path=folder / "page.pdf", format="A4")
    return "\n".join(one.extract_text() for one in PdfReader(folder / "page.pdf").pages)


def test_texts_in_a_folder_beside_the_file(page: Page, watch: Watch, lakes: Made, tmp_path: Path) -> None:
    written = write_report(lakes.runs[:2], tmp_path / "my report.html", shards_above_mb=0)
    assert written.shards == tmp_path / "my report_files"
    main = open_report(page, written.path, "q/q00003")
    expect(main.locator(".card").first).to_contain_text("naive(")
    expect(main.locator(".passage").first).to_be_visible()
    main = open_report(page, written.path, "matrix?words=142%20metres&deep=1")
    expect(main.get_by_role("status")).not_to_contain_text("120 of")
    expect(main.get_by_role("status")).to_contain_text("of 120 questions")
    written.shards.rename(tmp_path / "elsewhere")
    watch.allow("ERR_FILE_NOT_FOUND")
    main = open_report(page, written.path, "q/q00003")
    expect(main).to_contain_text("The folder my report_files must lie beside this file: it holds the texts.")
    expect(open_report(page, written.path).locator("table.board tbody tr")).to_have_count(2)


def test_a_browser_that_keeps_nothing(browser: Browser, lakes: Made) -> None:
    context = browser.new_context(locale="zh-CN")
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page = context.new_page()
    page.goto(lakes.file.as_uri())
    expect(page.locator("h1")).to_have_text("排行榜")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Theme: as the system").click()
    expect(drawn(page).locator("h1")).to_have_text("Leaderboard")
    context.close()


def test_broken_addresses(page: Page, lakes: Made) -> None:
    wrong = "matrix?show=x&sort=__proto__&metric=constructor&run=99&base=-1&cause=y"
    for route in ("nothing", "%E0%A4%A", wrong, "sweep?metric=x", "?", "q", "q/", "leaderboard?sort=toString"):
        open_report(page, lakes.file, route)
        assert page.locator("main h1").count() == 1, route
