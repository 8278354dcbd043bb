"""Metrics of the user's own, in Python."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsFloat

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.metrics.names import CUSTOM_METRIC, names_custom_metric
from rageval.metrics.verdicts import NO_ANSWER, NO_LABELS, NO_REFERENCE
from rageval.types import Failure, Question, Response, Score, Unscored

_LONGEST_REASON = 300
_ROUNDING = 1e-9


class CustomMetric(ABC):
    """A metric of your own: a subclass with a name and `score`. It calls no model; for that write a `CustomJudge`.

        class Brevity(CustomMetric):
            '''Words of the answer: best none, worst 100 or more.'''

            name = "metric.brevity"
            worst, best = 100, 0

            def score(self, question, response, grades):
                return min(100, len(response.answer.split()))

    `score` gets one question, its response, and the question's relevance labels as grades by document id. It returns a
    number from `worst` to `best`, in either order, or `Unscored(reason)` where the metric has nothing to say. rageval
    stores (number - worst) / (best - worst), so that all scores run from 0 (worst) to 1 (best).

    A number outside that range, one that is not finite, and anything that `score` raises make the question unscored,
    with the reason. A failed question scores 0. Questions without a reference answer are unscored where
    `needs_reference`, and those without relevance labels where `needs_labels`. Where `reads_answers` is False, no
    answers are generated for the metric; else a question without an answer is unscored.
    """

    name: str
    worst: float = 0.0
    best: float = 1.0
    reads_answers: bool = True
    needs_reference: bool = False
    needs_labels: bool = False

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (type(self).__doc__ or self.name).strip().split("\n", 1)[0]

    @abstractmethod
    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float | Unscored: ...


@dataclass(frozen=True)
class OwnMetric:
    """A `CustomMetric` with the `key` that identifies it. Scores stored under a different key belong to a different
    metric.
    """

    metric: CustomMetric
    key: str

    @property
    def name(self) -> str:
        return self.metric.name


def own_metric(metric: CustomMetric, file: str | None = None) -> OwnMetric:
    """Returns the metric, identified as `rageval.identity.describe` says; `file` is a digest of the files it was loaded
    from.
    """
    source = fingerprint({"metric": describe(metric, label=metric.name), "file": file})
    return OwnMetric(metric, f"{metric.name}-{source[:10]}")


def check_custom_metric(metric: CustomMetric, place: str) -> None:
    """Raises DeclarationError, which begins with the place, where the metric's declaration is wrong."""
    name: object = getattr(metric, "name", None)
    if not isinstance(name, str) or not names_custom_metric(name):
        raise DeclarationError(
            f"{place}: found {name!r} as the name of a {type(metric).__name__}, expected {CUSTOM_METRIC} with "
            f"lower-case letters, digits and _, such as {CUSTOM_METRIC}brevity"
        )
    ends = (metric.worst, metric.best)
    if not all(_number(end) is not None for end in ends) or metric.worst == metric.best:
        raise DeclarationError(
            f"{place}: {name}: found worst {metric.worst!r} and best {metric.best!r}, expected two finite numbers that "
            "differ"
        )
    if inspect.iscoroutinefunction(metric.score):
        raise DeclarationError(f"{place}: {name}: found `async def score`, expected a plain `def score`")


def score_custom(
    metric: CustomMetric, question: Question, outcome: Response | Failure, grades: Mapping[str, int]
) -> Score | Unscored:
    """One question's score, from 0 to 1, or the reason why there is none; see `CustomMetric`."""
    if metric.needs_labels and not grades:
        return NO_LABELS
    if metric.needs_reference and not question.references:
        return Unscored(NO_REFERENCE)
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if metric.reads_answers and outcome.answer is None:
        return Unscored(NO_ANSWER)
    try:
        found: object = metric.score(question, outcome, grades)
        number = _number(found)
    except Exception as error:  # noqa: BLE001 (code of the user's own may raise anything)
        return _unscored(f"{type(error).__name__}: {error}")
    if isinstance(found, Unscored):
        return _unscored(str(found.reason))
    low, high = sorted((metric.worst, metric.best))
    if number is None or not low - _ROUNDING <= number <= high + _ROUNDING:
        return _unscored(f"found {found!r}, expected a number from {low:g} to {high:g}, or Unscored")
    share = (number - metric.worst) / (metric.best - metric.worst)
    return Score(min(1.0, max(0.0, share)))


def _number(value: object) -> float | None:
    """Returns the value as a float, or None if it is not a finite number."""
    number = float(value) if isinstance(value, SupportsFloat) else math.nan
    return number if math.isfinite(number) else None


def _unscored(reason: str) -> Unscored:
    return Unscored(" ".join(reason.split())[:_LONGEST_REASON] or "no reason was given")
