"""The pages over all questions: leaderboard, diagnosis, judges and sweep show what the library says."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import rageval
from rageval.decide.leaderboard import read_leaderboard
from rageval.decide.sweep import read_sweep
from tests.browser.report.conftest import Made
from tests.browser.report.open_report import cells, copied, downloaded, drawn, open_report


def _three(interval: Any) -> str:
    return f"{interval.point:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def test_the_leaderboard_has_the_numbers_of_the_library(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file)
    board = read_leaderboard(lakes.runs)
    rows = main.locator("table.board tbody tr")
    assert rows.count() == 4
    for at, row in enumerate(board.rows):
        shown = rows.nth(at)
        expect(shown.locator("th")).to_contain_text(row.path.name)
        texts = shown.locator("td").all_inner_texts()
        assert row.rank is not None
        assert texts[0] == "–".join(map(str, dict.fromkeys(row.rank)))
        for place, name in enumerate(board.metrics, 1):
            estimate = row.estimates[name]
            assert estimate is not None
            numbers = texts[place].translate({ord("†"): None, ord("!"): None}).split("(")[0].split()
            assert " ".join(numbers) == _three(estimate), name
        assert str(row.failed) in texts
        assert f"{row.calls:,}" in texts


def test_sorting_by_a_metric_and_back(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file)
    first = main.locator("tbody th").all_inner_texts()
    main.get_by_role("link", name="ndcg@10").click()
    main = drawn(page)
    assert main.locator('th[aria-sort="descending"]').inner_text().startswith("ndcg@10")
    values = [float(cell.split()[0]) for cell in main.locator('td[data-label="ndcg@10"]').all_inner_texts()]
    assert values == sorted(values, reverse=True)
    page.reload()
    again = [float(cell.split()[0]) for cell in drawn(page).locator('td[data-label="ndcg@10"]').all_inner_texts()]
    assert again == values
    page.go_back()
    expect(page.locator('th[aria-sort="descending"]')).to_have_count(0)
    assert page.locator("tbody th").all_inner_texts() == first


def test_a_count_leads_to_its_questions(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file)
    row = main.locator("table.board tbody tr").filter(has=page.get_by_text("run-0", exact=True))
    cell = row.locator('td[data-label="Abstained"] a')
    abstained = cell.inner_text()
    cell.click()
    expect(drawn(page).get_by_role("status")).to_have_text(f"{abstained} of 120 questions")


def test_the_leaderboard_as_csv_and_markdown(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file)
    board = read_leaderboard(lakes.runs)
    text = downloaded(page, main.get_by_role("button", name="Download CSV"))
    rows = {row["run"]: row for row in csv.DictReader(io.StringIO(text))}
    for row in board.rows:
        estimate = row.estimates["faithfulness"]
        assert estimate is not None
        found = rows[row.path.name]
        parts = [float(found[key]) for key in ("faithfulness", "faithfulness low", "faithfulness high")]
        assert parts == pytest.approx([estimate.point, estimate.low, estimate.high])
        assert (int(found["faithfulness n"]), int(found["failed"])) == (estimate.n, row.failed)
    lines = copied(page, main.get_by_role("button", name="Copy as Markdown")).splitlines()
    assert len(lines) == 2 + len(board.rows)
    assert {line.replace("\\|", "").count("|") for line in lines} == {lines[0].count("|")}


def test_the_diagnosis_counts_what_the_library_counts(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "diagnosis")
    shown = {row[0].split("\n")[-1]: row[1:] for row in cells(main.locator("table").first)}
    for at, run in enumerate(lakes.runs):
        for share in rageval.diagnose(run).shares:
            if share.cause in shown:
                text = shown[share.cause][at].split("\n")
                assert text[0] == f"questions: {share.questions}"
                assert float(text[1].split("%")[0]) == pytest.approx(100 * share.share.point, abs=0.51)
            else:
                assert share.questions == 0
    count = main.locator("tbody a").first.inner_text().removeprefix("questions: ")
    main.locator("tbody a").first.click()
    expect(drawn(page).get_by_role("status")).to_have_text(f"{count} of 120 questions")


def test_judges_against_people(page: Page, lakes: Made) -> None:
    """People said no to every seventh answer, of which they did not agree on which: 30 answers, means of 0, 0.5, 1."""
    main = open_report(page, lakes.file, "judges")
    expect(main.get_by_role("heading", level=2).first).to_contain_text("answer_relevance")
    expect(main).to_contain_text("30 answers labelled by 2 people. On 1 they could not tell.")
    links = main.get_by_role("listitem").filter(has=page.locator("a"))
    assert links.count() > 0
    expect(links.first).to_contain_text("people 0.50")
    links.first.locator("a").click()
    assert "/q/q0" in page.url


def test_the_sweep_has_the_effects_of_the_library(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "sweep")
    effects = [one for one in read_sweep(lakes.runs).effects if one.metric == "ndcg@10"]
    shown = cells(main.locator("table").first)
    assert [row[0] for row in shown] == [one.factor for one in effects]
    for row, one in zip(shown, effects, strict=True):
        assert row[1] == f"{one.before} → {one.after}"
        point = f"{abs(one.difference.point):.3f}"
        assert row[2].startswith(("+" if one.difference.point >= 0 else "−") + point)
        assert int(row[4]) == one.contexts
    main.get_by_label("Metric").select_option("token_f1")
    page.wait_for_url("**metric=token_f1")
    assert cells(drawn(page).locator("table").first) != shown
