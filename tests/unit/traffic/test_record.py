"""Records of a log: what they may call their fields, what they mean, and what is told of those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.traffic.fields import FieldNames, parse_field_names, read_feedback, read_time
from rageval.traffic.record import BadRecordError, LoggedAnswer, read_record
from rageval.types import Turn


def read(groups: tuple[str, ...] = (), names: FieldNames | None = None, **record: Any) -> LoggedAnswer:
    return read_record(record, names or FieldNames(), groups, "line-1")


@pytest.mark.parametrize("question", ["question", "query", "input", "prompt", "user_input"])
@pytest.mark.parametrize("answer", ["answer", "response", "output", "completion", "reply"])
def test_common_spellings(question: str, answer: str) -> None:
    found = read(**{question: "湖有多深？", answer: "四十米。"})
    assert (found.question.text, found.question.language, found.response.answer) == ("湖有多深？", "zh", "四十米。")
    assert found.id == "line-1"


@pytest.mark.parametrize(
    "passages",
    [
        ["The lake.", "The fish."],
        [{"text": "The lake."}, {"page_content": "The fish.", "metadata": {"source": "b"}}],
        [{"content": "The lake.", "id": "a", "score": 2}, "The fish."],
    ],
)
@pytest.mark.parametrize("key", ["passages", "contexts", "documents", "hits", "retrieved_contexts", "chunks"])
def test_passages(key: str, passages: list[Any]) -> None:
    found = read(question="How deep?", answer="40 m.", **{key: passages}).response
    assert [passage.text for passage in found.context_passages] == ["The lake.", "The fish."]


def test_one_context_is_a_passage_and_ids_and_scores_are_kept() -> None:
    assert [hit.passage.text for hit in read(question="?a", answer="", context="One.").response.hits] == ["One."]
    hit = read(question="?a", answer="", passages=[{"id": "lake", "text": "Deep.", "score": 3}]).response.hits[0]
    assert (hit.passage.doc_id, hit.score) == ("lake", 3.0)


def test_what_a_log_says_beside_it() -> None:
    found = read(
        ("model", "day", "language", "route", "meta.team"),
        id=7,
        question="How deep?",
        answer=None,
        model="m1",
        timestamp="2026-11-30T23:30:00-02:00",
        conversation_id="c1",
        latency_ms=1500,
        usage={"input_tokens": 12, "output_tokens": 3},
        cost=0.5,
        thumbs="👎",
        meta={"team": "ops"},
    )
    assert (found.id, found.day, found.session, found.latency_s) == ("7", "2026-12-01", "c1", 1.5)
    assert (found.usage, found.cost, found.feedback, found.response.answer) == ((12.0, 3.0), 0.5, 0.0, "")
    assert found.groups == {
        "model": "m1", "day": "2026-12-01", "language": "en", "route": "(none)", "meta.team": "ops",
    }  # fmt: skip


def test_conversations() -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Which lake?"},
        {"role": "assistant", "content": "Corva."},
        {"role": "user", "content": "How deep is it?"},
        {"role": "assistant", "content": "61 metres."},
    ]
    found = read(messages=messages)
    assert (found.question.text, found.response.answer) == ("How deep is it?", "61 metres.")
    assert found.question.history == (Turn("user", "Which lake?"), Turn("assistant", "Corva."))
    asked = read(input={"messages": messages[:4]}, output={"role": "assistant", "content": "It is 61 m."})
    assert (asked.question.text, asked.response.answer) == ("How deep is it?", "It is 61 m.")


def test_hops_join_the_passages_and_keep_their_places() -> None:
    hops = [
        {"query": "lake", "passages": [{"id": "a", "text": "A."}, {"id": "b", "text": "B."}]},
        {"query": "fish", "passages": [{"id": "b", "text": "B."}, {"id": "c", "text": "C."}]},
    ]
    found = read(question="?q", answer="", passages=[{"id": "b", "text": "B."}], hops=hops).response
    assert [hit.passage.doc_id for hit in found.hits] == ["b", "a", "c"]
    assert [step.detail["hits"] for step in found.steps] == [[1, 0], [0, 2]]
    assert [step.detail["query"] for step in found.steps] == ["lake", "fish"]


def test_own_names() -> None:
    names = parse_field_names(["question=payload.ask", "answer=out"])
    found = read((), names, payload={"ask": "Where?"}, out="There.", question="not this")
    assert (found.question.text, found.response.answer) == ("Where?", "There.")
    for given, told in (("question", "expected one such as"), ("anser=a", "did you mean answer"), ("id=", "such as")):
        with pytest.raises(DeclarationError, match=told):
            parse_field_names([given])


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"answer": "x"}, "found no question, expected one under question, query"),
        ({"question": " ", "answer": "x"}, "question: found an empty question"),
        ({"question": "q"}, "found no answer, expected one under answer, response"),
        ({"question": 3, "answer": "x"}, "question: found int, expected a text"),
        ({"question": "q", "answer": "x", "contexts": 4}, "contexts: found int, expected a list"),
        ({"question": "q", "answer": "x", "contexts": [{"score": 1}]}, "contexts: found a passage with neither"),
        ({"question": "q", "answer": "x", "time": "noon"}, "time: "),
        ({"question": "q", "answer": "x", "cost": -1}, "cost: found -1, expected a number of at least 0"),
        ({"question": "q", "answer": "x", "cost": float("nan")}, "cost: found nan"),
        ({"question": "q", "answer": "x", "feedback": 4}, "feedback: found 4, expected up or down"),
        ({"question": "q", "answer": "x", "abstained": "maybe"}, "abstained"),
        ({"question": "q", "answer": "x", "id": [1]}, "id is not a text"),
        ({"messages": [{"role": "assistant", "content": "hello"}]}, "no message by the user"),
    ],
)
def test_bad_records(record: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecordError) as raised:
        read(**record)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "value",
    ["2026-11-30T12:00:00Z", "2026-11-30 12:00", 1796040000, "1796040000.0", 1796040000000, 1796040000 * 10**9],
)
def test_times(value: object) -> None:
    assert read_time(value).isoformat(timespec="hours") == "2026-11-30T12+00:00"


def test_feedback_in_words() -> None:
    ups, downs = ("up", "👍", True, 1, "赞", "Positive"), ("down", "👎", False, 0, -1, "踩", "thumbs_down")
    assert {read_feedback(value) for value in ups} == {1.0}
    assert {read_feedback(value) for value in downs} == {0.0}
    assert read_feedback("") is None
