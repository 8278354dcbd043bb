"""The chat model as the teacher: shares of passages by how likely they make the expected answer."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.models.scripted import ScriptedChat
from rageval.retrieval.adapters import Examples, answer_likelihoods, taught_by_answers
from rageval.types import Passage, Question
from tests.unit.scripts import by_prompt, names

QUESTION = Question("q", "How high?", references=("2310 metres", "2.3 km"))
PASSAGES = [Passage(f"d{n}", 0, len(text), text) for n, text in enumerate(("It is 2310 metres.", "A lake.", "湖。"))]


def said(*logarithms: float, answer: tuple[str, ...] = ("2310", " metres")) -> ChatReply:
    """The answer as JSON, a token a piece, each with this log-probability and a likelier one beside it."""
    tokens = [
        Token('{"text', (("{", -9.0),)),
        Token('": "', (("x", -9.0),)),
        *(Token(text, (("other", -0.1), (text, p))) for text, p in zip(answer, logarithms, strict=True)),
        Token('"}', (('"', -9.0),)),
    ]
    return ChatReply("".join(token.text for token in tokens), tokens=tuple(tokens))


def by_passage(request: ChatRequest) -> ChatReply:
    """log P is -1 with the first passage, and -3 with others."""
    return said(-0.5, -0.5) if "2310 metres." in request.messages[-1].content else said(-1.0, -2.0)


def ask(chat: ScriptedChat, answer: str = "2310 metres") -> list[float | None]:
    return asyncio.run(answer_likelihoods(QUESTION, PASSAGES[:2], answer, chat))


def test_the_sum_over_the_tokens_of_the_answer_alone() -> None:
    chat = by_prompt(answer=by_passage)
    assert ask(chat) == pytest.approx([-1.0, -3.0])
    request = chat.requests[0]
    assert request.schema is not None
    assert request.schema["properties"] == {"text": {"type": "string", "enum": ["2310 metres"]}}
    assert request.top_logprobs == 20
    assert request.messages[-1].content.startswith("<passages>\n[1] It is 2310 metres.\n</passages>")


def test_a_token_beyond_the_alternatives_counts_as_the_last_of_them() -> None:
    reply = said(-0.5, -0.5)
    tokens = (*reply.tokens[:3], Token(" metres", (("a", -1.0), ("b", -6.0))), *reply.tokens[4:])
    assert ask(by_prompt(answer=ChatReply(reply.text, tokens=tokens))) == pytest.approx([-6.5, -6.5])


def test_an_answer_with_quotation_marks() -> None:
    reply = said(-1.0, -2.0, -4.0, answer=('say \\"', "no", '\\"'))
    assert ask(by_prompt(answer=reply), 'say "no"') == pytest.approx([-7.0, -7.0])


@pytest.mark.parametrize(
    "reply",
    [
        ChatReply('{"text": "2310 metres"}'),
        ChatReply("2310 metres"),
        ChatReply('{"text": "another"}', tokens=(Token('{"text": "another"}', (("x", -1.0),)),)),
        ChatReply('{"text": "2310 metres"}', tokens=(Token('{"text": "2310', (("x", -1.0),)), Token(" metres"))),
        ChatReply(""),
    ],
)
def test_no_log_probability_where_the_reply_is_another_or_has_none(reply: ChatReply) -> None:
    assert ask(by_prompt(answer=reply)) == [None, None]


def examples(*asked: Question) -> Examples:
    rows = np.eye(3, dtype=np.float32)
    targets = tuple({0: 1.0, 2: 0.0} for _ in asked)
    return Examples(asked, rows[: len(asked)], rows, targets, tuple(frozenset({0}) for _ in asked))


def test_the_shares_are_the_softmax_over_the_candidates() -> None:
    others = Question("open", "Why?"), Question("no", "Who?", references=("x",), tags=("unanswerable",))
    chat = by_prompt(answer=by_passage)
    taught = asyncio.run(taught_by_answers(examples(others[0], QUESTION, others[1]), PASSAGES, chat, temperature=2.0))
    assert taught.asked == (QUESTION,)
    np.testing.assert_array_equal(taught.questions, [[0, 1, 0]])
    share = 1 / (1 + math.exp(-(3.0 - 1.0) / 2.0))
    assert taught.targets == ({0: pytest.approx(share), 2: pytest.approx(1 - share)},)
    assert taught.relevant == (frozenset({0}),)
    assert names(chat) == ["answer"] * 2


def test_a_model_without_log_probabilities_is_told() -> None:
    chat = by_prompt(answer='{"text": "2310 metres"}')
    with pytest.raises(DeclarationError, match="scripted: found no log-probability of any expected answer"):
        asyncio.run(taught_by_answers(examples(QUESTION), PASSAGES, chat))
