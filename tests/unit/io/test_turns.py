"""Turns of conversations: rageval's form, and the message lists of OpenAI and LangChain."""

from __future__ import annotations

import pytest

from rageval.io.turns import last_answer, read_turns, turns_to_json, up_to_question
from rageval.types import Turn

TURNS = (Turn("user", "东湖在哪里？"), Turn("assistant", "In the north."))


def test_rageval_s_own_form_round_trips() -> None:
    assert read_turns(turns_to_json(TURNS)) == TURNS
    assert read_turns([]) == ()


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "东湖在哪里？"}, {"role": "assistant", "content": "In the north."}],
        [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "东湖在哪里？"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "lake.md"},
            {"role": "assistant", "content": "In the north."},
        ],
        [
            {"type": "human", "data": {"content": "东湖在哪里？"}},
            {"type": "ai", "data": {"content": "In the north."}},
        ],
        [{"speaker": "user", "text": "东湖在哪里？"}, {"speaker": "agent", "text": "In the north."}],
    ],
    ids=["openai", "openai with parts and tools", "langchain", "mtrag"],
)
def test_messages_of_other_tools_are_read(messages: list[object]) -> None:
    assert read_turns(messages) == TURNS


def test_a_conversation_has_a_question_and_an_answer() -> None:
    assert up_to_question(TURNS) == TURNS[:1]
    assert last_answer(TURNS) == "In the north."
    assert up_to_question((*TURNS, TURNS[0])) == (*TURNS, TURNS[0])
    assert last_answer(TURNS[:1]) is None
    assert last_answer(()) is None
    with pytest.raises(ValueError, match="found no message by the user"):
        up_to_question(TURNS[1:])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Where?", "found str, expected a list of messages"),
        (["Where?"], "message 1: found str, expected an object"),
        ([{"role": "judge", "text": "x"}], "message 1: found the role 'judge', expected user or assistant"),
        ([{"role": "user", "text": "x"}, {"role": "user"}], "message 2: found no text"),
        ([{"role": "user", "content": 3}], "message 1: found no text"),
    ],
)
def test_anything_else_is_refused(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_turns(value)
