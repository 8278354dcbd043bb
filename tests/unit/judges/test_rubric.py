"""Rubrics: the prompt as sent, what counts as a level, and grades worked out by hand."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.judges import Item, Judged, Rubric, judge_key
from rageval.judges.rubric import Wording
from rageval.models.base import ChatReply
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Language, Question, Response, Usage
from tests.unit.scripts import by_prompt, one_token

TONE: Mapping[Language, Wording] = {
    "en": Wording("How polite is the answer?", ("rude", "neutral", "polite")),
    "zh": Wording("这个答案有多礼貌？", ("粗鲁", "平淡", "礼貌")),
}
SHORT: Mapping[Language, Wording] = {"en": Wording("Is the answer short?", ("no", "yes"))}
QUESTION = Question("q", "What is k1?", references=("A parameter.", "One of two parameters."))
CHINESE = Question("q", "什么是倒排索引？", "zh")


def judge(rubric: Rubric, chat: ScriptedChat, response: Response, question: Question = QUESTION) -> Judged:
    return asyncio.run(rubric.judge(question, response, chat))


def verdict(reply: Any, wordings: Mapping[Language, Wording] = TONE) -> Graded | Abstained:
    """What becomes of an answer when the model says this, twice if need be."""
    chat = by_prompt(rubric=lambda _: reply)
    ((item,),) = (judge(Rubric("custom.x", wordings), chat, Response(answer="An answer.")).items,)
    assert len(chat.requests) == (2 if isinstance(item.verdict, Abstained) and isinstance(reply, str) else 1)
    return item.verdict


def test_the_prompt_in_english(answered: Any) -> None:
    chat = by_prompt(rubric="2")
    rubric = Rubric("custom.tone", TONE, ("answer", "question", "references", "passages"))
    judge(rubric, chat, answered("A {number}."))
    (request,) = chat.requests
    assert request.prompt.startswith("rubric/en@")
    assert (request.temperature, request.schema) == (0.0, None)
    assert request.messages[-1].content == (
        "<passages>\n[1] 向量检索是语义的。倒排索引是词法的。\n[2] BM25 is lexical. Its parameter k1 is 1.2.\n"
        "</passages>\n\n"
        "Question that was asked: What is k1?\n"
        "Reference answers, any one of which is right:\n- A parameter.\n- One of two parameters.\n"
        "Answer that was given: A {number}.\n\n"
        "How polite is the answer?\n1. rude\n2. neutral\n3. polite\n\n"
        "Which level fits best? Reply with its number alone, from 1 to 3."
    )


def test_the_prompt_in_chinese_shows_question_and_answer_by_default(answered: Any) -> None:
    chat = by_prompt(rubric="2")
    judge(Rubric("custom.tone", TONE), chat, answered("不知道啊。"), CHINESE)
    assert chat.requests[0].messages[-1].content == (
        "提出的问题：什么是倒排索引？\n给出的答案：不知道啊。\n\n"
        "这个答案有多礼貌？\n1. 粗鲁\n2. 平淡\n3. 礼貌\n\n"
        "哪一级最符合？只回复这一级的编号，从 1 到 3。"
    )


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("1", 0.0),
        ("2", 1 / 2),
        (" 3.\n", 1.0),
        ('"3"', 1.0),
        ("２", 1 / 2),  # full width
        ("②", 1 / 2),
        ("2. neutral", 1 / 2),
        ("2：Neutral。", 1 / 2),
    ],
)
def test_a_level_is_a_number_alone_or_with_its_own_name(reply: str, grade: float) -> None:
    number = round(2 * grade) + 1
    name = ("rude", "neutral", "polite")[number - 1]
    assert verdict(reply) == Graded(grade, rationale=f"level {number} of 3: {name}")


@pytest.mark.parametrize("reply", ["", *"0 4 -1 12 1.5 2/3 two neutral 二 ½".split(), "1 2", "2. polite", "2" * 5000])
def test_all_else_is_an_abstention_after_a_second_try(reply: str) -> None:
    assert verdict(reply) == Abstained("found no level, expected a number from 1 to 3", reply)


def test_a_reply_that_was_cut_is_not_read_and_asked_again_with_more_room() -> None:
    cut = ChatReply("1", "length", usage=Usage(calls=1))
    chat = by_prompt(rubric=[cut, "3"])
    judged = judge(Rubric("custom.tone", TONE), chat, Response(answer="An answer."))
    assert judged.items[0].verdict == Graded(1.0, rationale="level 3 of 3: polite")
    assert judged.usage == Usage(calls=2)
    first, second = chat.requests
    assert (second.max_tokens, second.sample) == (2 * first.max_tokens, 1)


def test_a_call_that_failed_is_an_abstention() -> None:
    assert verdict(ExecutionError("gone")) == Abstained("the judge's call failed: gone")


@pytest.mark.parametrize(
    ("levels", "number", "grade"),
    [(2, 1, 0.0), (2, 2, 1.0), (4, 2, 1 / 3), (5, 4, 3 / 4), (9, 9, 1.0), (9, 2, 1 / 8)],
)
def test_grades_are_evenly_spaced_from_worst_to_best(levels: int, number: int, grade: float) -> None:
    wordings: Mapping[Language, Wording] = {"en": Wording("How?", tuple(f"level-{i}" for i in range(levels)))}
    found = verdict(str(number), wordings)
    assert isinstance(found, Graded)
    assert found.grade == pytest.approx(grade, abs=1e-12)


def test_the_most_likely_level_counts_and_of_two_the_probability_of_the_better() -> None:
    """P(2) = 0.6 / (0.6 + 0.2); " 2" and "2" are the same level, and "yes" is none."""
    alternatives = (("yes", math.log(0.1)), ("2", math.log(0.5)), ("1", math.log(0.2)), (" 2", math.log(0.1)))
    assert verdict(one_token("2", *alternatives), SHORT) == Graded(1.0, 0.75, rationale="level 2 of 2: yes")
    sampled = one_token("1", *alternatives)
    assert verdict(sampled, SHORT) == Graded(1.0, 0.75, rationale="level 2 of 2: yes")
    assert verdict(one_token("3", ("3", -0.1), ("1", -3.0))) == Graded(1.0, rationale="level 3 of 3: polite")


def test_alternatives_of_another_token_are_not_taken_for_levels() -> None:
    quoted = ChatReply('"2"', tokens=one_token('"', ('"', -0.01), ("1", -5.0)).tokens)
    assert verdict(quoted, SHORT) == Graded(1.0, rationale="level 2 of 2: yes")
    nan = one_token("2", ("2", math.nan), ("1", -math.inf))
    assert verdict(nan, SHORT) == Graded(1.0, rationale="level 2 of 2: yes")


@pytest.mark.parametrize(
    "response", [Response(answer=""), Response(), Response(answer="I do not know.", abstained=True)]
)
def test_where_there_is_no_answer_nothing_is_asked(response: Response) -> None:
    assert judge(Rubric("custom.tone", TONE), by_prompt(), response) == Judged()


def test_references_to_be_shown_that_are_not_there() -> None:
    rubric = Rubric("custom.tone", TONE, ("answer", "references"))
    judged = judge(rubric, by_prompt(), Response(answer="An answer."), CHINESE)
    assert judged == Judged(
        (Item("answer", 0, "An answer.", Abstained("the question has no reference answer to show")),)
    )


def test_every_part_of_a_rubric_is_in_its_key() -> None:
    edited: Mapping[Language, Wording] = {**TONE, "zh": Wording("这个答案礼貌吗？", ("粗鲁", "平淡", "礼貌"))}
    reworded: Mapping[Language, Wording] = {
        **TONE,
        "en": Wording("How polite is the answer?", ("rude", "so-so", "nice")),
    }
    rubrics = [
        Rubric("custom.tone", TONE),
        Rubric("custom.tone", edited),
        Rubric("custom.tone", reworded),
        Rubric("custom.tone", {"en": TONE["en"]}),
        Rubric("custom.tone", TONE, ("answer",)),
        Rubric("custom.tone", TONE, version=2),
        Rubric("custom.manners", TONE),
    ]
    keys = [judge_key(rubric, "critic") for rubric in rubrics]
    assert len(set(keys)) == len(rubrics)
    assert judge_key(Rubric("custom.tone", dict(TONE), ("answer", "question")), "critic") == keys[0]
    assert judge_key(rubrics[0], "another") != keys[0]


@pytest.mark.parametrize(
    ("wordings", "shows", "told"),
    [
        ({}, ("answer",), "found no wording, expected one under the code of its language, such as en or zh"),
        ({"en": Wording(" ", ("a", "b"))}, ("answer",), "en.question: found nothing"),
        ({"en": Wording("?", ("a",))}, ("answer",), "en.levels: found 1, expected 2 to 9 levels, worst first"),
        ({"zh": Wording("?", tuple("abcdefghij"))}, ("answer",), "zh.levels: found 10, expected 2 to 9 levels"),
        (
            {"en": Wording("?", ("a", "A "))},
            ("answer",),
            r"en.levels: found \['a', 'A '\], expected levels that differ",
        ),
        ({"en": Wording("?", ("a", " "))}, ("answer",), "expected levels that differ"),
        ({**TONE, "zh": Wording("？", ("坏", "好"))}, ("answer",), "zh.levels: found 2, expected 3, as many as in en"),
        (TONE, (), r"shows: found \[\], expected some of question, answer, passages, references, each once"),
        (TONE, ("answer", "answer"), "shows: found"),
        (TONE, ("answers",), "shows: found"),
    ],
)
def test_what_is_no_rubric(wordings: Any, shows: Any, told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        Rubric("custom.x", wordings, shows)
