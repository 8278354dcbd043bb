"""The stage that puts newer documents first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Resources, Shared, Stage, State
from rageval.pipeline.conditions import values_of

_RANK_CONSTANT = 60


@dataclass(frozen=True)
class _Ages:
    """The age of each document in days, counted from the newest; documents without a date are left out."""

    field: str

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> Mapping[str, int]:
        dates = {
            document.id: day
            for document in resources.documents
            for day in [_day(next(iter(values_of(document, self.field)), None))]
            if day is not None
        }
        if not dates:
            raise DeclarationError(f"field: found {self.field!r}, in which no document has a date such as 2024-05-01")
        newest = max(dates.values())
        return {name: (newest - day).days for name, day in dates.items()}


@dataclass(frozen=True)
class Recency(Stage):
    """Order the ranking by rank and by the age of the documents, which the `field` of their metadata tells.

    score = (1 - `weight`) * 61 / (60 + rank) + `weight` * 2^(-age / `half_life_days`), the age counted in days from the
    newest document of the corpus, so that the same run gives the same order on another day. A document without a date
    (2024, 2024-05, 2024-05-01 or what begins so) has no second term. As many passages are read as before. Source: Li
    and Croft 2003, time-based language models (an exponential prior), with ranks in place of likelihoods.
    """

    field: str = "date"
    half_life_days: float = 365.0
    weight: float = 0.3

    def __post_init__(self) -> None:
        if not self.half_life_days > 0.0:
            raise DeclarationError(f"half_life_days: found {self.half_life_days}, expected more than 0")
        if not 0.0 <= self.weight <= 1.0:
            raise DeclarationError(f"weight: found {self.weight}, expected 0 to 1")

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_Ages(self.field),)

    async def run(self, state: State, resources: Resources) -> State:
        ages = await resources.get(_Ages(self.field))
        scores: list[float] = []
        for rank, hit in enumerate(state.response.hits, start=1):
            age = ages.get(hit.passage.doc_id)
            fresh = 0.0 if age is None else 2.0 ** (-age / self.half_life_days)
            scores.append((1.0 - self.weight) * (_RANK_CONSTANT + 1) / (_RANK_CONSTANT + rank) + self.weight * fresh)
        order = [int(one) for one in np.argsort(-np.array(scores), kind="stable")]
        return state.with_first(order, len(state.response.context))


def _day(value: object) -> date | None:
    """The day, of a year or a month the first; None for what is no date."""
    parts = str(value)[:10].split("-") if isinstance(value, str | int) and not isinstance(value, bool) else []
    try:
        year, month, day = (*map(int, parts), *(1, 1)[len(parts) - 1 :])
        return date(year, month, day)
    except ValueError:
        return None
