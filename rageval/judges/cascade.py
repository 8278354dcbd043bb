"""A cascade: a light judge decides the clear noes, a chat judge the rest.

The threshold comes from labels of people, which bound the agreement that it loses (`rageval.stats.cascade`). The yes
side is never decided by the light judge: judges of words alone are fooled there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.judges.base import Configured, Item, Judge, JudgeBound, Judged, judge_bound, judge_key
from rageval.judges.light.detectors import detector_of
from rageval.models.base import ChatModel
from rageval.pipeline import PromptSizes
from rageval.types import Graded, Json, Question, Response, Verdict

DECIDED = "a clear no by "


@dataclass(frozen=True)
class Cascade:
    """Verdicts of `chat`, but where `light` is sure that all of a response's items are a no: P(yes) of each is below
    `threshold`. Then the chat judge is not asked, and every verdict says so (`decided_by_light`). Where it is asked,
    all of the response's verdicts are its own, so no more is lost than the threshold's bound says.

    Both judge the same things, under the name of the chat judge. A light judge that abstains, gives no probability or
    has nothing to judge decides nothing. Raises DeclarationError for a threshold outside (0, 0.5].
    """

    light: Judge
    chat: Judge
    threshold: float

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 0.5:
            raise DeclarationError(
                f"cascade: found the threshold {self.threshold:g}, expected more than 0 and at most 0.5"
            )

    @property
    def name(self) -> str:
        return self.chat.name

    @property
    def first(self) -> str:
        """What tables call the light judge."""
        detector = detector_of(self.light)
        return self.light.name if detector is None else detector.name

    @property
    def summary(self) -> str:
        return self.chat.summary

    @property
    def prompts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.light.prompts, *self.chat.prompts)))

    @property
    def settings(self) -> Mapping[str, Json]:
        settings: Mapping[str, Json] = self.chat.settings if isinstance(self.chat, Configured) else {}
        return {**settings, "cascade": {"light": judge_key(self.light, None), "threshold": self.threshold}}

    def calls(self, passages: int) -> tuple[int, int]:
        light, chat = self.light.calls(passages), self.chat.calls(passages)
        return light[0], light[1] + chat[1]

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        light, chat = judge_bound(self.light, sizes), judge_bound(self.chat, sizes)
        return JudgeBound(light.each + chat.each, light.once + chat.once)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        first = await self.light.judge(question, response, chat)
        if first.items and all(self._is_clear(item.verdict) for item in first.items):
            return Judged(tuple(map(self._decided, first.items)), first.usage)
        rest = await self.chat.judge(question, response, chat)
        return replace(rest, usage=first.usage + rest.usage)

    def _is_clear(self, verdict: Verdict) -> bool:
        return isinstance(verdict, Graded) and verdict.probability is not None and verdict.probability < self.threshold

    def _decided(self, item: Item) -> Item:
        said = f"{DECIDED}{self.first}: P(yes) below {self.threshold:g}"
        graded = item.verdict if isinstance(item.verdict, Graded) else Graded(0.0)
        return replace(item, verdict=replace(graded, grade=0.0, rationale=said))


def decided_by_light(verdict: Verdict) -> bool:
    """Whether the light judge of a cascade gave that verdict, and no chat judge was asked."""
    return isinstance(verdict, Graded) and verdict.rationale.startswith(DECIDED)
