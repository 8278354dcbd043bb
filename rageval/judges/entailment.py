"""Hallucination by a classifier or an NLI model: no chat model is asked, but a detector.

The packaged light judge is the detector, or what `models.judge` names: a GGUF or ONNX file, or an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from rageval.judges.asking import verdict_of
from rageval.judges.base import Item, Judged
from rageval.judges.claim_list import MOST_CLAIMS, stated
from rageval.judges.light.detectors import Detector, Light, Pair, shown_text
from rageval.models.base import ChatModel
from rageval.text import sentences
from rageval.types import Abstained, Graded, Json, Language, Question, Response, Usage, Verdict

_NO_CONTEXT = Graded(0.0, rationale="there is no context that could support it")


@dataclass(frozen=True)
class _ByDetector:
    """What both have in common: the context as the detector reads it is all that differs."""

    name: str
    summary: str
    detector: Detector = Light()
    prompts: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"detector": {**self.detector.settings}}

    def with_detector(self, detector: Detector) -> Self:
        return replace(self, detector=detector)

    async def _ask(
        self, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        return await self.detector.probabilities("faithfulness", pairs, language, chat)


@dataclass(frozen=True)
class AnswerEntailment(_ByDetector):
    """P(the passages of the context support the answer), of the answer as a whole."""

    name: str = "answer_entailment"
    summary: str = "Does a classifier find the answer as a whole supported by the context?"

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, self.detector.calls(1)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        texts = [shown_text(passage) for passage in response.context_passages]
        if not texts:
            return Judged((Item("answer", 0, response.answer, _NO_CONTEXT),))
        ((said,), usage) = await self._ask([(response.answer, texts)], question.language, chat)
        return Judged((Item("answer", 0, response.answer, _verdict(said)),), usage)


@dataclass(frozen=True)
class SentenceEntailment(_ByDetector):
    """P(a sentence of the passages entails the sentence), of each sentence of the answer: the highest over all
    sentences of the passages, each with its passage's title.

    Source: SummaC-ZS, Laban et al. 2022, arXiv 2111.09525. What follows only from two sentences together is not found.
    """

    name: str = "sentence_entailment"
    summary: str = "Does an NLI model find each sentence of the answer entailed by a sentence of the context?"

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, self.detector.calls(MOST_CLAIMS)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        said = list(dict.fromkeys(stated(response.answer))) or [response.answer]
        premises = [
            shown_text(replace(passage, text=passage.text[start:end]))
            for passage in response.context_passages
            for start, end in sentences(passage.text)
        ]
        verdicts: list[Verdict] = [_NO_CONTEXT] * len(said)
        usage = Usage()
        if premises:
            found, usage = await self._best(said, premises, question.language, chat)
            verdicts = [_verdict(one) for one in found]
        items = (Item("sentence", i, text, v) for i, (text, v) in enumerate(zip(said, verdicts, strict=True)))
        return Judged(tuple(items), usage)

    async def _best(
        self, said: Sequence[str], premises: Sequence[str], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        """The highest P of each sentence. A detector at an endpoint takes the best of several texts itself, in one
        call; others read one premise at a time.
        """
        if self.detector.calls(1):
            return await self._ask([(text, premises) for text in said], language, chat)
        pairs = [(text, [premise]) for text in said for premise in premises]
        found, usage = await self._ask(pairs, language, chat)
        n = len(premises)
        return [_highest(found[i * n : (i + 1) * n]) for i in range(len(said))], usage


def _highest(found: Sequence[float | Abstained]) -> float | Abstained:
    lost = next((one for one in found if isinstance(one, Abstained)), None)
    return lost or max(one for one in found if not isinstance(one, Abstained))


def _verdict(said: float | Abstained) -> Verdict:
    return said if isinstance(said, Abstained) else verdict_of(said)
