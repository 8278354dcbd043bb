"""Two runs, answer by answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import rageval
from rageval.report.html.write import write_report
from tests.browser.report.conftest import Made
from tests.browser.report.open_report import cells, copied, drawn, open_report
from tests.browser.report.special_runs import asked, write_run

OLD = {"same": "It is 10 m deep.", "worse": "It is 10 m deep, they say.", "better": "湖深八米。", "none": "So deep."}
NEW = {"same": "It is 10 m deep.", "worse": "It is 12 m deep, I say.", "better": "湖深十米。", "none": ""}
SCORES = {"same": (1.0, 1.0), "worse": (1.0, 0.25), "better": (0.0, 1.0), "none": (0.5, 0.5)}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    runs = [
        write_run(folder / name, [asked(q, said[q], SCORES[q][at]) for q in OLD])
        for at, (name, said) in enumerate({"old": OLD, "new": NEW}.items())
    ]
    write_report(runs, folder / "report.html")
    return folder / "report.html"


def test_the_paired_result_is_that_of_compare(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "compare/1/2")
    found = rageval.compare(lakes.runs[1], lakes.runs[2]).comparisons
    rows = {row[0].removesuffix(" ↓"): row[1:] for row in cells(main.locator("table").first)}
    assert set(rows) == set(found)
    for name, one in found.items():
        verdict, before, after, difference, p, counts, n = rows[name]
        assert verdict == {"better": "better", "worse": "worse"}.get(one.verdict, "cannot be told apart")
        assert float(before) == pytest.approx(one.pairs.baseline_mean, abs=5e-4)
        assert float(after) == pytest.approx(one.pairs.candidate_mean, abs=5e-4)
        numbers = [
            float(part)
            for part in difference.replace("−", "-").replace("[", "").replace("]", "").replace(",", "").split()
        ]
        interval = one.difference
        assert numbers == pytest.approx([interval.point, interval.low, interval.high], abs=6e-4)
        assert p == ("< 0.001" if one.p_adjusted < 0.001 else f"{one.p_adjusted:.3f}")
        assert counts == f"{one.wins}/{one.ties}/{one.losses}"
        assert int(n) == one.pairs.n
    lines = copied(page, main.get_by_role("button", name="Copy as Markdown")).splitlines()
    assert len(lines) == 2 + len(found)


def test_swapped_sides_turn_the_result(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "compare/1/2")
    before = cells(main.locator("table").first)
    main.get_by_role("button", name="Swap").click()
    page.wait_for_url("**/compare/2/1*")
    after = cells(drawn(page).locator("table").first)
    for one, other in zip(before, after, strict=True):
        assert one[2:4] == other[3:1:-1]
        assert one[6].split("/") == other[6].split("/")[::-1]
        assert {one[1], other[1]} in ({"better", "worse"}, {"cannot be told apart"})
        sign = one[4][0]
        assert other[4][0] == {"+": "−", "−": "+"}[sign] or one[4].startswith(sign + "0.000")


def test_words_that_changed(page: Page, pair: Path) -> None:
    main = open_report(page, pair, "compare/0/1")
    pairs = main.locator("article.pair")
    expect(pairs).to_have_count(3)
    expect(main.get_by_role("status")).to_contain_text(
        "3 shown of 4; 1 left out whose answers are the same. That is all."
    )
    assert [one.split()[0] for one in pairs.locator("h3").all_inner_texts()] == ["worse", "none", "better"]
    worse, none, better = (pairs.nth(at) for at in range(3))
    assert worse.locator("del").all_inner_texts() == ["10", "they"]
    assert worse.locator("ins").all_inner_texts() == ["12", "I"]
    assert worse.locator(".cards .said").nth(1).inner_text() == "It is 1012 m deep, theyI say."
    assert (better.locator("del").all_inner_texts(), better.locator("ins").all_inner_texts()) == (["八"], ["十"])
    assert none.locator("del").all_inner_texts() == ["So deep."]


@pytest.mark.parametrize(("show", "names"), [("worse", ["worse"]), ("better", ["better"]), ("all", [*SCORES])])
def test_which_answers_are_shown(page: Page, pair: Path, show: str, names: list[str]) -> None:
    main = open_report(page, pair, f"compare/0/1?show={show}")
    expect(main.locator("article.pair")).to_have_count(len(names))
    assert sorted(one.split()[0] for one in main.locator("article h3").all_inner_texts()) == sorted(names)


def test_a_pair_of_one_run_and_broken_addresses(page: Page, pair: Path) -> None:
    expect(open_report(page, pair, "compare/1/1")).to_contain_text("Choose two different runs.")
    for route in ("compare/0.5/1", "compare/7/1", "compare/-1/x", "compare/1e0/", "compare"):
        main = open_report(page, pair, route)
        expect(main.get_by_label("Baseline").locator("option:checked")).to_have_text("old")
        expect(main.get_by_label("Candidate").locator("option:checked")).to_have_text("new")


def test_answers_appear_as_one_scrolls(page: Page, lakes: Made) -> None:
    main = open_report(page, lakes.file, "compare/0/3?show=all")
    expect(main.locator("article.pair").first).to_be_visible()
    first = main.locator("article.pair").count()
    assert first < 120
    for _ in range(400):
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        if "That is all." in main.get_by_role("status").inner_text():
            break
        page.wait_for_timeout(50)
    expect(main.locator("article.pair")).to_have_count(120)
