"""`rageval view` in a real browser: the table of runs, a run while it is written, and the report over some."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.perf.synthetic_runs import write_runs
from rageval.errors import NotComparableError
from rageval.report.html.summary import ReadRuns
from rageval.types import Failure
from rageval.web import reports
from tests.browser.accessibility import violations
from tests.browser.conftest import Watch
from tests.flow.judged_run import JudgedRun, response
from tests.flow.view_server import ViewServer

MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script>\u202eevil'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two finished runs that can be compared, a running one, and one that cannot be read."""
    runs = tmp_path / "runs"
    for path, label in zip(write_runs(runs, questions=40, pipelines=2), ("old", "new"), strict=True):
        change_manifest(path, label=label)
    begin(runs, "growing")
    (runs / "broken").mkdir()
    (runs / "broken" / "manifest.json").write_text("{")
    return runs


def change_manifest(path: Path, **changes: str) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def begin(runs: Path, name: str, **changes: str) -> JudgedRun:
    run = JudgedRun(runs / name, 10)
    run.write_manifest(status="running", created="2026-12-01T10:00:00+00:00", **changes)
    (runs / name / "responses.jsonl").unlink()
    (runs / name / "scores.json").unlink()
    return run


@pytest.fixture
def server(folder: Path) -> Iterator[ViewServer]:
    with ViewServer(folder) as server:
        yield server


def row(page: Page, label: str):
    return page.locator("tbody tr").filter(has=page.get_by_role("link", name=label, exact=True))


def test_the_table_of_runs(page: Page, server: ViewServer) -> None:
    page.goto(server.address)
    expect(page).to_have_url(f"{server.origin}/")
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(row(page, "old")).to_contain_text("complete")
    expect(row(page, "old")).to_contain_text(re.compile(r"0\.\d\d \[0\.\d\d, 0\.\d\d\]"))
    expect(row(page, "growing")).to_contain_text("0 of 10 answered")
    expect(row(page, "broken")).to_contain_text("not readable")
    expect(row(page, "broken")).to_contain_text("manifest.json: cannot be read")


def test_a_run_grows_and_ends_before_the_eyes(page: Page, server: ViewServer, folder: Path) -> None:
    page.goto(server.address)
    expect(row(page, "growing")).to_contain_text("0 of 10 answered")
    run = begin(folder, "growing")
    for i in range(4):
        run.folder.add_outcome(f"q{i:03}", response(i))
    expect(row(page, "growing")).to_contain_text("4 of 10 answered")
    JudgedRun(folder / "growing", 10)
    expect(row(page, "growing")).to_contain_text("complete")
    JudgedRun(folder / "another", 10)
    expect(row(page, "another")).to_contain_text("complete")


def test_progress_and_answers_so_far(page: Page, server: ViewServer, folder: Path) -> None:
    run = begin(folder, "growing")
    run.folder.add_outcome("q000", response(0, answer=MARKUP))
    page.goto(server.address)
    page.get_by_role("link", name="growing").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("growing")
    expect(page.get_by_role("progressbar", name="Answers")).to_have_attribute("value", "1")
    page.get_by_text("How deep is lake 0?").click()
    expect(page.locator("li .said").first).to_contain_text("<img src=x onerror=")
    expect(page.locator("li .said").first).to_contain_text("U+202E")
    run.folder.add_outcome("q001", Failure("TimeoutError", "the endpoint was late"))
    expect(page.get_by_text("Failed so far: 1")).to_be_visible()
    expect(page.locator("li").first).to_contain_text("How deep is lake 1?")
    page.locator("summary").first.click()
    expect(page.get_by_text("TimeoutError: the endpoint was late")).to_be_visible()
    expect(page.locator("details[open]")).to_have_count(2, timeout=5000)
    JudgedRun(folder / "growing", 10)
    expect(page.get_by_role("link", name="open the report")).to_be_visible()


def test_the_report_over_selected_runs(page: Page, server: ViewServer) -> None:
    page.goto(server.address)
    expect(page.get_by_role("button", name="Open the report")).to_be_disabled()
    for label in ("old", "new"):
        row(page, label).get_by_role("checkbox").check()
    page.get_by_role("button", name="Report over 2 runs").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert page.title().endswith("rageval: lakes")
    page.goto(page.url.partition("#")[0] + "#/q/q00030")
    expect(page.get_by_text("How deep is lake 30 at its deepest point").first).to_be_visible()
    expect(page.get_by_text("Anglers need a day ticket").first).to_be_visible()
    page.get_by_role("link", name="All runs").click()
    expect(page.locator("tbody tr")).to_have_count(4)


def test_a_report_that_takes_long_is_waited_for(
    page: Page, server: ViewServer, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other pages work meanwhile; an error that comes late is told in the same words."""
    ready = threading.Event()
    read = reports.read_runs

    def slowly(paths: Sequence[Path]) -> ReadRuns:
        assert ready.wait(60)
        if len(paths) > 1:
            raise NotComparableError("found <b>late</b> trouble")
        return read(paths)

    monkeypatch.setattr(reports, "read_runs", slowly)
    page.goto(server.address)
    row(page, "old").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Making the report (runs: 1)")
    assert violations(page) == []
    assert '"runs"' in server.ask("/api/runs").text
    ready.set()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    ready.clear()
    page.get_by_role("link", name="All runs").click()
    for label in ("old", "new"):
        row(page, label).get_by_role("checkbox").check()
    page.get_by_role("button", name="Report over 2 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Making the report (runs: 2)")
    watch.allow("status of 400")
    ready.set()
    expect(page.get_by_role("alert")).to_have_text("found <b>late</b> trouble")


def test_the_leaderboard_moves_with_the_runs(page: Page, server: ViewServer, folder: Path) -> None:
    """Whoever labels on another tab sees the corrected interval here."""
    page.goto(server.address)
    row(page, "old").get_by_role("link").first.click()
    expect(page.locator("#main")).to_contain_text(re.compile(r"0\.\d\d"))
    shown = page.locator("#main").inner_text()
    path = folder / "run-0" / "scores.json"
    scores = json.loads(path.read_text())
    scores["faithfulness"]["estimate"] |= {"mean": 0.11, "low": 0.1, "high": 0.12}
    assert "0.11" not in shown
    path.write_text(json.dumps(scores))
    expect(page.locator("#main")).to_contain_text("0.11")


def test_runs_that_cannot_be_compared_say_why(page: Page, server: ViewServer, folder: Path, watch: Watch) -> None:
    JudgedRun(folder / "elsewhere", 10).write_manifest(
        label="elsewhere", benchmark={"name": "hills", "content_hash": "xyz", "corpus": "other"}
    )
    page.goto(server.address)
    for label in ("old", "elsewhere"):
        row(page, label).get_by_role("checkbox").check()
    watch.allow("status of 409")
    page.get_by_role("button", name="Report over 2 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This cannot be shown")
    expect(page.locator("#reason")).to_contain_text("run both over the same questions")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{server.origin}/")


def test_by_keyboard(page: Page, server: ViewServer) -> None:
    page.goto(server.address)
    expect(page.locator("tbody tr")).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("lakes")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.keyboard.press("Escape")
    for key in ("j", "j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_role("status").filter(has_text="2 selected")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Report over the selected runs")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_names_with_markup_stay_text(page: Page, server: ViewServer, folder: Path) -> None:
    """Labels, benchmarks, folders and messages; the watch fails on a dialog or a request."""
    name = "<img src=x onerror=alert(3)>"
    JudgedRun(folder / name, 5).write_manifest(
        label=MARKUP, benchmark={"name": MARKUP, "content_hash": "x", "corpus": "y"}, created=MARKUP
    )
    (folder / "<b>bad").mkdir()
    (folder / "<b>bad" / "manifest.json").write_text(json.dumps({"format": MARKUP}))
    begin(folder, "growing", label=MARKUP)
    page.goto(server.address)
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator("tbody")).to_contain_text("<script>alert(2)</script>")
    expect(page.locator("tbody")).to_contain_text(name)
    assert page.locator("tbody img, tbody script, tbody b").count() == 0
    page.locator("tbody tr", has_text="0 of 10 answered").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(2)")


def test_chinese_and_dark_are_kept(page: Page, server: ViewServer) -> None:
    page.goto(server.address)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("运行结果")
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.get_by_role("button", name="主题：跟随系统").click()
    page.get_by_role("button", name="主题：浅色").click()
    page.reload()
    expect(row(page, "old")).to_contain_text("已完成")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"


def test_a_narrow_screen_scrolls_in_one_direction(page: Page, server: ViewServer) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(server.address)
    expect(page.locator("tbody tr")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="growing").click()
    expect(page.get_by_role("progressbar", name="Answers")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_server_that_ended_is_told(page: Page, folder: Path, watch: Watch) -> None:
    watch.allow("ERR_CONNECTION_REFUSED")
    with ViewServer(folder) as server:
        page.goto(server.address)
        expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.get_by_role("alert")).to_contain_text("start `rageval view` again")


def test_without_the_token_there_is_nothing(page: Page, server: ViewServer, watch: Watch) -> None:
    watch.allow("status of 403")
    page.goto(server.origin)
    expect(page.locator("body")).to_contain_text("open the address that `rageval view` printed")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(page: Page, server: ViewServer, watch: Watch, folder: Path, theme: str, width: int) -> None:
    begin(folder, "growing").folder.add_outcome("q000", response(0))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(server.address)
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(row(page, "old")).to_contain_text("complete")
    assert violations(page) == []
    page.get_by_role("link", name="growing").click()
    page.locator("summary").click()
    assert violations(page) == []
    watch.allow("status of 404")
    page.goto(f"{server.origin}/report?runs=0123456789abcdef")
    expect(page.locator("#reason")).to_contain_text("no such run")
    assert violations(page) == []
