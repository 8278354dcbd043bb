"""A cascade in a run: a light judge decides the clear noes, a scripted model the rest, and every verdict says who."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rageval import evaluate
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.judges import ANSWER_RELEVANCE, CustomJudge, Judged, judge_key
from rageval.judges.base import Item
from rageval.judges.cascade import Cascade, decided_by_light
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import Abstained, Graded, Question, Response, Verdict
from tests.flow.small_world import scripted_reply, write_benchmark
from tests.unit.scripts import by_prompt, p_yes

QUESTION, RESPONSE = Question("q", "How deep is it?"), Response((), "It is salty.")


@dataclass(frozen=True)
class Light:
    """Says these verdicts of every answer, and asks nobody."""

    verdicts: tuple[Verdict, ...]
    name: str = "light"
    summary: str = "A light judge."
    prompts: tuple[str, ...] = ()

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 0

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return Judged(tuple(Item("answer", i, response.answer or "", v) for i, v in enumerate(self.verdicts)))


def judged(*verdicts: Verdict, threshold: float = 0.1) -> tuple[Judged, int]:
    """And how often the chat model was asked; it says yes."""
    chat = by_prompt(answer_relevance=[p_yes(0.9)])
    found = asyncio.run(Cascade(Light(verdicts), ANSWER_RELEVANCE, threshold).judge(QUESTION, RESPONSE, chat))
    return found, len(chat.requests)


def test_a_clear_no_costs_no_call_and_says_who_decided() -> None:
    found, asked = judged(Graded(0.0, 0.04))
    (item,) = found.items
    assert (asked, found.usage.calls) == (0, 0)
    assert item.verdict == Graded(0.0, 0.04, rationale="a clear no by light: P(yes) below 0.1")
    assert decided_by_light(item.verdict)


@pytest.mark.parametrize(
    "verdicts",
    [
        (Graded(0.0, 0.1),),
        (Graded(1.0, 0.99),),
        (Graded(0.0),),
        (Abstained("no words"),),
        (Graded(0.0, 0.04), Graded(0.0, 0.3)),
        (),
    ],
)
def test_everything_else_is_the_chat_judges(verdicts: tuple[Verdict, ...]) -> None:
    found, asked = judged(*verdicts)
    assert (asked, found.usage.calls, len(found.items)) == (1, 1, 1)
    assert found.items[0].verdict.grade == 1.0  # pyright: ignore[reportAttributeAccessIssue]
    assert not decided_by_light(found.items[0].verdict)


def test_threshold_and_light_judge_are_part_of_the_key() -> None:
    one = Cascade(Light((Graded(0.0, 0.04),)), ANSWER_RELEVANCE, 0.1)
    keys = {
        judge_key(judge, "m")
        for judge in (one, replace(one, threshold=0.2), replace(one, light=replace(one.light, name="other")), one.chat)  # type: ignore[type-var]
    }
    assert len(keys) == 4
    assert (one.name, one.calls(3)) == (ANSWER_RELEVANCE.name, (0, ANSWER_RELEVANCE.calls(3)[1]))
    for wrong in (0.0, 0.6):
        with pytest.raises(DeclarationError, match="more than 0 and at most"):
            replace(one, threshold=wrong)


class ByLength(CustomJudge):
    """An answer of few words is a clear no."""

    name = "custom.by_length"

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        short = question.id.startswith("en")
        return Judged((Item("answer", 0, response.answer or "", Graded(float(not short), 0.02 if short else 0.6)),))


class Filtered(CustomJudge):
    """Does the answer answer the question? Clear noes by a light judge."""

    name = "custom.filtered"
    prompts = ANSWER_RELEVANCE.prompts

    def __init__(self) -> None:
        self.cascade = Cascade(ByLength(), ANSWER_RELEVANCE, 0.1)

    def calls(self, passages: int) -> tuple[int, int]:
        return self.cascade.calls(passages)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return await self.cascade.judge(question, response, chat)


@pytest.mark.parametrize("garbage", [False, True])
def test_a_run_with_a_cascade(tmp_path: Path, garbage: bool) -> None:
    asked: list[str] = []

    def reply(request: ChatRequest) -> ChatReply | str | Any:
        if request.prompt.startswith("answer_relevance"):
            asked.append(request.prompt)
            if garbage:
                return "perhaps 7"
        return scripted_reply(request)

    benchmark = write_benchmark(tmp_path / "small")
    (run,) = evaluate(
        benchmark, [{"naive": {"k": 2}}], [Filtered()], chat=ScriptedChat(reply), embed=HashEmbedder(), out=tmp_path
    ).runs
    folder = RunFolder(run)
    (entry,) = folder.manifest()["judges"].values()
    said = {q: one.verdict for q, judgments in folder.judgments(entry["key"]).items() for one in judgments}
    light = {q for q, verdict in said.items() if decided_by_light(verdict)}
    assert light
    assert light == {q for q in said if q.startswith("en")}
    assert {isinstance(verdict, Abstained) for q, verdict in said.items() if q not in light} == {garbage}
    assert len(asked) == len(said.keys() - light) * (2 if garbage else 1)
    scores = json.loads((run / "scores.json").read_text("utf-8"))["custom.filtered"]["questions"]
    assert {scores[q] for q in light} == {0.0}
