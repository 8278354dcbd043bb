"""Filters that ask the judge: each where it must refuse and where it must not, with the judge's replies scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder
from rageval.synthesis.desk import Desk, read_texts
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.synthesis.filters import Passed, pass_filters
from rageval.synthesis.search import Search, rank_of
from rageval.types import Document, Passage
from tests.unit.scripts import Script, by_prompt, numbered

DOCUMENTS = (
    Document("arlen", "Mount Arlen is 2310 metres high and carries snow until the month of June every year."),
    Document("bresk", "Mount Bresk is 1871 metres high and stands at the end of a long and narrow valley."),
    Document("corva", "Lake Corva is 61 metres deep, and its water is far too salty for anybody to drink."),
)
NO = "The passages do not contain the answer."
HIGH = Draft("How high is Arlen?", "en", "2310 metres", (DOCUMENTS[0].passage(0, 84),), ("p",))
BOTH = Draft("Which is higher?", "en", "Arlen", (DOCUMENTS[0].passage(0, 84), DOCUMENTS[1].passage(0, 80)), ("p",))
UNIT = Draft("In which unit is the height of Arlen?", "en", "metres", HIGH.evidence, ("p",))
PAINTER = Draft("Who painted Arlen?", "en", "", (DOCUMENTS[0].passage(0, 84),), ("p",))
CHOICE = Draft(
    "How high is Arlen?\nA. 2310 m\nB. 2311 m\nC. 2312 m\nD. 2313 m",
    "en",
    "2310 m",
    HIGH.evidence,
    ("p",),
    core="How high is Arlen?",
    references=("A. 2310 m", "2310 m"),
)
GOOD: Mapping[str, Script] = {
    "question_self_contained": "yes",
    "answer": "It is 2310 metres high.",
    "answer_correctness": "yes",
    "answer_from_memory": "I do not know.",
    "passage_relevance": lambda request: numbered(["no"] * request.messages[-1].content.count("\n[")),
    "question_options": numbered(["yes", "no", "no", "no"]),
}


def outcome(kind: str, draft: Draft, folder: Path, **scripts: Script) -> Passed | str:
    """What passed, or the filter that refused."""

    async def work() -> Passed | str:
        search = await Search.build(DOCUMENTS, HashEmbedder(), folder)
        judge = by_prompt(**{**GOOD, **scripts})
        try:
            return await pass_filters(kind, draft, Desk(judge, judge, search, 1, {}), ())
        except RefusedError as refused:
            return refused.filter

    return asyncio.run(work())


def only_given(*needed: str, answer: str = "Arlen") -> Script:
    """An answer where all of these words stand in the passages, else an abstention."""
    return lambda request: answer if all(word in request.messages[-1].content for word in needed) else NO


def yes_where(word: str) -> Script:
    def reply(request: ChatRequest) -> str:
        lines = [line for line in request.messages[-1].content.split("\n") if line.startswith("[")]
        return numbered(["yes" if word in line else "no" for line in lines])

    return reply


@pytest.mark.parametrize(
    ("kind", "draft", "scripts", "filter_"),
    [
        ("factual", HIGH, {"question_self_contained": "no"}, "unclear"),
        ("factual", HIGH, {"question_self_contained": "maybe"}, "unreadable"),
        ("factual", HIGH, {"answer": NO}, "evidence"),
        ("factual", HIGH, {"answer_correctness": "no"}, "evidence"),
        ("factual", HIGH, {"answer_from_memory": "2310 metres"}, "closed book"),
        ("factual", HIGH, {"answer": ""}, "evidence"),
        ("multi_hop", BOTH, {"answer": only_given("2310")}, "one passage"),
        ("multi_hop", BOTH, {"answer": only_given("1871")}, "one passage"),
        ("multiple_choice", CHOICE, {"question_options": numbered(["yes", "no", "yes", "no"])}, "options"),
        ("multiple_choice", CHOICE, {"question_options": "A"}, "unreadable"),
        ("unanswerable", PAINTER, {"passage_relevance": yes_where("Bresk"), "answer": "Ann"}, "answered"),
    ],
)
def test_it_refuses(kind: str, draft: Draft, scripts: Mapping[str, Script], filter_: str, tmp_path: Path) -> None:
    assert outcome(kind, draft, tmp_path, **scripts) == filter_


@pytest.mark.parametrize(
    ("kind", "draft", "scripts"),
    [
        ("factual", HIGH, {}),
        ("factual", HIGH, {"answer_from_memory": "900 metres", "answer_correctness": ["yes", "no"]}),
        ("multi_hop", BOTH, {"answer": only_given("2310", "1871")}),
        ("comparison", BOTH, {"answer": only_given("2310")}),
        ("multiple_choice", CHOICE, {}),
        ("multiple_choice", CHOICE, {"question_options": numbered(["no", "no", "no", "no"])}),
        ("unanswerable", PAINTER, {}),
        ("unanswerable", PAINTER, {"passage_relevance": yes_where("Bresk"), "answer": NO}),
    ],
)
def test_it_lets_pass(kind: str, draft: Draft, scripts: Mapping[str, Script], tmp_path: Path) -> None:
    passed = outcome(kind, draft, tmp_path, **scripts)
    assert isinstance(passed, Passed)
    assert passed.others == ()
    assert (passed.rank is None) == (kind == "unanswerable")


def test_another_passage_that_answers_is_found_and_asked_itself(tmp_path: Path) -> None:
    """The judge says yes to two; from one of them it does not answer after all."""
    asked = {"passage_relevance": yes_where("metres"), "answer": only_given("metres high", answer="In metres.")}
    said = outcome("factual", UNIT, tmp_path, **asked)
    assert isinstance(said, Passed)
    assert [one.doc_id for one in said.others] == ["bresk"]


def test_passages_without_the_number_are_not_asked(tmp_path: Path) -> None:
    said = outcome("factual", HIGH, tmp_path, passage_relevance="asked in vain")
    assert isinstance(said, Passed)


def test_a_wrong_answer_is_not_called_right_by_a_judge_that_agrees_to_everything(tmp_path: Path) -> None:
    asked: Mapping[str, Script] = {"answer_correctness": "yes"}
    assert outcome("factual", HIGH, tmp_path, **asked, answer="It is 2311 metres high.") == "evidence"
    assert isinstance(outcome("factual", HIGH, tmp_path, **asked, answer_from_memory="900 metres"), Passed)
    assert outcome("factual", HIGH, tmp_path, **asked, answer_from_memory="Some 2310 m.") == "closed book"


def test_a_question_that_is_answered_early_costs_no_further_passages(tmp_path: Path) -> None:
    """Of twelve passages the first eight are asked about, and one of them answers."""
    judge = by_prompt(**{**GOOD, "passage_relevance": numbered(["no", "yes", *["no"] * 6]), "answer": "Ann"})
    many = tuple(
        Document(f"d{n}", f"The painter number {n} came from the valley of the river Bresk.") for n in range(12)
    )
    near = Draft("Who painted Arlen?", "en", "", (many[0].passage(0, 20),), ("p",))

    async def work() -> str:
        search = await Search.build(many, HashEmbedder(), tmp_path)
        desk = Desk(judge, judge, search, 1, {})
        with pytest.raises(RefusedError) as refused:
            await pass_filters("unanswerable", near, desk, ())
        assert desk.usage.calls == 3
        return refused.value.filter

    assert asyncio.run(work()) == "answered"


def test_a_question_of_two_hops_that_a_third_passage_answers_is_refused(tmp_path: Path) -> None:
    def answer(request: ChatRequest) -> str:
        text = request.messages[-1].content
        return "In metres." if "Corva" in text or ("2310" in text and "1871" in text) else NO

    both = replace(BOTH, text="In which unit are Arlen and Bresk?", answer="metres")
    assert outcome("multi_hop", both, tmp_path, passage_relevance=yes_where("Corva"), answer=answer) == "one passage"


def passage(doc_id: str, start: int, end: int) -> Passage:
    return Passage(doc_id, start, end, "x" * (end - start))


@pytest.mark.parametrize(
    ("evidence", "rank"),
    [
        ([("a", 5, 9)], 1),
        ([("b", 0, 3)], 2),
        ([("a", 5, 9), ("b", 0, 3)], 2),
        ([("a", 10, 12)], None),
        ([("a", 5, 9), ("c", 0, 3)], None),
        ([], None),
    ],
)
def test_rank_is_that_of_the_last_piece(evidence: Sequence[tuple[str, int, int]], rank: int | None) -> None:
    found = [passage("a", 0, 10), passage("b", 2, 8), passage("a", 20, 30)]
    assert rank_of([passage(*one) for one in evidence], found) == rank


@pytest.mark.parametrize(
    "reply",
    [
        ChatReply("no JSON"),
        ChatReply('{"a": "x"}'),
        ChatReply('{"a": "x", "b": " "}'),
        ChatReply('{"a": "x", "b": 3}'),
        ChatReply('{"a": "x", "b": "y"}', "length"),
        ChatReply('{"a": "x", "b": "y"}', "content_filter"),
        ChatReply('{"a": "x", "b": "y\\u0000"}'),
    ],
)
def test_unreadable_replies_are_refused(reply: ChatReply) -> None:
    with pytest.raises(RefusedError) as refused:
        read_texts(reply, ("a", "b"))
    assert refused.value.filter == "unreadable"


def test_readable_replies_lose_only_white_space() -> None:
    assert read_texts(ChatReply('Here: {"a": " x\\n y", "b": "乙", "c": 1}'), ("a", "b")) == {"a": "x y", "b": "乙"}
