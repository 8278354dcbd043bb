"""Runs that lack something, or have too much of it: every page still says what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rageval.report.html.write import write_report
from rageval.types import Failure, Response
from tests.browser.report.open_report import go, open_report
from tests.browser.report.special_runs import Asked, asked, write_run

PAGES = ("leaderboard", "matrix", "compare/0/1", "diagnosis", "judges", "sweep")


def _retrieval_only(name: str) -> Asked:
    one = asked(name, None, 0.5)
    assert isinstance(one.outcome, Response)
    return replace(one, outcome=replace(one.outcome, context=()))


def _failed(name: str) -> Asked:
    return replace(asked(name, ""), outcome=Failure("TimeoutError", "no reply"), score=0.0)


CASES: dict[str, tuple[list[Sequence[Asked]], str]] = {
    "one run, one question": ([[asked("a", "Ten.")]], "token_f1"),
    "one question, two runs": ([[asked("a", "Ten.", 0.5)], [asked("a", "Nine.", 0.0)]], "token_f1"),
    "only failures": ([[_failed("a"), _failed("b")], [_failed("a"), _failed("b")]], "token_f1"),
    "failures beside answers": ([[_failed("a"), _failed("b")], [asked("a", "x"), asked("b", "y")]], "token_f1"),
    "retrieval alone": ([[_retrieval_only("a"), _retrieval_only("b")]] * 2, "ndcg@10"),
    "nothing scored": ([[asked("a", "x", None), asked("b", "y", None)]] * 2, "token_f1"),
    "questions that differ in part": (
        [[asked("a", "x"), asked("b", "y")], [asked("b", "y"), asked("c", "z"), asked("a", "x", text="Else?")]],
        "token_f1",
    ),
    "empty answers": ([[asked("a", ""), asked("b", " \n")], [asked("a", "x"), asked("b", "")]], "token_f1"),
    "very long answers": (
        [[asked("a", "long " * 40_000)], [asked("a", "longer " * 30_000 + "W" * 20_000)]],
        "token_f1",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_page_of_odd_runs(page: Page, tmp_path: Path, name: str) -> None:
    contents, metric = CASES[name]
    runs = [write_run(tmp_path / f"run-{at}", content, metric=metric) for at, content in enumerate(contents)]
    write_report(runs, tmp_path / "r.html")
    open_report(page, tmp_path / "r.html")
    for route in PAGES:
        main = go(page, route)
        assert main.locator("h1").count() == 1, route
        assert "undefined" not in main.inner_text(), route
        assert "NaN" not in main.inner_text(), route
    for question in dict.fromkeys(one.question.id for content in contents for one in content):
        main = go(page, f"q/{question}")
        expect(main.locator(".card").first).to_be_visible()
        assert "undefined" not in main.inner_text()
        _CHECKS.get(name, lambda page: None)(page)


def _no_compare(page: Page) -> None:
    expect(page.get_by_role("link", name="Compare", exact=True)).to_have_count(0)


def _no_answer(page: Page) -> None:
    expect(page.locator(".card").first).to_contain_text("No answer was generated.")


def _long(page: Page) -> None:
    assert len(page.locator(".answer").first.text_content() or "") > 190_000
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0


_CHECKS: dict[str, Callable[[Page], None]] = {
    "one run, one question": _no_compare,
    "retrieval alone": _no_answer,
    "very long answers": _long,
}


def test_questions_that_not_all_runs_have(page: Page, tmp_path: Path) -> None:
    contents, _ = CASES["questions that differ in part"]
    runs = [write_run(tmp_path / f"run-{at}", content) for at, content in enumerate(contents)]
    write_report(runs, tmp_path / "r.html")
    main = open_report(page, tmp_path / "r.html", "matrix")
    expect(main.get_by_role("status")).to_have_text("3 of 3 questions")
    expect(go(page, "q/c").locator(".card")).to_have_count(1)
    expect(go(page, "q/a")).to_contain_text("Not all runs asked this question in the same words")
    expect(go(page, "q/b")).not_to_contain_text("Not all runs asked this question in the same words")
