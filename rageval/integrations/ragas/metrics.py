"""What a metric of RAGAS reads, asks for and is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from ragas.metrics.base import (
    Metric,
    MetricType,
    MetricWithEmbeddings,
    MetricWithLLM,
    SimpleBaseMetric,
    SingleTurnMetric,
)
from ragas.metrics.collections.base import BaseMetric

from rageval.identity import Describer
from rageval.types import Json

AnyMetric: TypeAlias = SingleTurnMetric | BaseMetric


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


def describe_metric(value: object, describer: Describer) -> Json | None:
    """The rule for a metric, without its models, and its prompts. What RAGAS's own hold counts by class and version."""
    match value:
        case Metric() | SimpleBaseMetric():
            held = {name: part for name, part in vars(value).items() if name not in ("llm", "embeddings")}
        case _ if hasattr(value, "instruction") and not isinstance(value, type):
            held = {part: getattr(value, part, None) for part in ("instruction", "examples", "language")}
        case _:
            return None
    with describer.vouching(type(value).__module__.startswith("ragas.")):
        return {**describer.class_of(value), "fields": describer.parts(held)}
