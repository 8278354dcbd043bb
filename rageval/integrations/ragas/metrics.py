"""What a metric of RAGAS reads, asks for and is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias, cast

import pydantic
from ragas.metrics.base import (
    Metric,
    MetricType,
    MetricWithEmbeddings,
    MetricWithLLM,
    SimpleBaseMetric,
    SingleTurnMetric,
)
from ragas.metrics.collections.base import BaseMetric

from rageval.identity import class_source
from rageval.types import Json

AnyMetric: TypeAlias = SingleTurnMetric | BaseMetric


def own_source(kind: type) -> str:
    """The source of a class of the user's own; RAGAS's are told by its version."""
    if kind.__module__.startswith("ragas."):
        return ""
    return class_source(kind, Metric if issubclass(kind, Metric) else SimpleBaseMetric)


def columns_of(metric: AnyMetric) -> tuple[set[str], set[str]]:
    """The fields of a sample that the metric needs, and those that it reads."""
    if isinstance(metric, SingleTurnMetric):
        turn = MetricType.SINGLE_TURN.name
        needed = metric.required_columns.get(turn, set())
        return {*needed}, {*metric.get_required_columns(with_optional=True).get(turn, set())}
    parameters = parameters_of(metric).values()
    return {p.name for p in parameters if p.default is p.empty}, {p.name for p in parameters}


def parameters_of(metric: Any) -> Mapping[str, inspect.Parameter]:
    """What a metric of collections is given."""
    return inspect.signature(metric.ascore).parameters


def reads_conversations(metric: AnyMetric) -> bool:
    """Whether a metric of collections wants messages, not texts."""
    if isinstance(metric, SingleTurnMetric):
        return False
    asked = parameters_of(metric).get("user_input")
    return asked is not None and "Message" in str(asked.annotation)


def asks_model(metric: AnyMetric) -> bool:
    """Whether the metric asks a chat model."""
    return hasattr(metric, "llm") if isinstance(metric, BaseMetric) else isinstance(metric, MetricWithLLM)


def compares_embeddings(metric: AnyMetric) -> bool:
    """Whether the metric asks an embedder."""
    if isinstance(metric, BaseMetric):
        return hasattr(metric, "embeddings")
    return isinstance(metric, MetricWithEmbeddings)


def own_scale(metric: AnyMetric) -> tuple[float, float]:
    """(worst, best) as the metric gives it, else (0, 1)."""
    match getattr(metric, "allowed_values", None):
        case (int() | float() as worst, int() | float() as best):
            return worst, best
        case _:
            return 0.0, 1.0


def plain_name(column: str) -> str:
    """Lower-case letters, digits and underscores alone."""
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def described(value: Any) -> Json:
    """What a metric is made of, its models aside, as far as that can be told the same way in every process."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.name
        case pydantic.BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return {str(key): described(held) for key, held in cast("Mapping[Any, Any]", value).items()}
        case list() | tuple():
            return [described(held) for held in cast("Sequence[Any]", value)]
        case set() | frozenset():
            return [*sorted(map(str, cast("set[Any]", value)))]
        case Metric() | SimpleBaseMetric():
            held = {key: described(one) for key, one in vars(value).items() if key not in ("llm", "embeddings")}
            return {"kind": _kind(value), **held}
        case _ if hasattr(value, "instruction"):
            parts = ("instruction", "examples", "language")
            return {"kind": _kind(value), **{part: described(getattr(value, part, None)) for part in parts}}
        case _:
            return _kind(value)


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
