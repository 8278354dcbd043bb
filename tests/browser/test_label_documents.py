"""Documents graded by keyboard, with marked words, and added to the benchmark's labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rageval.benchmark import load
from rageval.web.runs import Runs
from tests.browser.accessibility import violations
from tests.browser.conftest import elsewhere
from tests.browser.test_label import at, press, select
from tests.conftest import CommandLine
from tests.flow.document_run import DOCUMENTS, make_document_run
from tests.flow.view_server import ViewServer


def test_graded_marked_and_added(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    run = elsewhere(make_document_run, tmp_path, command_line)
    folder = run.path.parent
    with ViewServer(folder) as server:
        page.goto(server.address)
        page.goto(f"{server.origin}/documents/{Runs(folder).scan()[0].id}")
        page.get_by_label("Your name").fill("Ann")
        assert violations(page) == []
        page.get_by_role("button", name="Start with these").press("Enter")
        at(page, 0, 4)
        assert violations(page) == []
        for number in range(4):
            text = page.locator(".passage-text").text_content() or ""
            if "61 metres" in text and "Corva" in page.locator("h1").inner_text():
                start = text.index("61 metres")
                select(page, start, start + len("61 metres deep"))
                page.keyboard.press("e")
                expect(page.locator("mark.marked")).to_have_text("61 metres deep")
                press(page, "1", number, 4)
            else:
                press(page, "0" if number else "u", number, 4)
        page.get_by_role("button", name="Add my labels to labels.tsv").press("Enter")
        expect(page.get_by_role("status").filter(has_text="rows added")).to_be_visible()
    labels = {(one.question_id, one.doc_id): one for one in load("benchmark").labels}
    found = labels["q1", "corva"]
    assert (found.grade, DOCUMENTS["corva"][found.start : found.end]) == (1, "61 metres deep")
