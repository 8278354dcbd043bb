"""Verdicts of the packaged model on one claim in English and the same one in Chinese, over `parity_items.jsonl`.

    python -m tests.flow.language_parity     # asks all 30 items in both languages and prints the figures; minutes

The items are hand-written in both languages: half the answers are supported by their passages, a quarter contradict
them, a quarter say what is not there.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.errors import ExecutionError
from rageval.judges.support import judge_support
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.cache import CachedChat
from rageval.models.local import LocalChat
from rageval.models.wrapped import WrappedChat
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Graded, Passage

Item = Mapping[str, Any]

ITEMS: list[Item] = [
    json.loads(line) for line in Path(__file__).with_name("parity_items.jsonl").read_text(encoding="utf-8").splitlines()
]
TEMPERATURE = 0.7  # of second draws in panels


class VerdictsAlone(WrappedChat):
    """Does not say which passage shows a claim: no verdict hangs on it, and it takes time."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.prompt.startswith("shown_by/"):
            raise ExecutionError("passages are left out")
        return await super().complete(request)


@dataclass(frozen=True)
class Parity:
    """P(supported) of each item in English and in Chinese."""

    items: Sequence[Item]
    en: Sequence[float]
    zh: Sequence[float]

    @property
    def across(self) -> int:
        """On how many items the languages agree."""
        return sum(is_yes(a) == is_yes(b) for a, b in zip(self.en, self.zh, strict=True))

    @property
    def within(self) -> float:
        """On how many items two draws in one language are expected to agree. This is known from P(yes) and needs no
        draw: one of thirty would be noise.
        """
        return sum(map(second_draw_agrees, [*self.en, *self.zh])) / 2

    @property
    def right(self) -> tuple[int, int]:
        labels = [item["supported"] for item in self.items]
        en, zh = (sum(is_yes(p) == label for p, label in zip(of, labels, strict=True)) for of in (self.en, self.zh))
        return en, zh

    def __str__(self) -> str:
        both = {item["id"]: (round(a, 2), round(b, 2)) for item, a, b in zip(self.items, self.en, self.zh, strict=True)}
        return (
            f"of {len(self.items)} items en and zh agree on {self.across}; two draws in one language are expected to "
            f"agree on {self.within:.1f}; right: {self.right[0]} in en, {self.right[1]} in zh; P(yes) in en and zh: "
            f"{both}"
        )


def is_yes(p: float) -> bool:
    return p >= 0.5


def second_draw_agrees(p: float) -> float:
    """The probability that a reply drawn at `TEMPERATURE` gives the likelier verdict again."""
    likelier, other = max(p, 1 - p) ** (1 / TEMPERATURE), min(p, 1 - p) ** (1 / TEMPERATURE)
    return likelier / (likelier + other)


def measured(items: Sequence[Item], cache: Path) -> Parity:
    """Ask the packaged model of these items in both languages."""
    return asyncio.run(_measured(items, cache))


async def _measured(items: Sequence[Item], cache: Path) -> Parity:
    chat = CachedChat(LocalChat(), cache)
    try:
        asked = VerdictsAlone(chat)
        en, zh = [[await _p_supported(item[language], language, asked) for item in items] for language in LANGUAGES]
        return Parity(items, en, zh)
    finally:
        await chat.close()


async def _p_supported(version: Mapping[str, Any], language: Language, chat: ChatModel) -> float:
    """Of the answer as one claim."""
    context = [(hit, Passage(f"d{hit}", 0, len(text), text)) for hit, text in enumerate(version["passages"])]
    (verdict,), _ = await judge_support([version["answer"]], context, language, chat)
    assert isinstance(verdict, Graded), verdict
    assert verdict.probability is not None
    return verdict.probability


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(measured(ITEMS, Path(folder) / "replies.sqlite"))
