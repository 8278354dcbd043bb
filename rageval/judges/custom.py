"""Judges of the user's own, in Python."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import SupportsFloat, cast

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.io.records import judgment_to_json
from rageval.judges.base import EmbeddingJudge, Item, Judged
from rageval.judges.guard import abstention_after
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder
from rageval.models.wrapped import MeteredChat
from rageval.types import Abstained, Graded, Json, Judgment, Question, Response, Verdict


class CustomJudge(ABC):
    """A judge of your own: a subclass with a name and `judge`. Its metric has the same name.

        class Brevity(CustomJudge):
            '''Is the answer short?'''

            name = "custom.brevity"

            async def judge(self, question, response, chat):
                return self.grade(len(response.answer.split()) < 30, response)

    `judge` sees only responses that have an answer and do not abstain; every response where `reads_answers` is False,
    for a judge that looks at passages alone. Grades run from 0 (worst) to 1 (best); the metric is the mean grade of the
    items that `judge` returns. If the judge cannot decide, return `Abstained` instead of `Graded`. A grade outside 0 to
    1, and anything that `judge` raises, is recorded as an abstention.

    A judge that asks a model must declare so in `calls`; for any other judge, `chat` refuses. The cost of calls is
    counted automatically. A judge that compares embeddings has a method `with_embedder`, see `EmbeddingJudge`.
    """

    name: str
    prompts: tuple[str, ...] = ()
    reads_answers: bool = True

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (type(self).__doc__ or self.name).strip().split("\n", 1)[0]

    def calls(self, passages: int) -> tuple[int, int]:
        """How many model calls an answer takes, at least and at most: none, unless a subclass says otherwise."""
        return 0, 0

    @abstractmethod
    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged: ...

    def grade(self, value: float, response: Response, rationale: str = "") -> Judged:
        """One verdict on the answer as a whole."""
        return Judged((Item("answer", 0, response.answer or "", Graded(value, rationale=rationale)),))


@dataclass(frozen=True)
class GuardedJudge:
    """A `CustomJudge` as rageval runs it: an error in it becomes an abstention with the reason, never a number.

    A model that cannot serve the run still stops it, and so do a spent budget and a call that the judge did not
    declare. `source` identifies the judge: a digest of its fields, its code and its file.
    """

    own: CustomJudge
    source: str

    @property
    def name(self) -> str:
        return self.own.name

    @property
    def summary(self) -> str:
        return self.own.summary

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.own.prompts

    @property
    def graded(self) -> bool:
        """True: its grades may be any number from 0 to 1."""
        return True

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"source": self.source}

    def calls(self, passages: int) -> tuple[int, int]:
        return self.own.calls(passages)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if self.own.reads_answers and (response.abstained or not response.answer):
            return Judged()
        metered = MeteredChat(chat)
        try:
            items = _checked(await self.own.judge(question, response, metered))
        except Exception as error:  # noqa: BLE001 (code of the user's own may raise anything)
            items = (Item("answer", 0, response.answer or "", abstention_after(error)),)
        return Judged(items, metered.usage)


@dataclass(frozen=True)
class GuardedEmbeddingJudge(GuardedJudge):
    """A `CustomJudge` that compares embeddings, with the embedder that the run gives it."""

    embedder: Embedder | None = None

    @property
    def settings(self) -> Mapping[str, Json]:
        return {**super().settings, "embedder": self.embedder.identity if self.embedder else None}

    def with_embedder(self, embedder: Embedder) -> GuardedEmbeddingJudge:
        own = cast("EmbeddingJudge", self.own).with_embedder(embedder)
        return replace(self, own=cast("CustomJudge", own), embedder=embedder)


def guarded(own: CustomJudge, file: str | None = None) -> GuardedJudge:
    """Returns the judge as rageval runs it, identified as `rageval.identity.describe` says.

    `file` is a digest of the files that the judge was loaded from, if any. A judge that holds an unreadable object (a
    client, an index) judges again in every process, unless it has a `version`.
    """
    source = fingerprint({"judge": describe(own, label=own.name), "file": file})
    return GuardedEmbeddingJudge(own, source) if isinstance(own, EmbeddingJudge) else GuardedJudge(own, source)


class NoChat:
    """Takes the place of the chat model for a judge that declares no calls: refuses every call."""

    def __init__(self, judge: str) -> None:
        self._judge = judge

    @property
    def identity(self) -> str:
        return "none"

    @property
    def concurrency(self) -> int:
        return 1

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise DeclarationError(
            f"{self._judge}: found a model call, expected none: say how many an answer takes at least and at most, "
            "as in `def calls(self, passages): return 0, 1`"
        )

    async def close(self) -> None:
        return None


def _checked(said: object) -> tuple[Item, ...]:
    """Returns the items if their verdicts can be counted and written; raises otherwise."""
    if not isinstance(said, Judged):
        raise TypeError(f"judge returned a {type(said).__name__}, expected Judged, which self.grade(...) makes")
    items = tuple(replace(item, verdict=_checked_verdict(item.verdict)) for item in said.items)
    written = [judgment_to_json(Judgment("", "", i.item, i.index, i.text, i.verdict)) for i in items]
    json.dumps(written, allow_nan=False)
    return items


def _checked_verdict(verdict: object) -> Verdict:
    if isinstance(verdict, Abstained):
        return verdict
    if not isinstance(verdict, Graded):
        raise TypeError(f"found a {type(verdict).__name__} as verdict, expected Graded or Abstained")
    grade = _share(verdict.grade)
    probability = None if verdict.probability is None else _share(verdict.probability)
    if grade is None or (probability is None and verdict.probability is not None):
        return Abstained(f"found grade {verdict.grade!r}, P {verdict.probability!r}, expected numbers from 0 to 1")
    return replace(verdict, grade=grade, probability=probability)


def _share(value: object) -> float | None:
    """Returns the value as a float, or None if it is not a number from 0 to 1."""
    number = float(value) if isinstance(value, SupportsFloat) else -1.0
    return number if 0.0 <= number <= 1.0 else None
