"""How likely a model finds a text that it is made to write."""

from __future__ import annotations

import json

import pytest

from rageval.models.base import ChatReply, Message, Token
from rageval.pipeline.likelihood import forced_request, forced_tokens, token_likelihoods
from rageval.text import count_tokens


def forced(*pieces: tuple[str, float]) -> ChatReply:
    """A reply of these tokens, each with its log-probability."""
    tokens = tuple(Token(text, ((text, logarithm), ("else", -20.0))) for text, logarithm in pieces)
    return ChatReply("".join(text for text, _ in pieces), tokens=tokens)


def test_where_each_token_begins_and_how_likely_it_is() -> None:
    reply = forced(('{"text": "', -9.0), ("The", -1.0), (" lake", -2.5), (".", -0.25), ('"}', -9.0))
    assert token_likelihoods(reply, "The lake.") == [(0, -1.0), (3, -2.5), (8, -0.25)]


def test_a_token_that_also_holds_what_stands_around() -> None:
    reply = forced(('{"text": "The', -1.0), (' lake."}', -2.0))
    assert token_likelihoods(reply, "The lake.") == [(0, -1.0), (3, -2.0)]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_characters_that_json_spells_with_several(ascii_only: bool) -> None:
    text = 'a"b\n湖𝄞.'
    inside = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    reply = forced(('{"text": "', 0.0), *((one, -1.0) for one in inside), ('"}', 0.0))
    found = token_likelihoods(reply, text)
    assert found is not None
    assert sorted({at for at, _ in found}) == [*range(len(text))]
    assert len(found) == len(inside)
    assert found[-1][0] == len(text) - 1


def test_a_token_beyond_the_alternatives_counts_as_the_last() -> None:
    reply = ChatReply('{"text": "x"}', tokens=(Token('{"text": "x"}', (("a", -1.0), ("b", -6.0))),))
    assert token_likelihoods(reply, "x") == [(0, -6.0)]


@pytest.mark.parametrize(
    "reply",
    [
        ChatReply('{"text": "x"}'),
        ChatReply("x"),
        ChatReply(""),
        forced(('{"text": "y"}', -1.0)),
        ChatReply('{"text": "x"}', tokens=(Token('{"text": "x'), Token('"}'))),
        ChatReply('{"text": "x"}', tokens=(Token('{"text": "x', (("x", float("-inf")),)), Token('"}'))),
    ],
)
def test_what_cannot_be_read(reply: ChatReply) -> None:
    assert token_likelihoods(reply, "x") is None


def test_nothing_but_the_text_fits_the_schema() -> None:
    request = forced_request([Message("user", "Write.")], "p/en@1", "蓝江。")
    assert request.schema is not None
    assert request.schema["properties"] == {"text": {"type": "string", "enum": ["蓝江。"]}}
    assert request.max_tokens == forced_tokens("蓝江。") == 4 * count_tokens("蓝江。") + 16
