"""The labelling page in a real browser, by keyboard: a kill in the middle, two annotators, claims, marks, attacks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rageval.people.labelling import open_labelling
from rageval.people.labelling_results import attach_labelling
from rageval.scores.human_labels import read_labels
from rageval.web.runs import Runs
from tests.browser.accessibility import violations
from tests.browser.conftest import Watch
from tests.flow.judged_claims import add_claims
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, response
from tests.flow.page_labels import draw, start, work, yes_or_no
from tests.flow.view_process import ViewProcess
from tests.flow.view_server import ViewServer

KEY = {"yes": "y", "no": "n", "cannot tell": "u"}
ATTACK = '<img src=x onerror="alert(1)"><script>alert(2)</script>\u202e[x](javascript:alert(3))"\'`'


def run_id(folder: Path, name: str) -> str:
    return next(row.id for row in Runs(folder).scan() if row.name == name)


def open_work(page: Page, server: ViewServer | ViewProcess, run: JudgedRun, name: str) -> None:
    """From the printed address to the first item, all by keyboard but for the address."""
    page.goto(server.address)
    page.goto(f"{server.origin}/label/{run_id(run.folder.path.parent, run.folder.path.name)}")
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Start").or_(page.get_by_role("button", name="Go on")).first.press("Enter")
    expect(page.locator(".item, .finished")).to_be_visible()


def at(page: Page, number: int, total: int) -> None:
    words = f"Answer {number + 1} of {total}" if number < total else f"All {total} are done"
    expect(page.locator(".where")).to_contain_text(words)


def press(page: Page, keys: str, number: int, total: int) -> None:
    """Press the keys of one item, piece by piece, and wait until the next item is there."""
    at(page, number, total)
    for place, key in enumerate(keys):
        if len(keys) > 1:
            expect(page.locator(f"#piece-{place}.now")).to_be_visible()
        page.keyboard.press(key)
    at(page, number + 1, total)


def test_thirty_items_by_keyboard_with_a_kill_in_the_middle(page: Page, watch: Watch, tmp_path: Path) -> None:
    """The server is killed while an answer is decided key by key; what was decided before is there, and nothing else
    is lost. The labels are those that the keys said, and the leaderboard has them.
    """
    watch.allow("ERR_CONNECTION_REFUSED")
    run = JudgedRun(tmp_path / "lakes", 120, metric=FAITHFULNESS, failed=3)
    truth = add_claims(run)
    sample = draw(run, 31)
    questions = sample.to_label
    total = len(questions)
    assert total >= 30
    half = next(number for number in range(14, total) if len(truth[questions[number]]) > 1)
    said = {
        question: ["cannot tell"] * len(truth[question]) if n % 9 == 5 else truth[question]
        for n, question in enumerate(questions)
    }
    with ViewProcess(tmp_path) as server:
        open_work(page, server, run, "Ann")
        for number in range(half):
            press(page, "".join(KEY[one] for one in said[questions[number]]), number, total)
        page.keyboard.press(KEY[said[questions[half]][0]])
        expect(page.locator("#piece-1.now")).to_be_visible()
        server.kill()
        page.keyboard.press("y")
        expect(page.get_by_role("alert")).to_contain_text("Not saved yet.")
    stored = open_labelling(run.folder, sample.digest).log.read("Ann")
    assert [stored[question].done for question in questions[: half + 1]] == [True] * half + [False]
    assert stored[questions[half]].verdicts == (said[questions[half]][0], *[None] * (len(truth[questions[half]]) - 1))
    with ViewProcess(tmp_path) as server:
        open_work(page, server, run, "Ann")
        at(page, half, total)
        expect(page.locator("#piece-0 .verdict")).to_have_class(f"verdict {said[questions[half]][0]}")
        keys = "".join(KEY[one] for one in said[questions[half]])
        for place in range(1, len(keys)):
            expect(page.locator(f"#piece-{place}.now")).to_be_visible()
            page.keyboard.press(keys[place])
        for number in range(half + 1, total):
            press(page, "".join(KEY[one] for one in said[questions[number]]), number, total)
        expect(page.locator("#finished")).to_be_visible()
        unsure = {question for question, one in said.items() if "cannot tell" in one}
        expect(page.locator("#estimate")).to_contain_text(
            f"corrected by {total - len(unsure) + len(sample.known)} labels"
        )
    labels = read_labels(run.folder, run.name)
    assert labels is not None
    assert labels.by_question == {q: run.gold[q] for q in questions if q not in unsure}
    assert set(labels.cannot_tell) == unsure


def test_back_and_skip_back_by_keyboard(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    draw(run, 10)
    with ViewServer(tmp_path) as server:
        open_work(page, server, run, "Ann")
        for number, key in enumerate("yuyn"):
            press(page, key, number, 10)
        page.keyboard.press("b")
        at(page, 1, 10)
        expect(page.get_by_role("button", name="Cannot tell").and_(page.locator("#choose-u"))).to_have_attribute(
            "aria-pressed", "true"
        )
        page.keyboard.press("n")
        at(page, 2, 10)
        page.keyboard.press("ArrowLeft")
        at(page, 1, 10)
        page.keyboard.press("ArrowRight")
        at(page, 2, 10)
        page.keyboard.press("ArrowRight")
        at(page, 3, 10)
        page.keyboard.press("ArrowRight")
        at(page, 4, 10)
        page.keyboard.press("ArrowRight")
        at(page, 4, 10)
        page.keyboard.press("c")
        page.keyboard.type("hard to say, y or n")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        at(page, 5, 10)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Back to the last “cannot tell”")
    (log,) = (run.folder.path / "labelling").rglob("Ann*.jsonl")
    last = json.loads(log.read_text("utf-8").splitlines()[-1])
    assert (last["label"], last["comment"]) == (0.0, "hard to say, y or n")


def test_the_judge_is_hidden_until_one_has_decided(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS, graded=True)
    truth = add_claims(run)
    sample = draw(run, 10)
    with ViewServer(tmp_path) as server:
        with page.expect_response(re.compile("/item/0")) as reply:
            open_work(page, server, run, "Ann")
        assert reply.value.json()["judge"] is None
        assert "grade" not in reply.value.text()
        expect(page.locator(".judge")).to_have_count(0)
        first = sample.to_label[0]
        press(page, "y" * len(truth[first]), 0, 10)
        expect(page.locator(".last")).to_contain_text(f"The judge's score: {round(run.judged[first], 3):g}")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#judge")).to_contain_text("The judge's score")
        expect(page.locator("#piece-0 .judge")).to_contain_text("Judge:")


def test_a_number_where_there_are_no_claims(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS, graded=True)
    sample = draw(run, 10)
    with ViewServer(tmp_path) as server:
        open_work(page, server, run, "Ann")
        field = page.get_by_label("A number from 0 to 1")
        for number, text in enumerate(("2/3", "0", "?", "0.25")):
            at(page, number, 10)
            page.keyboard.press("1")
            field.fill("1.5")
            page.keyboard.press("Enter")
            expect(page.get_by_role("alert")).to_contain_text("Write a number from 0 to 1")
            field.fill(text)
            page.keyboard.press("Enter")
        at(page, 4, 10)
    stored = open_labelling(run.folder, sample.digest).log.read("Ann")
    assert [stored[question].label for question in sample.to_label[:4]] == [2 / 3, 0.0, "?", 0.25]


def select(page: Page, start: int, end: int, box: int = 0) -> None:
    """Select characters of a passage, counted in the text that is shown."""
    page.evaluate(
        """([box, start, end]) => {
          const passage = document.querySelectorAll(".passage-text")[box];
          const walker = document.createTreeWalker(passage, NodeFilter.SHOW_TEXT);
          const range = document.createRange();
          let at = 0;
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const next = at + node.data.length;
            if (start >= at && start <= next) range.setStart(node, start - at);
            if (end >= at && end <= next) { range.setEnd(node, end - at); break; }
            at = next;
          }
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        [box, start, end],
    )


def test_words_are_marked_as_evidence(page: Page, tmp_path: Path) -> None:
    """Offsets are code points of the document: emoji before the words, control characters shown by their numbers."""
    run = JudgedRun(tmp_path / "lakes", 30)
    sample = draw(run, 5)
    labelling = open_labelling(run.folder, sample.digest)
    question = sample.to_label[0]
    text = labelling.item_of(question).passages[0].text
    with ViewServer(tmp_path) as server:
        open_work(page, server, run, "Ann")
        page.keyboard.press("e")
        expect(page.get_by_text("Select words in a passage first")).to_be_visible()
        select(page, text.index(" is said"), text.index(" to be"))
        page.keyboard.press("e")
        expect(page.locator("mark.marked")).to_have_text("is said")
        expect(page.locator(".chip")).to_contain_text("is said")
        select(page, 0, 4)
        page.keyboard.press("e")
        expect(page.locator("mark.marked")).to_have_count(2)
        page.keyboard.press("x")
        expect(page.locator("mark.marked")).to_have_count(1)
        press(page, "y", 0, 5)
    decision = labelling.log.read("Ann")[question]
    assert [text[mark.start : mark.end] for mark in decision.evidence] == ["is said"]
    assert decision.label == 1.0


def test_attacks_in_texts_do_not_run(page: Page, tmp_path: Path) -> None:
    """In questions' answers, passages, claims, comments and names; and marks count characters as Python does."""
    run = JudgedRun(tmp_path / "lakes", 20)
    marked = f"😀{ATTACK}\u0007 end"
    for i in range(20):
        run.folder.add_outcome(f"q{i:03}", response(i, answer=ATTACK + str(i)))
    path = run.folder.path / "responses.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        line["texts"] = {"0": [ATTACK, marked]}
        line["hits"][0][1:3] = [0, len(marked)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    sample = draw(run, 5)
    name = '<script>alert("n")'
    with ViewServer(tmp_path) as server:
        open_work(page, server, run, name)
        expect(page.locator(".answer")).to_contain_text('<img src=x onerror="alert(1)">')
        expect(page.locator(".answer .control").first).to_have_text("U+202E")
        shown = page.locator(".passage-text").text_content() or ""
        at_end = len(shown[: shown.index(" end")].encode("utf-16-le")) // 2
        select(page, at_end, at_end + 4)
        page.keyboard.press("e")
        expect(page.locator("mark.marked")).to_have_text("end")
        page.keyboard.press("c")
        page.keyboard.type(ATTACK)
        page.keyboard.press("Escape")
        press(page, "u", 0, 5)
        page.get_by_role("link", name="Results").first.press("Enter")
        expect(page.locator("table.people")).to_contain_text(name)
        assert page.evaluate("document.querySelectorAll('#page img, #page script').length") == 0
    decision = open_labelling(run.folder, sample.digest).log.read(name)[sample.to_label[0]]
    assert [marked[one.start : one.end] for one in decision.evidence] == ["end"]
    assert decision.comment == ATTACK


def other_labels(gold: Mapping[str, float], flip: list[str]) -> dict[str, float]:
    return {question: 1 - label if question in flip else label for question, label in gold.items()}


def test_two_annotators_and_what_they_settle(page: Page, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 100)
    labelling = start(run, 15)
    questions = labelling.sample.to_label
    ben = other_labels(run.gold, [questions[2], questions[7]])
    work(labelling, "ben", yes_or_no(ben))
    with ViewServer(tmp_path) as server:
        open_work(page, server, run, "Ann")
        for number, question in enumerate(questions):
            press(page, "y" if run.gold[question] else "n", number, 15)
        page.get_by_role("link", name="Results").first.press("Enter")
        expect(page.locator("#agreement")).to_contain_text("on 15 answers")
        expect(page.locator(".disagreements li")).to_have_count(2)
        assert violations(page) == []
        page.locator(".disagreements button").first.press("Enter")
        page.get_by_label("Your name").fill("Cleo")
        assert violations(page) == []
        page.get_by_label("Comment").fill("the second passage says so")
        page.locator("#settle-y").press("Enter")
        expect(page.locator(".disagreements li").first).to_contain_text("settled by Cleo: 1")
        expect(page.locator("#estimate")).to_contain_text("corrected by 15 labels")
    labels = read_labels(run.folder, run.name)
    assert labels is not None
    assert labels.by_question[questions[2]] == 1.0
    assert labels.by_question[questions[7]] == 0.5
    assert [one.annotator for one in labels.settled] == ["Cleo"]


def test_a_sample_is_drawn_on_the_page(page: Page, tmp_path: Path) -> None:
    """And labels of another sample are replaced only when that is asked."""
    run = JudgedRun(tmp_path / "lakes", 60)
    first = start(run, 5)
    work(first, "ann", yes_or_no(run.gold))
    attach_labelling(first)
    with ViewServer(tmp_path) as server:
        page.goto(server.address)
        page.goto(f"{server.origin}/label/{run_id(tmp_path, 'lakes')}")
        page.get_by_label("Your name").fill("Ben")
        page.get_by_label("Answers", exact=True).fill("12")
        page.get_by_role("button", name="Draw a sample").press("Enter")
        at(page, 0, 12)
        expect(page.locator(".offer")).to_contain_text("labelled in lakes by ann")
        page.keyboard.press("Enter")
        at(page, 1, 12)
        expect(page.locator("#aside")).to_contain_text("found 5 labels of answer_relevance")
        page.get_by_role("button", name="Replace these labels").press("Enter")
        expect(page.locator("#estimate")).to_contain_text("corrected by 1 labels")
        expect(page.locator(".offer")).to_contain_text("labelled in lakes by ann")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("interface", ["en", "zh"])
def test_the_screen_fits_and_speaks_both_languages(
    page: Page, width: int, theme: str, interface: str, tmp_path: Path
) -> None:
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS, language="zh")
    add_claims(run)
    draw(run, 5)
    page.set_viewport_size({"width": width, "height": 800})
    with ViewServer(tmp_path) as server:
        page.goto(server.address)
        for name, value in (("language", interface), ("theme", theme), ("annotator", "Ann")):
            page.evaluate("([name, value]) => localStorage.setItem(`rageval.${name}`, value)", [name, value])
        page.goto(f"{server.origin}/label/{run_id(tmp_path, 'lakes')}")
        expect(page.locator("[data-sample]")).to_be_visible()
        assert violations(page) == []
        page.locator("[data-sample]").press("Enter")
        task = "仅凭以上段落能推出这条陈述吗" if interface == "zh" else "Can this claim be inferred"
        expect(page.locator(".task")).to_contain_text(task)
        expect(page.locator("h1")).to_contain_text("湖有多深")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page) == []
