"""How many of people's labels a metric needs, and what a sample of them gives."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.decide.spread import LabelSpread, Spread
from rageval.stats import label_half_width, required_labels
from rageval.types import Json

# Judge and people: labels alone, then what real judges reach (docs/planning.md).
CORRELATIONS = (0.0, 0.3, 0.6)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """With a judge that correlates so with people: the labels that give a mean ± the half width, and the half width
    that the sample gives; and the same for a difference, in questions on which both systems' answers are labelled. None
    where all questions are too few.
    """

    correlation: float
    labels: int | None
    half_width: float | None
    difference_questions: int | None
    difference_half_width: float | None

    def to_json(self) -> dict[str, Json]:
        return {
            "correlation": self.correlation,
            "labels": self.labels,
            "half_width": self.half_width,
            "difference_questions": self.difference_questions,
            "difference_half_width": self.difference_half_width,
        }


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """The labels of one judged metric over `items` questions. `rows` are by correlation; `sd` is that of the
    differences.
    """

    metric: str
    spread: LabelSpread
    items: int
    sd: float
    half_width: float
    difference: float
    sample: int
    rows: tuple[LabelRow, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "labels": self.spread.to_json(),
            "items": self.items,
            "half_width": self.half_width,
            "difference_half_width": self.difference,
            "sample": self.sample,
            "rows": [row.to_json() for row in self.rows],
        }


def plan_labels(
    spread: Spread, items: int, *, half_width: float, difference: float, sample: int, correlation: float | None
) -> LabelPlan:
    """The labels of a metric over `items` questions: for a mean ± `half_width`, a difference ± `difference`, and from a
    `sample` of so many. `correlation` states that of judge and people; else the one that labels show counts, or else
    several are shown.
    """
    people = spread.labels
    stated = people.correlation if correlation is None else correlation
    shown = CORRELATIONS if stated is None else (0.0, abs(stated))
    rows = [
        LabelRow(
            one,
            _labels(half_width, people.sd, one, items, people.mean, 0.0),
            _half_width(sample, people.sd, one, items, people.mean, 0.0),
            _labels(difference, spread.sd, one, items, 0.0, -1.0),
            _half_width(sample, spread.sd, one, items, 0.0, -1.0),
        )
        for one in shown
    ]
    return LabelPlan(str(spread.metric), people, items, spread.sd, half_width, difference, sample, tuple(rows))


def _labels(half_width: float, sd: float, correlation: float, items: int, mean: float, low: float) -> int | None:
    try:
        return required_labels(half_width, sd, correlation=correlation, items=items, mean=mean, low=low)
    except ValueError:  # more than there are questions
        return None


def _half_width(sample: int, sd: float, correlation: float, items: int, mean: float, low: float) -> float | None:
    if sample > items:
        return None
    return label_half_width(sample, sd, correlation=correlation, items=items, mean=mean, low=low)
