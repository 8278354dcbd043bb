"""The judges, by name. `JUDGES` is what `rageval list judges` shows."""

from rageval.judges.base import Item, Judge, Judged
from rageval.judges.claim_support import ClaimSupport
from rageval.judges.relevance import AnswerRelevance, PassageRelevance

JUDGES: dict[str, Judge] = {judge.name: judge for judge in (ClaimSupport(), AnswerRelevance(), PassageRelevance())}

__all__ = ["JUDGES", "AnswerRelevance", "ClaimSupport", "Item", "Judge", "Judged", "PassageRelevance"]
