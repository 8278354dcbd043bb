"""One judge over many items at once, with what it said in a number and what that took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.judges.base import Judge, Judged
from rageval.judges.guard import guarded_judgment
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.wrapped import WrappedChat
from rageval.types import Abstained, Question, Response, Usage

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Opinion:
    """The judge's probability for an item, or why there is none, and what it cost."""

    probability: float | Abstained
    usage: Usage

    @property
    def is_yes(self) -> bool:
        return not isinstance(self.probability, Abstained) and self.probability >= 0.5

    @property
    def is_no(self) -> bool:
        return not isinstance(self.probability, Abstained) and self.probability < 0.5


def probability_of(judged: Judged, judge: str) -> float | Abstained:
    """The judge's probability for an item: that of the answer as a whole if the judge gives one, otherwise that of the
    least certain part.

    A verdict without a probability counts as its grade, 0 or 1. If any part has no verdict, the item has no
    probability. Raises DeclarationError for grades above 1, which are neither yes nor no.
    """
    if not judged.items:
        return Abstained("the judge found nothing to judge")
    least = 1.0
    for item in [item for item in judged.items if item.item == "answer"] or judged.items:
        verdict = item.verdict
        if isinstance(verdict, Abstained):
            return verdict
        probability = verdict.grade if verdict.probability is None else verdict.probability
        if not 0.0 <= probability <= 1.0:
            raise DeclarationError(
                f"{judge}: found the grade {probability:g} without a probability, expected a judge that says yes or no"
            )
        least = min(least, probability)
    return least


async def judge_all(
    cases: Sequence[tuple[Question, Response]], judge: Judge, chat: ChatModel, on_progress: OnProgress
) -> list[Opinion]:
    """The judge's opinion on each case, in order. As many cases run at once as the model takes calls."""
    opinions: dict[int, Opinion] = {}
    queue: Iterator[tuple[int, tuple[Question, Response]]] = iter(enumerate(cases))
    done = 0
    on_progress(done, len(cases))

    async def worker() -> None:
        nonlocal done
        for position, (question, response) in queue:
            judged = await guarded_judgment(judge, question, response, chat)
            opinions[position] = Opinion(probability_of(judged, judge.name), judged.usage)
            done += 1
            on_progress(done, len(cases))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(chat.concurrency, len(cases))):
                group.create_task(worker())
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    return [opinions[position] for position in range(len(cases))]


class TimedChat(WrappedChat):
    """A chat model that remembers when it was at work; replies from a cache do not count."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self._spans: list[tuple[float, float]] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        started = time.perf_counter()
        reply = await super().complete(request)
        if reply.usage.paid_calls:
            self._spans.append((started, time.perf_counter()))
        return reply

    def seconds(self) -> float:
        """How long at least one call was in flight: calls that wait side by side count once."""
        total, busy_until = 0.0, 0.0
        for start, end in sorted(self._spans):
            total += max(0.0, end - max(start, busy_until))
            busy_until = max(busy_until, end)
        return total
