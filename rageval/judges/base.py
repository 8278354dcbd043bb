"""A judge is an instrument: it looks at one question's response and writes judgments. Metrics read them later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rageval.identity import fingerprint
from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Bound, PromptSizes
from rageval.prompts import prompt_digests
from rageval.types import Json, Question, Response, Usage, Verdict


@dataclass(frozen=True, slots=True)
class Item:
    """One thing judged and the verdict on it; see `Judgment` for the words."""

    item: str
    index: int
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """All that one judge said about one response. No items where there was nothing to judge."""

    items: tuple[Item, ...] = ()
    usage: Usage = Usage()


class Judge(Protocol):
    """An instrument. `name` is what metrics ask for, `summary` its question in one line; `prompts` are part of its
    fingerprint.

    `calls` says how many model calls one response with `passages` passages takes if every reply can be used, at least
    and at most; `Bounded` counts second attempts too. `judge` never raises for a reply that it cannot use: that is an
    `Abstained` verdict.
    """

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def prompts(self) -> tuple[str, ...]: ...

    def calls(self, passages: int) -> tuple[int, int]: ...

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged: ...


@runtime_checkable
class Configured(Protocol):
    """A judge with settings beyond its name and prompts: `settings` describes them."""

    @property
    def settings(self) -> Mapping[str, Json]: ...


@runtime_checkable
class EmbeddingJudge(Protocol):
    """A judge that compares embeddings. `with_embedder` returns it with that embedder; without one it refuses."""

    def with_embedder(self, embedder: Embedder) -> Judge: ...


@runtime_checkable
class PooledJudge(Protocol):
    """A judge that needs the answers of all systems before it judges any of them. It runs once every system has
    answered.

    `pool` returns the judge that knows these responses, by question id. Different responses give a different key.
    """

    def pool(self, responses: Mapping[str, Sequence[Response]]) -> Judge: ...


@dataclass(frozen=True, slots=True)
class JudgeBound:
    """The most calls that judging one response takes, second attempts included: `each` by every rater of a panel,
    `once` for all of them together.
    """

    each: Bound = Bound()
    once: Bound = Bound()


@runtime_checkable
class Bounded(Protocol):
    """A judge that states an upper bound on its calls. For any other judge only `calls` is known."""

    def bound(self, sizes: PromptSizes) -> JudgeBound: ...


def judge_bound(judge: Judge, sizes: PromptSizes) -> JudgeBound:
    """Returns the most calls that judging a response of these sizes takes. For a custom judge, as far as it states
    them.
    """
    if isinstance(judge, Bounded):
        return judge.bound(sizes)
    calls = judge.calls(sizes.context.passages)[1]
    return JudgeBound(Bound(calls, None if calls else 0))


def asks_model(judge: Judge) -> bool:
    """Whether the judge ever calls a model."""
    return judge.calls(1)[1] > 0


def judge_key(judge: Judge, model: str | None) -> str:
    """Identifies the judge. Different prompts, settings or model (its identity, None for no model) give a different
    key.
    """
    made_of: dict[str, Json] = {"prompts": prompt_digests(judge.prompts), "model": model}
    if isinstance(judge, Configured):
        made_of["settings"] = {**judge.settings}
    return f"{judge.name}-{fingerprint(made_of)[:10]}"
