"""Was the context enough, and what became of the answer? Sufficient or not, crossed with right, wrong and refused.

Source: Joren et al. 2024, arXiv 2411.06037.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from rageval.metrics import parse
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval
from rageval.stats.shares import simultaneous_shares
from rageval.types import Json

Became: TypeAlias = Literal["right", "wrong", "refused"]

BECAME: tuple[Became, ...] = get_args(Became)
_METRIC = "sufficient_context"
_ENOUGH_FROM = 0.5
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class ContextRow:
    """The questions whose context was enough, or was not: how many there are, and of each kind of answer the count and
    its share of the row.
    """

    sufficient: bool
    questions: int
    counts: tuple[int, ...]
    shares: tuple[Interval, ...]

    @property
    def name(self) -> str:
        return "sufficient" if self.sufficient else "not sufficient"

    def to_json(self) -> dict[str, Json]:
        cells = zip(BECAME, self.counts, self.shares, strict=True)
        return {
            "context": self.name,
            "questions": self.questions,
            **{became: {"questions": count, "share": interval_to_json(share)} for became, count, share in cells},
        }


@dataclass(frozen=True, slots=True)
class ContextTable:
    """Both rows, a row without questions left out. The intervals of all cells hold together with 95% or more: those of
    a row are simultaneous at 1 - 0.05 / rows. `unknown` questions have no verdict on the context, or it is not known
    whether their answer is right.
    """

    metric: str
    rows: tuple[ContextRow, ...]
    unknown: int

    def to_json(self) -> dict[str, Json]:
        return {"metric": self.metric, "rows": [row.to_json() for row in self.rows], "unknown": self.unknown}


def context_table(scores: Mapping[str, Any], became: Mapping[str, Became | None]) -> ContextTable | None:
    """The table of a run with these scores by metric; None where none of them is `sufficient_context`. `became` says by
    question id what its answer was, None where that is not known.
    """
    name = next((name for name in scores if parse(name).name == _METRIC), None)
    if name is None:
        return None
    enough: Mapping[str, float] = scores[name]["questions"]
    counted = Counter(
        (enough[question] >= _ENOUGH_FROM, kind)
        for question, kind in became.items()
        if kind is not None and question in enough and question not in scores[name]["failed"]
    )
    rows = [(sufficient, [counted[sufficient, kind] for kind in BECAME]) for sufficient in (True, False)]
    kept = [(sufficient, counts) for sufficient, counts in rows if any(counts)]
    return ContextTable(
        name,
        tuple(_row(sufficient, counts, 1.0 - (1.0 - _LEVEL) / len(kept)) for sufficient, counts in kept),
        len(became) - counted.total(),
    )


def _row(sufficient: bool, counts: Sequence[int], level: float) -> ContextRow:
    return ContextRow(sufficient, sum(counts), tuple(counts), simultaneous_shares(counts, level=level))
