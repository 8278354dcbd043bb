"""Relevance of passages and of sentences, each in one call."""

import asyncio
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges import Judge, Judged, PassageGrade, PassageRelevance, SentenceRelevance
from rageval.judges.base import Item
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Hit, Passage, Question, Response, Usage
from tests.unit.scripts import by_prompt, names, numbered, verdict_table

QUESTION = Question("q", "What is k1?")
CHINESE = Question("q", "什么是倒排索引？", "zh")
JUDGES: list[Judge] = [PassageRelevance(), PassageGrade(), SentenceRelevance()]


def judge(instrument: Judge, response: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(instrument.judge(question, response, chat))


def test_passages_are_named_by_their_places_among_all_hits(answered: Any) -> None:
    """Hit 2 was read first and is [1]; hit 0 is [2]; hit 1 was not read."""
    chat = by_prompt(passage_relevance=verdict_table(0.25, 0.875))
    judged = judge(PassageRelevance(), answered(), chat)
    assert judged.items == (
        Item("passage", 2, "d2#0-18", Graded(0.0, 0.25)),
        Item("passage", 0, "d0#0-41", Graded(1.0, 0.875)),
    )
    assert judged.usage == Usage(calls=1)
    (request,) = chat.requests
    assert request.messages[-1].content.startswith(
        "<passages>\n[1] 向量检索是语义的。倒排索引是词法的。\n[2] BM25 is lexical. Its parameter k1 is 1.2.\n"
        "</passages>\n\nQuestion: What is k1?\n"
    )
    assert "An answer" not in request.messages[-1].content


def test_hard_verdicts_have_the_probability_of_their_word(answered: Any) -> None:
    chat = by_prompt(passage_relevance='{"2": "yes", "1": "no"}')
    assert [item.verdict for item in judge(PassageRelevance(), answered(), chat).items] == [
        Graded(0.0, 0.0),
        Graded(1.0, 1.0),
    ]


def test_a_soft_verdict_on_some_and_a_hard_one_on_others(answered: Any) -> None:
    """The probability goes before the word, and where there is none the word decides."""
    soft = verdict_table(0.75, 0.75)
    bare = tuple(t if t is not soft.tokens[4] else type(t)(t.text) for t in soft.tokens)
    assert soft.tokens[4].text == "yes"
    chat = by_prompt(passage_relevance=ChatReply(soft.text, tokens=bare))
    verdicts = [item.verdict for item in judge(PassageRelevance(), answered(), chat).items]
    assert verdicts == [Graded(1.0, 0.75), Graded(1.0, 1.0)]


def test_chinese(answered: Any) -> None:
    chat = by_prompt(
        passage_relevance=verdict_table(0.75, 0.125, language="zh"),
        passage_grade=numbered("31"),
        sentence_relevance=verdict_table(0.25, 0.75, 0.125, 0.25, language="zh"),
    )
    found = [[item.verdict for item in judge(instrument, answered(), chat, CHINESE).items] for instrument in JUDGES]
    assert found == [
        [Graded(1.0, 0.75), Graded(0.0, 0.125)],
        [Graded(3.0), Graded(1.0)],
        [Graded(0.0, 0.25), Graded(1.0, 0.75), Graded(0.0, 0.125), Graded(0.0, 0.25)],
    ]
    for request in chat.requests:
        assert "/zh@" in request.prompt
        assert "</passages>\n\n问题：什么是倒排索引？\n" in request.messages[-1].content


@pytest.mark.parametrize("word", ["0", "1", "2", "3"])
def test_grades_from_0_to_3_as_they_are(answered: Any, word: str) -> None:
    chat = by_prompt(passage_grade=numbered([word, "0"]))
    assert judge(PassageGrade(), answered(), chat).items == (
        Item("passage", 2, "d2#0-18", Graded(float(word))),
        Item("passage", 0, "d0#0-41", Graded(0.0)),
    )
    schema: Any = chat.requests[0].schema
    assert schema["properties"]["1"] == {"type": "string", "enum": ["0", "1", "2", "3"]}


@pytest.mark.parametrize(
    "values", [["4", "0"], ["-1", "0"], ["1.5", "0"], [1, 0], ["two", "0"], ["yes", "no"], ["", "0"]]
)
def test_no_other_grade(answered: Any, values: list[object]) -> None:
    items = judge(PassageGrade(), answered(), by_prompt(passage_grade=numbered(values))).items
    assert [type(item.verdict) for item in items] == [Abstained, Abstained]


def test_each_sentence_of_the_context(answered: Any) -> None:
    """They are shown as passages of their own and named by their places in the documents."""
    chat = by_prompt(sentence_relevance=verdict_table(0.25, 0.125, 0.0625, 0.75))
    judged = judge(SentenceRelevance(), answered(), chat)
    assert judged.items == (
        Item("sentence", 0, "d2#0-9", Graded(0.0, 0.25)),
        Item("sentence", 1, "d2#9-18", Graded(0.0, 0.125)),
        Item("sentence", 2, "d0#0-16", Graded(0.0, 0.0625)),
        Item("sentence", 3, "d0#17-41", Graded(1.0, 0.75)),
    )
    (request,) = chat.requests
    assert (
        "[2] 倒排索引是词法的。\n[3] BM25 is lexical.\n[4] Its parameter k1 is 1.2.\n" in request.messages[-1].content
    )


def long_response(*sentences_of_passages: int) -> Response:
    """Passages that begin at 1000, of so many sentences of ten characters each."""
    texts = ["".join(f"Line {i:03}. " for i in range(n)).strip() for n in sentences_of_passages]
    hits = tuple(Hit(Passage(f"d{i}", 1000, 1000 + len(text), text), 1.0) for i, text in enumerate(texts))
    return Response(hits, "An answer.", tuple(range(len(hits))))


@pytest.mark.parametrize(
    ("sizes", "parts"), [([40], [40]), ([41], [40, 1]), ([30, 30, 30], [40, 40, 10]), ([40, 40], [40, 40])]
)
def test_forty_sentences_a_call(sizes: list[int], parts: list[int]) -> None:
    """Only the last sentence of each call is needed; each call numbers its own from 1."""

    def last_alone(request: ChatRequest) -> ChatReply:
        schema: Any = request.schema
        return verdict_table(*[0.25] * (len(schema["required"]) - 1), 0.75)

    chat = by_prompt(sentence_relevance=last_alone)
    response = long_response(*sizes)
    judged = judge(SentenceRelevance(), response, chat)
    asked = [request.messages[-1].content for request in chat.requests]
    for n, text in zip(parts, asked, strict=True):
        assert f"every number from 1 to {n}:" in text
        assert f"[{n}] Line " in text
        assert f"[{n + 1}]" not in text
    assert [item.index for item in judged.items] == list(range(sum(sizes)))
    ends = {sum(parts[: i + 1]) - 1 for i in range(len(parts))}
    assert {item.index for item in judged.items if item.verdict == Graded(1.0, 0.75)} == ends
    assert judged.items[sizes[0] - 1].text == f"d0#{1000 + 10 * (sizes[0] - 1)}-{1000 + 10 * sizes[0] - 1}"
    assert judged.usage == Usage(calls=len(parts))


def test_sentences_of_a_part_that_cannot_be_read_are_lost_alone() -> None:
    def reply(request: ChatRequest) -> Any:
        schema: Any = request.schema
        return verdict_table(*[0.25] * 40) if len(schema["required"]) == 40 else ExecutionError("gone")

    verdicts = [
        item.verdict
        for item in judge(SentenceRelevance(), long_response(42), by_prompt(sentence_relevance=reply)).items
    ]
    assert verdicts == [Graded(0.0, 0.25)] * 40 + [Abstained("the judge's call failed: gone")] * 2


@pytest.mark.parametrize("instrument", JUDGES, ids=lambda judge: judge.name)
def test_what_cannot_be_read_is_an_abstention_on_each(answered: Any, instrument: Judge) -> None:
    chat = by_prompt(**{instrument.name: "Both do."})
    items = judge(instrument, answered(), chat).items
    n = 4 if instrument.name == "sentence_relevance" else 2
    assert [item.verdict for item in items] == [Abstained(f"the verdicts are unreadable, or not {n}", "Both do.")] * n
    assert len(chat.requests) == 2
    failing = by_prompt(**{instrument.name: ExecutionError("gone")})
    items = judge(instrument, answered(), failing).items
    assert [item.verdict for item in items] == [Abstained("the judge's call failed: gone")] * n


@pytest.mark.parametrize("instrument", JUDGES, ids=lambda judge: judge.name)
def test_the_context_is_judged_whatever_the_answer(answered: Any, instrument: Judge) -> None:
    word = "3" if instrument.name == "passage_grade" else "yes"
    reply = numbered([word] * (4 if instrument.name == "sentence_relevance" else 2))
    for response in (answered(None), answered("I do not know.", abstained=True), answered("")):
        chat = by_prompt(**{instrument.name: reply})
        assert all(isinstance(item.verdict, Graded) for item in judge(instrument, response, chat).items)
        assert names(chat) == [instrument.name]
        low, high = instrument.calls(passages=2)
        assert low <= len(chat.requests) <= high


@pytest.mark.parametrize("instrument", JUDGES, ids=lambda judge: judge.name)
def test_no_context_costs_nothing(answered: Any, instrument: Judge) -> None:
    assert judge(instrument, answered(context=()), by_prompt()) == Judged()
    assert instrument.calls(passages=0) == (0, 0)
