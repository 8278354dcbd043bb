"""A judge that asks the model once per item, and items made to measure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from rageval.judges.asking import UnreadableReplyError, ask, verdict_of
from rageval.judges.base import Item, Judged
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Message
from rageval.models.structured import yes_probability
from rageval.people.items import LabelFile, LabelledItem
from rageval.scores.human_labels import HumanLabel
from rageval.types import Graded, Hit, Passage, Question, Response
from tests.flow.judged_run import JudgedRun


@dataclass(frozen=True)
class OneQuestion:
    """Shows the model passages and answer; nothing to judge where the answer is empty."""

    name: str = "one_question"
    summary: str = "Is it so?"
    prompts: tuple[str, ...] = ("answer_relevance",)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if not response.answer:
            return Judged()
        words = "\n".join([*(passage.text for passage in response.context_passages), response.answer])
        request = ChatRequest((Message("user", words),), "one/en@1", max_tokens=1, top_logprobs=20)
        verdict, usage = await ask(chat, request, _read)
        return Judged((Item("answer", 0, response.answer, verdict),), usage)


def _read(reply: ChatReply) -> Graded:
    probability = yes_probability(reply)
    if probability is None:
        raise UnreadableReplyError("neither yes nor no")
    return verdict_of(probability)


@pytest.fixture
def judge() -> OneQuestion:
    return OneQuestion()


def item(identity: str, label: int, answer: str = "An answer.", *passages: str, language: str = "en") -> LabelledItem:
    hits = tuple(Hit(Passage(f"{identity}/{i}", 0, len(text), text), 0.0) for i, text in enumerate(passages))
    question = Question(identity, "Is it so?", "zh" if language == "zh" else "en")
    return LabelledItem(question, Response(hits, answer, tuple(range(len(hits)))), HumanLabel(identity, label))


def label_file(*items: LabelledItem) -> LabelFile:
    return LabelFile("labels.jsonl", "ab" * 32, items)


WriteItems: TypeAlias = Callable[..., Path]


@pytest.fixture
def write_items(tmp_path: Path) -> WriteItems:
    """Write objects (or lines as they are) to `labels.jsonl`."""

    def write(*lines: Mapping[str, object] | str) -> Path:
        path = tmp_path / "labels.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(tmp_path: Path) -> JudgedRun:
    """Forty questions on answer relevance, judged with errors; two failed, three have no score."""
    return JudgedRun(tmp_path / "lakes", 40, failed=2, unscored=3)
