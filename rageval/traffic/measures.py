"""What is measured of every answer of a log without any model: abstention, length, passages, citations, cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rageval.metrics.definitions import AnswerMetric
from rageval.metrics.names import Metric
from rageval.pipeline.abstention import read_abstention
from rageval.pipeline.asking_back import asks_back
from rageval.text import count_tokens, take_citations
from rageval.traffic.record import LoggedAnswer
from rageval.types import Score

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of an answer; None where the log does not tell it. `share` says that it is 0 or 1."""

    name: str
    meaning: str
    value: Callable[[LoggedAnswer], float | None]
    share: bool = False


def _cites(answer: LoggedAnswer) -> float | None:
    hits = len(answer.response.hits)
    return float(bool(take_citations(answer.response.answer or "", hits)[1])) if hits else None


MEASURES: tuple[Measure, ...] = (
    Measure(
        "abstained",
        "1 if the answer says that it cannot answer",
        lambda one: float(bool(one.response.abstained)),
        share=True,
    ),
    Measure("asks_back", "1 if the answer asks what is meant", lambda one: float(asks_back(_said(one))), share=True),
    Measure("empty", "1 if the answer is empty", lambda one: float(not _said(one).strip()), share=True),
    Measure("cites", "1 if an answer with passages cites one of them, as in [1]", _cites, share=True),
    Measure("answer_tokens", "estimated tokens of the answer", lambda one: float(count_tokens(_said(one)))),
    Measure("passages", "passages that were read", lambda one: float(len(one.response.hits))),
    Measure("hops", "searches on the way", lambda one: float(len(one.response.steps)) or None),
    Measure("latency_s", "seconds, as logged", lambda one: one.latency_s),
    Measure("prompt_tokens", "tokens of prompts, as logged", lambda one: one.usage[0]),
    Measure("completion_tokens", "tokens written, as logged", lambda one: one.usage[1]),
    Measure("cost", "cost, as logged", lambda one: one.cost),
)
SHARES = frozenset(measure.name for measure in MEASURES if measure.share)
NAMES = frozenset(measure.name for measure in MEASURES)


def measure(answer: LoggedAnswer, metrics: tuple[Metric, ...]) -> tuple[dict[str, float], bool]:
    """The numbers of an answer by name: all measures that the log tells, and those of the `metrics` (which look at
    answers alone) that can be scored. Then whether its words leave open if it abstains; it counts as an answer then.
    """
    response = read_abstention(answer.response, (), answer.question.language)
    read = replace(answer, response=response)
    found = {one.name: value for one in MEASURES if (value := one.value(read)) is not None}
    for metric in metrics:
        definition = metric.definition
        assert isinstance(definition, AnswerMetric)
        score = definition.formula(answer.question, response)
        if isinstance(score, Score):
            found[str(metric)] = score.value
    return found, response.abstained is None


def _said(answer: LoggedAnswer) -> str:
    return answer.response.answer or ""
