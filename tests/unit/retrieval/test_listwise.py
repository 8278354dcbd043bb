"""Passages ordered by the chat model, window by window."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, PromptSizes, Resources
from rageval.pipeline.sizes import CorpusSizes
from rageval.retrieval import Listwise, Rerank
from rageval.testing import check_reranker
from rageval.text import count_tokens
from rageval.types import Document, Passage, Question
from tests.unit.retrieval.test_rerank import names, run, state
from tests.unit.scripts import by_prompt

QUESTION = Question("q", "Which?")
NUMBERED = re.compile(r"^\[(\d+)\] (\w+)$", re.MULTILINE)


def sorting(request: ChatRequest) -> str:
    """Orders its window by the alphabet."""
    shown = NUMBERED.findall(request.messages[-1].content)
    return " > ".join(f"[{number}]" for number, _ in sorted(shown, key=lambda one: one[1]))


def shown(chat: ScriptedChat) -> list[str]:
    return ["".join(name for _, name in NUMBERED.findall(one.messages[-1].content)) for one in chat.requests]


def test_the_best_moves_through_all_windows_from_the_back() -> None:
    chat = by_prompt(order_passages=sorting)
    response = run(Rerank(Listwise(window=4, step=2), 3), state("hgfedcba", tuple(range(8))), chat)
    assert shown(chat) == ["dcba", "feab", "hgab"]
    assert names(response) == "abghefcd"
    assert response.context == (0, 1, 2)
    assert response.steps[-1].detail["scores"] == [5, 6, 3, 4, 1, 2, 7, 8]
    assert response.usage.calls == 3


def test_the_last_step_is_shorter_where_it_would_pass_the_front() -> None:
    chat = by_prompt(order_passages=sorting)
    assert names(run(Rerank(Listwise(window=4, step=3)), state("fedcba", tuple(range(6))), chat)) == "abefcd"
    assert shown(chat) == ["dcba", "feab"]


def test_what_a_reply_does_not_name_keeps_its_order_behind() -> None:
    chat = by_prompt(order_passages="[3] > [9] > [3]")
    response = run(Rerank(Listwise()), state("abcd", (0, 1, 2, 3)), chat)
    assert names(response) == "cabd"
    assert "unusable_replies" not in response.steps[-1].detail


@pytest.mark.parametrize("reply", ["", "None of them helps.", "[0] > [7]", "都没有帮助"])
def test_a_reply_that_cannot_be_used_changes_nothing_and_is_counted(reply: str) -> None:
    chat = by_prompt(order_passages=reply)
    response = run(Rerank(Listwise(window=3, step=2)), state("abcd", (0, 1, 2, 3)), chat)
    assert names(response) == "abcd"
    assert response.steps[-1].detail["unusable_replies"] == 2


def test_a_single_passage_asks_nobody_and_none_has_no_score() -> None:
    chat = by_prompt()
    assert names(run(Rerank(Listwise()), state("a", (0,)), chat)) == "a"
    assert run(Rerank(Listwise()), state("a", ()), chat).context == ()


def test_the_prompt_speaks_the_questions_language() -> None:
    chat = by_prompt(order_passages="[2] > [1]")
    question = Question("q", "东湖有多深？", language="zh")
    found = [Passage(f"d{n}", 0, 2, text) for n, text in enumerate(("青山", "东湖"))]
    assert asyncio.run(Listwise().score(question, found, Resources((), chat=chat))) == [1.0, 2.0]
    prompt = chat.requests[0].messages[-1].content
    assert prompt.startswith("<passages>\n[1] 青山\n[2] 东湖\n</passages>")
    assert "问题：东湖有多深？" in prompt
    assert "全部 2 个段落" in prompt


def test_calls_and_tokens_are_bounds() -> None:
    windows = Listwise(window=4, step=2)
    assert [windows.calls(n).high for n in (0, 1, 2, 4, 5, 6, 7, 8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert Rerank(windows, 3).calls(True, ContextSize(8, 9)) == Calls(0, 3)
    chat = by_prompt(order_passages=sorting)
    run(Rerank(windows), state("hgfedcba", tuple(range(8))), chat)
    sizes = PromptSizes("en", count_tokens("Which?"), (), CorpusSizes([Document("d", "a")]), ContextSize(8, 1))
    asked = sum(count_tokens(message.content) for one in chat.requests for message in one.messages)
    bound = windows.prompt_tokens(sizes)
    assert bound is not None
    assert asked <= bound <= asked + 3 * 20
    check_reranker(windows)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"window": 1}, "window: found 1, expected at least 2"),
        ({"step": 8}, "step: found 8, expected 1 to 7"),
        ({"step": 0}, "step: found 0, expected 1 to 7"),
    ],
)
def test_windows_that_cannot_be(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        Listwise(**settings)
