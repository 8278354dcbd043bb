"""The labelling sheet opened as a file: filled in by keyboard, closed in the middle, saved, and read by rageval."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from rageval.people.labelling import Labelling
from rageval.people.labelling_results import attach_labelling
from rageval.report.html.label_page import labelling_sheet
from tests.browser.accessibility import violations
from tests.browser.conftest import keeps_nothing_under_load
from tests.browser.test_label import KEY, at, press, select
from tests.conftest import CommandLine
from tests.flow.judged_claims import add_claims
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, response
from tests.flow.page_labels import draw, work

ATTACK = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def open_sheet(page: Page, run: JudgedRun, path: Path, name: str) -> None:
    path.write_text(labelling_sheet(run.folder, run.name), "utf-8")
    page.goto(path.as_uri())
    page.get_by_label("Your name").fill(name)
    assert violations(page) == []
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.locator(".item")).to_be_visible()
    assert violations(page) == []


def save(page: Page, path: Path) -> list[dict[str, object]]:
    with page.expect_download() as download:
        page.keyboard.press("s")
    download.value.save_as(path)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@keeps_nothing_under_load
def test_filled_in_closed_saved_and_read(page: Page, tmp_path: Path, command_line: CommandLine) -> None:
    """The labels are to the byte those of the page with the server."""
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS)
    truth = add_claims(run)
    sample = draw(run, 12)
    said = {q: truth[q] if n != 4 else ["cannot tell"] * len(truth[q]) for n, q in enumerate(sample.to_label)}
    keys = ["".join(KEY[one] for one in said[question]) for question in sample.to_label]
    sheet = tmp_path / "sheet.html"
    open_sheet(page, run, sheet, "Ann B.")
    for number in range(5):
        press(page, keys[number], number, 12)
    page.goto("about:blank")
    page.goto(sheet.as_uri())
    at(page, 5, 12)
    page.keyboard.press("ArrowRight")
    at(page, 5, 12)
    page.keyboard.press("ArrowLeft")
    at(page, 4, 12)
    expect(page.locator(".judge")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    for number in range(5, 8):
        press(page, keys[number], number, 12)
    select(page, 0, 4)
    page.keyboard.press("e")
    expect(page.locator("mark.marked")).to_have_count(1)
    saved = tmp_path / "back.jsonl"
    rows = save(page, saved)
    assert [row["question_id"] for row in rows] == [*sample.to_label[:9]]
    assert [row["label"] for row in rows] == [*(run.gold[q] for q in sample.to_label[:4]), "?",
                                              *(run.gold[q] for q in sample.to_label[5:8]), None]  # fmt: skip
    assert command_line("label", run.folder.path, saved).code == 0
    labels = (run.folder.path / "labels" / f"{run.name}.json").read_bytes()
    log = Labelling(run.folder, sample).log.read("Ann B.")
    assert [mark.end - mark.start for mark in log[sample.to_label[8]].evidence] == [4]

    other = JudgedRun(tmp_path / "other" / "lakes", 60, metric=FAITHFULNESS)
    add_claims(other)
    labelling = Labelling(other.folder, draw(other, 12))
    work(labelling, "Ann B.", said.__getitem__, 8)
    attach_labelling(labelling)
    assert (other.folder.path / "labels" / f"{other.name}.json").read_bytes() == labels


@keeps_nothing_under_load
def test_a_saved_file_is_gone_on_with(page: Page, tmp_path: Path) -> None:
    """In another browser, or after its data was cleared; a file of another sheet is refused."""
    run = JudgedRun(tmp_path / "lakes", 60)
    draw(run, 6)
    sheet = tmp_path / "sheet.html"
    open_sheet(page, run, sheet, "Ann")
    for number, key in enumerate("yn"):
        press(page, key, number, 6)
    saved = tmp_path / "back.jsonl"
    save(page, saved)
    (tmp_path / "other.jsonl").write_text(saved.read_text("utf-8").replace('"sample":"s', '"sample":"t'), "utf-8")
    page.evaluate("localStorage.clear()")
    page.reload()
    page.get_by_label("Go on from a saved file").set_input_files(tmp_path / "other.jsonl")
    expect(page.get_by_text("This file is not of this sheet.")).to_be_visible()
    page.get_by_label("Go on from a saved file").set_input_files(saved)
    at(page, 2, 6)


def test_a_browser_that_stores_nothing_says_so(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    draw(run, 6)
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })")
    open_sheet(page, run, tmp_path / "sheet.html", "Ann")
    expect(page.locator("#not-stored")).to_contain_text("save before you close the page")
    press(page, "y", 0, 6)
    assert [row["label"] for row in save(page, tmp_path / "back.jsonl")] == [1]


def test_attacks_in_the_sheet_do_not_run(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 20)
    for i in range(20):
        run.folder.add_outcome(f"q{i:03}", response(i, answer=f"{ATTACK}</script>{ATTACK}<!--"))
    draw(run, 5)
    open_sheet(page, run, tmp_path / "sheet.html", ATTACK[:30])
    expect(page.locator(".answer")).to_contain_text(ATTACK)
    assert page.evaluate("document.querySelectorAll('#page img, #page script').length") == 0
    press(page, "y", 0, 5)
    assert save(page, tmp_path / "back.jsonl")[0]["annotator"] == ATTACK[:30]
