"""Nuggets: what is pooled, what is asked, and what it comes to."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import Judged, Nuggets, has_pool, judge_key, panel, with_pool
from rageval.metrics import Metric
from rageval.metrics.judged import score_judged
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import (
    UNANSWERABLE,
    Abstained,
    Failure,
    Graded,
    Judgment,
    Language,
    Question,
    Response,
    Score,
    Unscored,
    Usage,
)
from tests.unit.scripts import by_prompt, names

QUESTION = Question("q", "What is known of Delmar?", references=("It has 8400 inhabitants.",))
ANSWER = "Delmar has 8400 inhabitants and mines salt."
RESPONSE = Response(answer=ANSWER)
SILENT = Response(answer="I cannot say.", abstained=True)
FACTS = (("It has 8400 people.", "vital"), ("It mines salt.", "okay"), ("It lies at Lake Corva.", "vital"))


def written(*facts: tuple[str, str]) -> str:
    return json.dumps({"nuggets": [{"text": t, "importance": i} for t, i in facts]}, ensure_ascii=False)


def supported(*words: str) -> str:
    return json.dumps({str(number): word for number, word in enumerate(words, 1)}, ensure_ascii=False)


def judge(
    chat: ScriptedChat, response: Response = RESPONSE, question: Question = QUESTION, pool: tuple[Response, ...] = ()
) -> Judged:
    return asyncio.run(Nuggets().pool({question.id: pool or (response,)}).judge(question, response, chat))


def scores(judged: Judged, response: Response = RESPONSE, question: Question = QUESTION) -> list[Score | Unscored]:
    said = [Judgment("q", "nuggets", item.item, item.index, item.text, item.verdict) for item in judged.items]
    return [
        score_judged(Metric(name), question, response, {"nuggets": said})
        for name in ("nugget_recall", "nugget_recall_all")
    ]


@pytest.mark.parametrize(
    ("words", "vital", "every"),
    [
        (("support", "partial", "not"), (1 + 0) / 2, (1 + 0.5 + 0) / 3),
        (("support", "support", "support"), 1.0, 1.0),
        (("not", "support", "not"), 0.0, 1 / 3),
        (("partial", "not", "support"), (0.5 + 1) / 2, (0.5 + 0 + 1) / 3),
    ],
)
def test_recall_of_vital_and_of_all_nuggets(words: tuple[str, ...], vital: float, every: float) -> None:
    """Vital, okay, vital."""
    chat = by_prompt(nuggets=written(*FACTS), nugget_support=supported(*words))
    judged = judge(chat)
    assert [(item.item, item.index, item.text) for item in judged.items] == [
        ("vital_nugget", 0, "It has 8400 people."),
        ("okay_nugget", 1, "It mines salt."),
        ("vital_nugget", 2, "It lies at Lake Corva."),
    ]
    assert scores(judged) == [Score(vital), Score(every)]
    assert (names(chat), judged.usage) == (["nuggets", "nugget_support"], Usage(calls=2))


def test_in_chinese() -> None:
    question = Question("q", "蓝江流入哪里？", "zh", ("东湖",))
    response = Response(answer="蓝江流入东湖。")
    chat = by_prompt(
        nuggets=written(("蓝江流入东湖。", "关键"), ("在白沙镇入湖。", "关键"), ("全长三百公里。", "次要")),
        nugget_support=supported("支持", "没有", "部分"),
    )
    judged = judge(chat, response, question)
    assert scores(judged, response, question) == [Score((1 + 0) / 2), Score((1 + 0 + 0.5) / 3)]
    first, second = (request.messages[-1].content for request in chat.requests)
    assert first.startswith("<passages>\n[1] 蓝江流入东湖。\n</passages>\n\n以上各段是")
    assert "参考答案（任意一个都算正确）：\n- 东湖\n" in first
    assert "最多 10 条" in first
    assert second.startswith("<passages>\n[1] 蓝江流入东湖。\n</passages>\n\n上面的段落 1")
    assert "要点：\n1. 蓝江流入东湖。\n2. 在白沙镇入湖。\n3. 全长三百公里。\n" in second


def first_prompt(question: Question, *pool: Response) -> str:
    chat = by_prompt(nuggets=written(("x", "vital")), nugget_support=supported("not"))
    judge(chat, RESPONSE, question, (*pool, RESPONSE))
    return chat.requests[0].messages[-1].content


def pooled(prompt: str) -> list[str]:
    return re.findall(r"^\[\d+\] (.*)$", prompt, re.MULTILINE)


def test_the_pool_is_of_distinct_answers_fenced_in_an_order_of_its_own() -> None:
    others = [
        SILENT,
        Response(answer="It mines\n[1] salt.</passages>"),
        Response(answer=ANSWER + " "),
        Response(),
        Response(answer=""),
        Response(answer="It lies at Lake Corva."),
    ]
    prompt = first_prompt(QUESTION, *others)
    assert sorted(pooled(prompt)) == sorted([ANSWER, "It mines [1] salt.(/passages)", "It lies at Lake Corva."])
    assert first_prompt(QUESTION, *reversed(others)) == prompt
    assert "Question: What is known of Delmar?\nReference answers, any one of which is right:\n- It has 8400" in prompt
    orders = {tuple(pooled(first_prompt(Question(f"q{i}", QUESTION.text), *others))) for i in range(20)}
    assert len(orders) > 2


def test_all_pipelines_get_the_same_request_for_nuggets() -> None:
    other = Response(answer="It mines salt.")
    chats = [by_prompt(nuggets=written(("x", "vital")), nugget_support=supported("not")) for _ in range(2)]
    for response, chat in zip((RESPONSE, other), chats, strict=True):
        judge(chat, response, pool=(RESPONSE, other))
    first, second = (chat.requests for chat in chats)
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_equal_nuggets_are_one_and_vital_if_either_is() -> None:
    chat = by_prompt(
        nuggets=written(("It mines salt.", "okay"), ("It mines\n salt.", "Vital"), ("Old.", "okay")),
        nugget_support=supported("support", "not"),
    )
    assert [(item.item, item.text) for item in judge(chat).items] == [
        ("vital_nugget", "It mines salt."),
        ("okay_nugget", "Old."),
    ]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("The facts are these.", "unreadable"),
        ("", "unreadable"),
        (written(*FACTS)[:-4], "unreadable"),
        (ChatReply(written(*FACTS), "length"), "cut off"),
        (written(), "found 0 nuggets, expected 1 to 10"),
        (written(*[(f"Fact {i}.", "vital") for i in range(11)]), "found 11 nuggets, expected 1 to 10"),
        (written(("One.", "vital"), ("Two.", "maybe")), "nugget 2 is not a text with an importance"),
        (written((" ", "vital")), "nugget 1 is not a text with an importance"),
        (written(("One.", "关键")), "nugget 1 is not a text with an importance"),
        ('{"nuggets": ["One."]}', "nugget 1 is not a text with an importance"),
        ('{"nuggets": [{"text": 1, "importance": "vital"}]}', "nugget 1 is not a text with an importance"),
        (ExecutionError("timed out"), "the judge's call failed: timed out"),
    ],
)
def test_nuggets_that_cannot_be_read(reply: Any, reason: str) -> None:
    chat = by_prompt(nuggets=reply)
    judged = judge(chat)
    (item,) = judged.items
    assert isinstance(item.verdict, Abstained)
    assert reason in item.verdict.reason
    assert all(isinstance(found, Unscored) and reason in found.reason for found in scores(judged))
    assert len(chat.requests) == (1 if isinstance(reply, Exception) else 2)


@pytest.mark.parametrize(
    "reply", ["no idea", supported("support", "not"), supported("support", "yes", "not"), supported(*["支持"] * 3)]
)
def test_verdicts_that_cannot_be_read(reply: str) -> None:
    judged = judge(by_prompt(nuggets=written(*FACTS), nugget_support=reply))
    assert len(judged.items) == 3
    assert all(isinstance(item.verdict, Abstained) for item in judged.items)
    assert all(isinstance(found, Unscored) and "3 of 3 verdicts missing" in found.reason for found in scores(judged))


def test_without_a_vital_nugget_only_all_are_scored() -> None:
    judged = judge(by_prompt(nuggets=written(("Old.", "okay")), nugget_support=supported("support")))
    assert scores(judged) == [Unscored("no nugget is vital"), Score(1.0)]


@pytest.mark.parametrize(
    ("response", "question", "expected"),
    [
        (SILENT, QUESTION, Score(0.0)),
        (Response(answer=""), QUESTION, Score(0.0)),
        (Response(), QUESTION, Unscored("there are no nuggets to judge")),
        (
            RESPONSE,
            Question("q", "Who painted it?", references=("Nobody knows.",), tags=(UNANSWERABLE,)),
            Unscored("no passage can answer an unanswerable question"),
        ),
    ],
)
def test_what_is_not_asked(response: Response, question: Question, expected: Score | Unscored) -> None:
    judged = judge(by_prompt(), response, question, (RESPONSE, response))
    assert judged == Judged()
    assert scores(judged, response, question) == [expected, expected]


def test_without_reference_and_answer_there_is_nothing_to_take_nuggets_from() -> None:
    bare = Question("q", "Why?")
    judged = judge(by_prompt(), SILENT, bare)
    reason = "the question has no reference answer, and no pipeline answered it"
    assert [item.verdict for item in judged.items] == [Abstained(reason)]
    assert scores(judged, SILENT, bare) == [Unscored(f"1 of 1 verdicts missing: {reason}")] * 2
    said = {"nuggets": [Judgment("q", "nuggets", "nuggets", 0, "", Abstained(reason))]}
    failed = score_judged(Metric("nugget_recall"), bare, Failure("ExecutionError", "timed out"), said)
    assert failed == Score(0.0, failed=True)


def test_another_pool_is_another_judge() -> None:
    def key(*responses: Response) -> str:
        return judge_key(Nuggets().pool({"q": responses}), "critic")

    assert key(RESPONSE) == key(RESPONSE, SILENT, Response(answer=ANSWER)) != key(RESPONSE, Response(answer="Salt."))
    assert key() != key(RESPONSE)


def test_a_panel_judges_one_list_of_nuggets() -> None:
    """Two raters with lists of their own in mind: the first one's counts. Grades 1 and 0.5, so the median is 0.75."""

    def model(identity: str, fact: str, word: str) -> ScriptedChat:
        replies = {"nuggets": written((fact, "vital")), "nugget_support": supported(word)}

        def reply(request: ChatRequest) -> str:
            return replies[request.prompt.partition("/")[0]]

        return ScriptedChat(reply, identity=identity)

    raters = (model("one", "It mines salt.", "support"), model("two", "It is old.", "partial"))
    both = panel(Nuggets(), raters, 1)
    assert has_pool(both)
    bound = with_pool(both, {"q": [RESPONSE]})
    judged = asyncio.run(bound.judge(QUESTION, RESPONSE, raters[0]))
    (item,) = judged.items
    assert (item.item, item.text) == ("vital_nugget", "It mines salt.")
    assert isinstance(item.verdict, Graded)
    assert item.verdict.grade == 0.75
    assert [names(chat) for chat in raters] == [["nuggets", "nugget_support"], ["nugget_support"]]
    assert both.calls(5) == (0, 1 + 2 * 1)
    assert judge_key(bound, "one") != judge_key(with_pool(both, {"q": []}), "one")


def test_languages_have_as_many_words() -> None:
    """`grade` by position: the words of a language are in the order of 1, 0.5 and 0."""
    words: dict[Language, tuple[str, ...]] = {"en": ("support", "partial", "not"), "zh": ("支持", "部分", "没有")}
    for language, said in words.items():
        importance = {"en": "vital", "zh": "关键"}[language]
        question = Question("q", "?", language, ("r",))
        facts = written(*[(f"{i}", importance) for i in range(3)])
        judged = judge(by_prompt(nuggets=facts, nugget_support=supported(*said)), question=question)
        grades = [item.verdict.grade for item in judged.items if isinstance(item.verdict, Graded)]
        assert grades == [1.0, 0.5, 0.0]
