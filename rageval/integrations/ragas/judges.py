"""A metric of RAGAS as a judge."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import ragas
from ragas import SingleTurnSample
from ragas.metrics.base import Metric, ModeMetric, SimpleBaseMetric, SingleTurnMetric
from ragas.metrics.collections.base import BaseMetric

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.integrations.ragas.metrics import (
    AnyMetric,
    asks_model,
    columns_of,
    compares_embeddings,
    describe_metric,
    own_scale,
    plain_name,
    reads_conversations,
)
from rageval.integrations.ragas.models import ModelCalls, NewEmbedding, StructuredModel, UnreadError, value_of
from rageval.integrations.ragas.samples import sample_of
from rageval.judges import CustomJudge, Item, Judged
from rageval.metrics.names import CUSTOM
from rageval.models.base import ChatModel, Embedder
from rageval.types import Abstained, Graded, Json, Question, Response, Verdict

_MAX_TOKENS = 1024
_OF_RUNS = frozenset({"user_input", "response", "retrieved_contexts", "retrieved_context_ids", "reference"})
_ROUNDING = 1e-6


def judge(
    metric: type[Metric | SimpleBaseMetric] | AnyMetric,
    *,
    name: str | None = None,
    scale: tuple[float, float] | None = None,
    samples: Mapping[str, SingleTurnSample] | None = None,
    max_tokens: int = _MAX_TOKENS,
    **settings: Any,
) -> RagasJudge:
    """A single-turn metric of RAGAS as a judge of rageval's, for `metrics` of `rageval.evaluate` or a `.py` file there.

    `metric` is one of `ragas.metrics` or `ragas.metrics.collections`, or its class, which is made with `settings`:
    those of collections need no `llm` then. Whatever models it has, the run's judge model and embedder take their
    place. The metric is called `custom.` and `name`, or RAGAS's name. `scale` is (worst, best) of its values, which
    become grades from 0 to 1: what the metric says of itself, else (0, 1); (1, 0) where less is better. `samples`, by
    question id, hold what a run does not (`reference_contexts`, `rubrics`, …). Replies have `max_tokens` at most.

    A value that is NaN or off the scale, a reply that cannot be read and an error in the metric are abstentions, with
    the cause. Raises DeclarationError for a metric of several turns or of images, one that needs what is not there, and
    one where less is better without a `scale`.
    """
    built = _built(metric, settings)
    kind = type(built).__name__
    required, read = columns_of(built)
    missing = sorted(required - _OF_RUNS) if samples is None else []
    if missing:
        raise DeclarationError(
            f"{kind}: needs {missing[0]}, which no run holds: give samples={{question id: SingleTurnSample(...)}}"
        )
    if scale is None and "NoiseSensitivity" in kind:
        raise DeclarationError(f"{kind}: less is better, and grades go from worst to best: give scale=(1, 0)")
    worst, best = scale or own_scale(built)
    if worst == best or not math.isfinite(worst - best):
        raise DeclarationError(f"{kind}: scale: found {(worst, best)}, expected two different numbers")
    column = f"{built.name}(mode={built.mode})" if isinstance(built, ModeMetric) else built.name
    given: Mapping[str, SingleTurnSample] = samples if samples and read - _OF_RUNS else {}
    made_of: dict[str, Json] = {
        "ragas": ragas.__version__,
        "metric": describe(built, label=kind, rule=describe_metric),
        "samples": {question_id: sample.model_dump(mode="json") for question_id, sample in given.items()},
    }
    of_its_kind = RagasEmbeddingJudge if compares_embeddings(built) else RagasJudge
    return of_its_kind(
        CUSTOM + (name or plain_name(column)),
        column,
        fingerprint(made_of),
        (float(worst), float(best)),
        max_tokens,
        built,
        _Samples(given),
        reads_answers="response" in read,
    )


@dataclass(frozen=True, eq=False)
class RagasJudge(CustomJudge):
    """A metric of RAGAS as a judge; `judge` makes one. `column` is what RAGAS calls its values."""

    name: str
    column: str
    made_of: str
    scale: tuple[float, float]
    max_tokens: int
    metric: AnyMetric
    samples: _Samples
    reads_answers: bool = True
    embedder: Embedder | None = None

    def identity_fields(self) -> dict[str, object]:
        return {"column": self.column, "made_of": self.made_of, "scale": self.scale, "max_tokens": self.max_tokens}

    @property
    def summary(self) -> str:
        return f"{type(self.metric).__name__} of RAGAS {ragas.__version__}"

    def calls(self, passages: int) -> tuple[int, int]:
        """At most two for each passage and four more, or as many as the metric's `strictness`: no metric of 0.4.3 takes
        more; how many exactly, only the metric knows.
        """
        return 0, max(2 * passages + 4, getattr(self.metric, "strictness", 0)) if asks_model(self.metric) else 0

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        sample = sample_of(question, response, self.samples.by_question.get(question.id))
        missing = sorted(column for column in columns_of(self.metric)[0] if getattr(sample, column) is None)
        if missing:
            return self._judged(Abstained(f"the sample has no {missing[0]}"), response)
        line = ModelCalls(chat, self.embedder, asyncio.get_running_loop(), f"ragas/{self.column}", self.max_tokens)
        try:
            value, reason = await value_of(self.metric, sample, line)
        except UnreadError as error:
            return self._judged(error.problem, response)
        finally:
            if line.stopped is not None:  # the metric may have made something else of it, or nothing
                raise line.stopped
        return self._judged(self._verdict(value, reason, line.failed), response)

    def _verdict(self, value: object, reason: str, failed: str) -> Verdict:
        if isinstance(value, float) and math.isnan(value):
            return Abstained(f"RAGAS scored NaN: {failed or reason or 'it found nothing to score'}")
        worst, best = self.scale
        grade = (float(value) - worst) / (best - worst) if isinstance(value, int | float) else math.nan
        if not -_ROUNDING <= grade <= 1 + _ROUNDING:
            return Abstained(f"RAGAS scored {value!r}, expected {worst:g} to {best:g} (see `scale`)")
        return Graded(min(1.0, max(0.0, grade)), rationale=reason)

    def _judged(self, verdict: Verdict, response: Response) -> Judged:
        return Judged((Item("answer", 0, response.answer or "", verdict),))


@dataclass(frozen=True, eq=False)
class RagasEmbeddingJudge(RagasJudge):
    """A metric of RAGAS that compares embeddings, with the run's embedder."""

    def with_embedder(self, embedder: Embedder) -> RagasEmbeddingJudge:
        return replace(self, embedder=embedder)


@dataclass(frozen=True, slots=True)
class _Samples:
    by_question: Mapping[str, SingleTurnSample]


def _built(metric: Any, settings: Mapping[str, Any]) -> AnyMetric:
    """The metric, made where it is a class. Raises DeclarationError where rageval cannot be its judge."""
    if isinstance(metric, type):
        built = _made(cast("type[Any]", metric), settings)
    elif settings:
        raise DeclarationError(f"judge: found {sorted(settings)} beside a metric, expected its class: they make one")
    else:
        built = metric
    kind = type(built).__name__
    if not isinstance(built, SingleTurnMetric | BaseMetric):
        raise DeclarationError(
            f"judge: found a {kind}, expected a single-turn metric of ragas.metrics or ragas.metrics.collections"
        )
    if "MultiModal" in kind:
        raise DeclarationError(f"judge: found a {kind}, which looks at images, expected a metric of texts")
    unknown = sorted(columns_of(built)[0] - {*SingleTurnSample.model_fields})
    if unknown or reads_conversations(built):
        raise DeclarationError(f"judge: found a {kind}, which scores conversations, expected a single-turn metric")
    return built


def _made(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    taken = _settings(kind)
    unknown = sorted({*settings} - taken)
    if unknown:
        raise DeclarationError(f"{kind.__name__}: found {unknown[0]!r}, expected settings of {sorted(taken)}")
    places = {"llm": StructuredModel, "embeddings": NewEmbedding} if issubclass(kind, SimpleBaseMetric) else {}
    try:
        return kind(**{name: place() for name, place in places.items() if name in taken}, **settings)
    except (ImportError, TypeError, ValueError) as error:
        raise DeclarationError(f"{kind.__name__}: {error}") from None


def _settings(kind: type) -> set[str]:
    """What the class is made with; those of collections take anything and forget what they do not know."""
    made = [inspect.signature(one.__init__).parameters.values() for one in kind.__mro__ if "__init__" in vars(one)]
    return {p.name for parameters in made for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {
        "self"
    }
