"""One question: what stands where, what is folded, and the way from one to the next."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from rageval.report.html.write import write_report
from rageval.types import (
    Abstained,
    Evidence,
    Failure,
    Graded,
    Hit,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Step,
    Usage,
)
from tests.browser.report.conftest import Made
from tests.browser.report.open_report import copied, drawn, go, open_report
from tests.browser.report.special_runs import Asked, asked, write_run

BEFORE, FACT, AFTER = "😀𠮷 Boats 👩‍👩‍👧 leave. ", "The 𠮷野 lake is 107 m deep 🌊.", " 𠀀 Anglers 🎣 need a ticket."
TEXT = BEFORE + FACT + AFTER
QUOTE = "lake is 107 m deep 🌊. 𠀀 Anglers"


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run with rare characters before, in and behind its marks; the passage begins at character 100."""
    folder = tmp_path_factory.mktemp("marked")
    start = 100 + len(BEFORE)
    hits = (
        Hit(Passage("other", 0, 6, "Other."), 1.0),
        Hit(Passage("lake", 100, 100 + len(TEXT), TEXT, "Lake 🏞"), 0.9),
        Hit(Passage("unread", 0, 5, "Much."), 0.8),
    )
    judgments = [
        Judgment("q", "own", "claim", 0, "It is 107 m.", Graded(1.0, 0.91, (Evidence(1, QUOTE),), "It says so.")),
        Judgment("q", "own", "claim", 1, "It is cold.", Graded(0.0, 0.08, (Evidence(0, "not there"),))),
        Judgment("q", "own", "claim", 2, "It is wet.", Abstained("the reply has no verdict", "maybe <b>so</b>")),
    ]
    outcome = Response(
        hits,
        "<think>First I look\nfor the lake.</think>It is 107 m deep.",
        (1, 0),
        (1,),
        False,
        (Step("Search", {"query": "lake 🌊"}), Step("Answer", {}, Usage(1, 0, 80, 0, 12))),
        Usage(1, 0, 80, 0, 12),
        0.25,
    )
    one = Asked(
        Question("q", "How deep is the 𠮷野 lake?", "en", ("107",), ("lake",), {"level": 2}),
        outcome,
        0.75,
        [RelevanceLabel("q", "lake", 2, start, start + len(FACT))],
        judgments,
    )
    failed = Asked(one.question, Failure("TimeoutError", "no reply", 'File "own.py", line 3'), 0.0, one.labels)
    runs = [
        write_run(folder / "good", [one], judges={"claims": "critic"}),
        write_run(folder / "failed", [failed], judges={"claims": "critic"}),
    ]
    write_report(runs, folder / "report.html")
    return folder / "report.html"


def test_evidence_and_quotes_stand_at_their_characters(page: Page, marked: Path) -> None:
    main = open_report(page, marked, "q/q?runs=0")
    passages = main.locator(".passage")
    assert passages.count() == 2
    read_first = passages.nth(0)
    assert read_first.locator(".said").text_content() == TEXT
    evidence = read_first.locator("mark.evidence").all_text_contents()
    quoted = read_first.locator("mark.quote").all_text_contents()
    assert "".join(evidence) == FACT
    assert "".join(quoted) == QUOTE
    both = read_first.locator("mark.evidence.quote").all_text_contents()
    assert both == ["lake is 107 m deep 🌊."]
    expect(main.locator(".evidence .said")).to_have_text(FACT)
    assert passages.nth(1).locator("mark").count() == 0
    expect(main).to_contain_text("unread#0-5")


def test_a_quote_leads_to_its_place(page: Page, marked: Path) -> None:
    main = open_report(page, marked, "q/q?runs=0")
    main.locator(".quote-button").first.click()
    expect(main.locator("mark.flash").first).to_have_text("lake is 107 m deep 🌊.")
    main.locator(".quote-button").nth(1).click()
    expect(page.locator("#toast")).to_have_text("This sentence does not stand in a passage that was read")


def test_what_is_folded_and_what_is_not(page: Page, marked: Path) -> None:
    main = open_report(page, marked, "q/q?runs=0")
    thought = main.get_by_text("First I look")
    expect(thought).to_be_hidden()
    expect(main.locator(".answer")).to_have_text("It is 107 m deep.")
    main.locator("summary", has_text="Thought").click()
    expect(thought).to_be_visible()
    raw = main.get_by_text("maybe <b>so</b>")
    expect(raw).to_be_hidden()
    main.locator("summary", has_text="raw verdict").nth(2).click()
    expect(raw).to_be_visible()
    verdicts = main.locator(".verdicts > li")
    expect(verdicts.nth(0)).to_contain_text("✓ It is 107 m.")
    expect(verdicts.nth(0)).to_contain_text("P = 0.91")
    expect(verdicts.nth(1)).to_contain_text("✗ It is cold.")
    expect(verdicts.nth(2)).to_contain_text("no verdict")
    expect(verdicts.nth(2)).to_contain_text("the reply has no verdict")
    expect(main).to_contain_text("calls: 1 (1 paid), tokens: 80 + 12, 0.25 s")


def test_a_failure_beside_an_answer(page: Page, marked: Path) -> None:
    main = open_report(page, marked, "q/q")
    assert main.locator(".card").count() == 2
    failed = main.locator(".card").nth(1)
    expect(failed.locator(".failure")).to_contain_text("The pipeline failed: TimeoutError")
    expect(failed.locator(".failure")).to_contain_text("no reply")
    expect(failed.get_by_text('File "own.py", line 3')).to_be_hidden()
    for key, names in (("2", ["good"]), ("2", ["good", "failed"]), ("1", ["failed"]), ("1", ["failed", "good"])):
        page.keyboard.press(key)
        expect(page.locator(".card h2")).to_have_text(names)
    page.reload()
    expect(drawn(page).locator(".card h2")).to_have_text(["failed", "good"])


def test_the_question_as_markdown(page: Page, marked: Path) -> None:
    main = open_report(page, marked, "q/q")
    text = copied(page, main.get_by_role("button", name="Copy as Markdown"))
    assert "```\nHow deep is the 𠮷野 lake?\n```" in text
    assert "### `good`" in text
    assert "token_f1 0.75" in text
    assert "TimeoutError: no reply" in text


def test_from_one_to_the_next_in_the_filtered_order(page: Page, lakes: Made) -> None:
    open_report(page, lakes.file, "matrix?tag=town&sort=id")
    go(page, "q/q00010")
    expect(page.locator("main")).to_contain_text("3 / 24")
    page.get_by_role("button", name="Next question").click()
    expect(page.locator("h1")).to_contain_text("q00015")
    page.keyboard.press("k")
    expect(page.locator("h1")).to_contain_text("q00010")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_contain_text("q00005")
    main = open_report(page, lakes.file, "q/q00010")
    expect(main).to_contain_text("11 / 120")


def test_an_unknown_question(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "q/nobody%20asked")
    expect(main.locator("h1")).to_have_text("These runs have no such question")
    expect(main).to_contain_text("nobody asked")


IDS = ["a/b", 'say "hi"', "it's", "100%", "%2F", "问题一", "q?x=1&y#z", "..", " ", "e\u0301", "😀", "__proto__", "a\\b"]


def test_any_id_has_an_address(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [asked(name, f"answer {at}") for at, name in enumerate(IDS)])
    write_report([run], tmp_path / "r.html")
    main = open_report(page, tmp_path / "r.html", "matrix")
    expect(main.locator(".long-row .text a")).to_have_count(len(IDS))
    for at, name in enumerate(IDS):
        main.locator(".long-row .text a").nth(at).click()
        expect(page.locator(".answer")).to_have_text(f"answer {at}")
        assert page.url.endswith(f"#/q/{quote(name, safe='').replace('%27', chr(39))}"), name
        page.reload()
        expect(page.locator(".answer")).to_have_text(f"answer {at}")
        page.go_back()
        main = drawn(page)
