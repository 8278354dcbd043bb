"""A panel: several raters take the place of one judge, and their verdicts are merged into one.

A rater is one chat model; each extra sample from a model is another rater.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, runtime_checkable

from rageval.errors import DeclarationError, ExecutionError
from rageval.judges import claim_list, nuggets
from rageval.judges.base import Configured, Item, Judge, JudgeBound, Judged, PooledJudge, asks_model, judge_bound
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.wrapped import WrappedChat
from rageval.pipeline import PromptSizes
from rageval.types import Abstained, Graded, Json, Question, Response, Usage, Verdict

_SAMPLE_TEMPERATURE = 0.7
_FIRST_SAMPLE = 10
_A_SECOND_ATTEMPT = 100
_ASKED_ONCE = (*claim_list.PROMPTS, nuggets.WRITING)

_Split: TypeAlias = dict[tuple[object, int], ChatReply | ExecutionError]
_Place: TypeAlias = tuple[str, int, str]


@runtime_checkable
class Splits(Protocol):
    """A judge that first splits texts into claims. At most `splits` of the calls in `calls` are for splitting."""

    @property
    def splits(self) -> int: ...


@runtime_checkable
class OnScale(Protocol):
    """A judge whose grades may lie on a scale with more steps than yes and no, so that grades can be close to each
    other.
    """

    @property
    def graded(self) -> bool: ...


@dataclass(frozen=True)
class Panel:
    """A judge whose verdicts are those of several raters together: `judge` by each of `models`, `samples` times.

    Texts are split into claims once, by the first model, so that all raters judge the same items; every other prompt
    goes to each rater. The first sample of a model is the plain request; further ones are drawn at temperature 0.7, and
    without alternatives to the tokens: those would be the same in every draw, and so would be the verdicts read from
    them.

    The verdict on an item is what a strict majority says of the raters that gave a grade, or their median grade where
    the judge grades on a scale; without either it is an abstention. `probability` is the mean over those raters,
    evidence and rationale are of the first that agrees, and `votes` keeps what each said.

    The panel asks its own models, and not the `chat` that it is given. `panel` makes one where one is needed.
    """

    inner: Judge
    models: tuple[ChatModel, ...]
    samples: int = 1

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def summary(self) -> str:
        return self.inner.summary

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.inner.prompts

    @property
    def settings(self) -> Mapping[str, Json]:
        settings: Mapping[str, Json] = self.inner.settings if isinstance(self.inner, Configured) else {}
        models: list[Json] = [model.identity for model in self.models]
        return {**settings, "panel": {"models": models, "samples": self.samples}}

    @property
    def raters(self) -> tuple[str, ...]:
        """What the raters are called, in the order of `votes`."""
        return tuple(
            f"{model.identity}, sample {sample + 1}" if self.samples > 1 else model.identity
            for model in self.models
            for sample in range(self.samples)
        )

    def calls(self, passages: int) -> tuple[int, int]:
        splits = self.inner.splits if isinstance(self.inner, Splits) else 0
        raters = len(self.models) * self.samples
        low, high = ((call - min(call, splits)) * raters + min(call, splits) for call in self.inner.calls(passages))
        return low, high

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        bound = judge_bound(self.inner, sizes)
        return JudgeBound(bound.each * (len(self.models) * self.samples), bound.once)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        split: _Split = {}
        said = [
            await self.inner.judge(question, response, _Rater(model, sample, self.models[0], split))
            for model in self.models
            for sample in range(self.samples)
        ]
        usage = sum((judged.usage for judged in said), Usage())
        return Judged(_merged([judged.items for judged in said], on_scale=on_scale(self.inner)), usage)


def panel(judge: Judge, models: Sequence[ChatModel], samples: int) -> Judge:
    """Returns the judge with these models as raters, or the judge itself if there is one rater or it asks no model.

    Raises DeclarationError for a repeated model: its replies would be identical, which is not agreement.
    """
    check_raters(models)
    return Panel(judge, tuple(models), samples) if len(models) * samples > 1 and asks_model(judge) else judge


def check_raters(models: Sequence[ChatModel]) -> None:
    """Raises DeclarationError where two models of a panel are the same one."""
    for identity, count in Counter(model.identity for model in models).items():
        if count > 1:
            raise DeclarationError(
                f"judge: found {identity} {count} times in a panel, expected models that differ: ask one for samples"
            )


def judging_model(judge: Judge, chat: ChatModel | None) -> str | None:
    """Describes who judges: the model's identity, or those of a panel; None for a judge that asks no model."""
    if isinstance(judge, Panel):
        several = f", {judge.samples} samples each" if judge.samples > 1 else ""
        return " + ".join(model.identity for model in judge.models) + several
    return chat.identity if chat is not None and asks_model(judge) else None


def has_pool(judge: Judge) -> bool:
    """Whether the judge (or the panel's judge) needs the answers of all systems before it judges one."""
    return isinstance(judge.inner if isinstance(judge, Panel) else judge, PooledJudge)


def with_pool(judge: Judge, responses: Mapping[str, Sequence[Response]]) -> Judge:
    """Returns the judge or panel with these responses (by question id) as its pool, or unchanged if it uses no pool."""
    if isinstance(judge, Panel):
        return replace(judge, inner=with_pool(judge.inner, responses))
    return judge.pool(responses) if isinstance(judge, PooledJudge) else judge


def on_scale(judge: Judge) -> bool:
    """Whether the judge's grades are more than yes and no."""
    return isinstance(judge, OnScale) and judge.graded


class _Rater(WrappedChat):
    """A chat model as one rater asks it; `split` holds the replies to the splitting of claims, shared by all raters."""

    def __init__(self, model: ChatModel, sample: int, first: ChatModel, split: _Split) -> None:
        super().__init__(model)
        self._sample = sample
        self._first = first
        self._split = split

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.prompt.partition("/")[0] in _ASKED_ONCE:
            return await self._complete_once(request)
        if self._sample:
            sample = _FIRST_SAMPLE + self._sample + _A_SECOND_ATTEMPT * request.sample
            request = replace(request, sample=sample, temperature=_SAMPLE_TEMPERATURE, top_logprobs=0)
        return await super().complete(request)

    async def _complete_once(self, request: ChatRequest) -> ChatReply:
        """Returns the first model's reply or raises its failure; later callers share it at no cost."""
        key = (request.messages, request.sample)
        known = self._split.get(key)
        if isinstance(known, ExecutionError):
            raise known
        if known is not None:
            return replace(known, usage=Usage())
        try:
            reply = await self._first.complete(request)
        except ExecutionError as error:
            self._split[key] = error
            raise
        self._split[key] = reply
        return reply


def _merged(said: Sequence[Sequence[Item]], *, on_scale: bool) -> tuple[Item, ...]:
    """Returns one item for each that any rater judged, in order of first appearance."""
    by_rater: list[dict[_Place, Verdict]] = [{(i.item, i.index, i.text): i.verdict for i in items} for items in said]
    places = dict.fromkeys(place for verdicts in by_rater for place in verdicts)
    return tuple(Item(*place, _verdict([verdicts.get(place) for verdicts in by_rater], on_scale)) for place in places)


def _verdict(verdicts: Sequence[Verdict | None], on_scale: bool) -> Verdict:
    """Merges the raters' verdicts; None stands for a rater that did not see the item."""
    graded = [verdict for verdict in verdicts if isinstance(verdict, Graded)]
    votes = tuple(verdict.grade if isinstance(verdict, Graded) else None for verdict in verdicts)
    if len(votes) == 1:
        votes = ()
    if not graded:
        return replace(next(verdict for verdict in verdicts if isinstance(verdict, Abstained)), votes=votes)
    grade = statistics.median(verdict.grade for verdict in graded) if on_scale else _majority(graded)
    if grade is None:
        counts = Counter(verdict.grade for verdict in graded)
        shown = ", ".join(f"{count} for {vote:g}" for vote, count in sorted(counts.items()))
        return Abstained(f"the panel has no majority: {shown}", votes=votes)
    probabilities = [verdict.probability for verdict in graded if verdict.probability is not None]
    agreeing = next((verdict for verdict in graded if verdict.grade == grade), Graded(grade))
    return replace(agreeing, probability=statistics.fmean(probabilities) if probabilities else None, votes=votes)


def _majority(graded: Sequence[Graded]) -> float | None:
    ((grade, count),) = Counter(verdict.grade for verdict in graded).most_common(1)
    return grade if 2 * count > len(graded) else None
