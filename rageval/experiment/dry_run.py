"""What a run would ask of models. A dry run uses only the caches; it writes nothing and asks no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

from rageval.errors import STOPS_THE_RUN, RagevalError
from rageval.experiment.estimate import Bounds
from rageval.experiment.plan import Experiment
from rageval.experiment.run import OpenRun, open_run, resources_of
from rageval.judges import Judge, asks_model, has_pool
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Vectors
from rageval.models.cache import CachedChat
from rageval.models.vector_cache import CachedEmbedder
from rageval.models.wrapped import WrappedChat
from rageval.pipeline import Bound, IndexStore, Resources
from rageval.types import Failure, Question, Response


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one pipeline still has to do. A question that is asked several times counts as often.

    `done` questions are answered and judged on disk (or have failed), and the caches answer `cached` more. The
    remaining questions need models: at most `calls` chat calls, None if that number is unknown.
    """

    pipeline: str
    done: int
    cached: int
    open: int
    calls: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """The outlook for all pipelines. At least `calls` chat calls have to be made and `texts` texts embedded; what
    follows depends on the replies.
    """

    runs: tuple[DryRun, ...]
    calls: int
    texts: int


class _MissingError(RagevalError):
    """A reply or a vector that is not in the cache."""


@dataclass
class _Missing:
    """What was not in the caches: the keys of calls, and texts by kind."""

    calls: set[str] = field(default_factory=set[str])
    texts: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    times: int = 0

    def note(self) -> _MissingError:
        self.times += 1
        return _MissingError("not in the cache")


class _CacheOnlyChat(WrappedChat):
    def __init__(self, model: CachedChat, missing: _Missing) -> None:
        super().__init__(model)
        self._cache = model
        self._missing = missing

    async def complete(self, request: ChatRequest) -> ChatReply:
        reply = self._cache.find(request)
        if reply is None:
            self._missing.calls.add(self._cache.key(request))
            raise self._missing.note()
        return reply


class _CacheOnlyEmbedder:
    def __init__(self, embedder: CachedEmbedder, missing: _Missing) -> None:
        self._cache = embedder
        self._missing = missing

    @property
    def identity(self) -> str:
        return self._cache.identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        missing = self._cache.missing(texts, kind)
        if missing:
            self._missing.texts.update((kind, text) for text in missing)
            raise self._missing.note()
        return await self._cache.embed(texts, kind)

    async def close(self) -> None:
        return None


def dry_run(experiment: Experiment, out: Path, *, retry_failed: bool = False) -> Outlook:
    """Go through the experiment using only stored and cached results.

    The experiment's models are those that `plan` opens. The user's own functions and systems of other frameworks are
    not called: their questions count as open. Judges that wait for all answers count as asked for every question.
    """
    return experiment.run(_dry_run(experiment, out, retry_failed))


async def _dry_run(experiment: Experiment, out: Path, retry_failed: bool) -> Outlook:
    missing, models = _Missing(), experiment.models
    cached = replace(
        experiment.with_wrapped(
            lambda chat: _CacheOnlyChat(_cached(chat), missing), lambda embedder: _embedder(embedder, missing)
        ),
        raters=tuple(_CacheOnlyChat(_cached(rater), missing) for rater in experiment.raters),
    )
    documents = {document.id: document for document in experiment.benchmark.documents}
    resources = Resources(
        cached.benchmark.documents,
        labels=cached.benchmark.labels,
        chat=cached.chat,
        embedder=cached.embedder,
        indexes=IndexStore(out / "cache" / "indexes"),
        rankers=None if models is None else lambda service: _CacheOnlyChat(_cached(models.ranker(service)), missing),
        phrases=cached.phrases,
    )
    bounds = Bounds(experiment)
    found: list[DryRun] = []
    for pipeline in cached.pipelines:
        run = open_run(cached, pipeline, out, documents)
        run.read(retry_failed)
        found.append(await _go_through(cached, run, resources, missing, bounds))
    return Outlook(tuple(found), len(missing.calls), len(missing.texts))


async def _go_through(
    experiment: Experiment, run: OpenRun, resources: Resources, missing: _Missing, bounds: Bounds
) -> DryRun:
    done = cached = still_open = 0
    most, pipeline = Bound(), run.pipeline
    pooled = [judge for judge in experiment.judges if has_pool(judge)]
    for question, one in product(experiment.questions, run.repeats):
        if one.is_done(question.id):
            done += 1
            continue
        before = missing.times
        judges = [judge for judge in one.judges if question.id not in one.judgments[judge.name]]
        outcome = one.outcomes.get(question.id)
        if outcome is not None or not pipeline.stage.asks_outside():
            await _one(experiment, one, question, judges, resources_of(experiment, pipeline, resources, one.repeat))
            if missing.times == before:
                cached += 1
                continue
        still_open += 1
        if outcome is None:
            most += bounds.answering(pipeline, question)
        response = outcome if isinstance(outcome, Response) else None
        most += sum((bounds.judging(judge, pipeline, question, response) for judge in judges), Bound())
    if still_open:
        most += bounds.indexing(pipeline)
    for judge in pooled:
        asked = (bounds.judging(judge, pipeline, question) for question in experiment.questions)
        most += sum(asked, Bound()) * len(run.repeats)
    return DryRun(pipeline.label, done, cached, still_open, most.calls)


async def _one(
    experiment: Experiment, run: OpenRun, question: Question, judges: Sequence[Judge], resources: Resources
) -> None:
    """Answer and judge one question as far as the caches allow."""
    try:
        outcome = run.outcomes.get(question.id)
        if outcome is None:
            outcome = await run.pipeline.answer(question, resources, generate=experiment.generate)
        if isinstance(outcome, Failure):
            return
        for judge in judges:
            if asks_model(judge) and experiment.first_rater is not None:
                await judge.judge(question, outcome, experiment.first_rater)
    except STOPS_THE_RUN:
        raise
    except Exception:  # noqa: BLE001 (a reply that is not in the cache, or a failure of that question)
        return


def _embedder(embedder: Embedder, missing: _Missing) -> Embedder:
    assert isinstance(embedder, CachedEmbedder)
    return _CacheOnlyEmbedder(embedder, missing)


def _cached(model: ChatModel) -> CachedChat:
    assert isinstance(model, CachedChat)
    return model
