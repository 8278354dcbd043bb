"""The matrix: what each filter, search and order shows, by keyboard too, and that an address brings it back."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

from rageval.io.run_folder import RunFolder
from rageval.types import Failure
from tests.browser.report.conftest import Made
from tests.browser.report.open_report import copied, downloaded, drawn, open_report


def _scores(made: Made, metric: str) -> list[dict[str, float]]:
    return [json.loads((run / "scores.json").read_text())[metric]["questions"] for run in made.runs]


def _questions(made: Made) -> list[str]:
    return [*RunFolder(made.runs[0]).questions()]


def _shown(main: Locator) -> int:
    return int(main.get_by_role("status").inner_text().split()[0].replace(",", ""))


def _first_ids(main: Locator) -> list[str]:
    return [one.strip() for one in main.locator(".long-row .id").all_text_contents()]


def _spread(made: Made, metric: str) -> dict[str, float]:
    found = {}
    for question in _questions(made):
        known = [of[question] for of in _scores(made, metric) if question in of]
        found[question] = max(known) - min(known) if len(known) > 1 else 0.0
    return found


def test_all_questions_and_only_those_seen_are_rows(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "matrix")
    assert _shown(main) == 120
    expect(main.locator(".long-row").first).to_be_visible()
    assert 10 < main.locator(".long-row").count() < 80
    main.locator(".long-scroll").evaluate("one => { one.scrollTop = one.scrollHeight; }")
    expect(main.locator(".long-row", has_text="q00119")).to_be_visible()
    cell = main.locator(".long-row", has_text="q00119").locator(".chip").first
    score = _scores(lakes, "ndcg@10")[0]["q00119"]
    assert cell.inner_text().startswith(f"{score:.2f}" if score not in (0, 1) else str(int(score)))


def test_each_filter(page: Page, lakes: Made) -> None:
    spread = _spread(lakes, "ndcg@10")
    base, *others = _scores(lakes, "ndcg@10")
    outcomes = [RunFolder(run).outcomes() for run in lakes.runs]
    questions = _questions(lakes)
    wanted: dict[str, int] = {
        "show=different": sum(value > 0 for value in spread.values()),
        "show=failed": sum(any(isinstance(of[q], Failure) for of in outcomes) for q in questions),
        "show=failed&run=2": sum(isinstance(outcomes[2][q], Failure) for q in questions),
        "show=abstained&run=0": sum(bool(getattr(outcomes[0][q], "abstained", False)) for q in questions),
        "show=worse": sum(any(of[q] < base[q] for of in others) for q in questions),
        "show=better&run=3": sum(others[2][q] > base[q] for q in questions),
        "show=worse&base=1&run=0": sum(base[q] < others[0][q] for q in questions),
        "language=zh": 60,
        "tag=town": 24,
        "tag=town&language=en": 12,
        "words=lake 11": 5,
        "words=Q0000": 10,
        "words=ｑ０００１": 10,
        "words=town": 24,
        "words=nothing has this": 0,
    }
    for route, count in wanted.items():
        assert _shown(open_report(page, lakes.file, f"matrix?{route}")) == count, route


def test_search_by_typing_and_in_all_texts(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "matrix")
    page.keyboard.press("/")
    page.keyboard.type("at its deepest point lake 42 is 142 metres")
    expect(main.get_by_role("status")).to_have_text("0 of 120 questions")
    main.get_by_label("also in answers and passages").check()
    held = {"q00042"}
    for outcomes in map(RunFolder.outcomes, map(RunFolder, lakes.runs)):
        for question in _questions(lakes):
            read = getattr(outcomes[question], "context_passages", ())
            if any("lake 42 is 142 metres" in passage.text for passage in read):
                held.add(question)
    main = page.locator("main")
    expect(main.get_by_role("status")).to_have_text(f"{len(held)} of 120 questions")
    assert "deep=1" in page.url
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_role("status").first).to_have_text(f"{len(held)} of 120 questions")
    expect(page.get_by_role("searchbox")).to_have_value("at its deepest point lake 42 is 142 metres")
    assert page.get_by_label("also in answers and passages").is_checked()


def test_orders(page: Page, lakes: Made) -> None:
    spread = _spread(lakes, "token_f1")
    main = open_report(page, lakes.file, "matrix?metric=token_f1&sort=disagreement")
    expect(main.locator(".long-row").first).to_be_visible()
    shown = [spread[one] for one in _first_ids(main)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == max(spread.values())
    main.get_by_label("Sort").select_option("worst")
    main = drawn(page)
    expect(main.locator(".long-row").first).to_be_visible()
    means: dict[str, float] = {}
    for question in _questions(lakes):
        known = [of[question] for of in _scores(lakes, "token_f1") if question in of]
        means[question] = sum(known) / len(known)
    shown = [round(means[one], 9) for one in _first_ids(main)]
    assert shown == sorted(shown)


def test_by_keyboard(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "matrix?tag=town")
    expect(main.locator(".long-row").first).to_be_visible()
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(main.locator(".long-row.selected .id")).to_have_text("q00005")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("q00005")
    page.keyboard.press("j")
    expect(page.locator("h1")).to_contain_text("q00010")
    expect(page.locator("main")).to_contain_text("3 / 24")
    page.keyboard.press("u")
    expect(drawn(page).get_by_role("status")).to_have_text("24 of 120 questions")
    expect(page.locator(".long-row.selected .id")).to_have_text("q00010")
    for key, count in (("f", "only failed"), ("f", "all questions"), ("d", "only different"), ("w", "got worse")):
        page.keyboard.press(key)
        expect(page.get_by_label("Show").locator("option:checked")).to_have_text(count)


def test_back_returns_to_the_same_view(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "leaderboard")
    main.page.get_by_role("link", name="Questions", exact=True).click()
    main = drawn(page)
    main.get_by_label("Language").select_option("zh")
    expect(page.get_by_role("status").first).to_have_text("60 of 120 questions")
    page.locator(".long-row a").nth(2).click()
    expect(page.locator("h1")).to_contain_text("q00005")
    page.go_back()
    expect(page.get_by_role("status").first).to_have_text("60 of 120 questions")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Leaderboard")


def test_the_matrix_as_csv_and_markdown(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "matrix?language=zh")
    text = downloaded(page, main.get_by_role("button", name="Download CSV"))
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["question"] for row in rows] == _questions(lakes)[1::2]
    scores: dict[str, Any] = _scores(lakes, "ndcg@10")[1]
    assert [float(row["run-1 ndcg@10"]) for row in rows] == [scores[row["question"]] for row in rows]
    assert {row["run-1 outcome"] for row in rows} <= {"answered", "abstained", "failed"}
    table = copied(page, main.get_by_role("button", name="Copy as Markdown"))
    assert len(table.splitlines()) == 62
