"""What became of a question's evidence: read, split over passages, not found, or found too far down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.metrics.evidence_spans import Part, Span, joined, overlap, passage_span
from rageval.types import Response

Fate: TypeAlias = Literal["read", "ranked_too_low", "split_evidence", "not_retrieved"]

WIDEST_GAP = 2

_NEAREST_FIRST: tuple[Fate, ...] = ("read", "ranked_too_low", "split_evidence", "not_retrieved")
_WORST_FIRST: tuple[Fate, ...] = ("split_evidence", "not_retrieved", "ranked_too_low")


@dataclass(frozen=True, slots=True)
class Found:
    """The fate of a question's evidence, and the `share` of it that the generator read: the mean over its parts.

    `rank` counts passages from 1. Of evidence that is ranked too low it is the rank down to which a reader would have
    found all parts that are not read; of split evidence that of the first passage that holds a piece of it. It is None
    for evidence that was read or not retrieved.
    """

    fate: Fate
    rank: int | None
    share: float


@dataclass(frozen=True, slots=True)
class _OneFound:
    """The same of one alternative of a part."""

    fate: Fate
    rank: int
    share: float

    @property
    def order(self) -> tuple[int, float, int]:
        return _NEAREST_FIRST.index(self.fate), -self.share, self.rank


def find_spans(parts: Iterable[Part], response: Response) -> Found:
    """What became of evidence that labels mark in documents.

    A span was read if the passages of the context hold it whole, those joined that stand next to each other in the
    document (`read_spans`). Of a span that was not read, the first passage of the ranking that holds it whole by itself
    gives the rank; where there is none, and some passage holds a piece of it, it is split. The alternative of a part
    that came nearest counts for the part; of the parts that were not read, the first of split, not retrieved, ranked
    too low counts for the question. There must be a part.
    """
    wanted = {span.doc_id for part in parts for span in part}
    ranked = [
        (rank, passage_span(hit.passage)) for rank, hit in enumerate(response.hits, 1) if hit.passage.doc_id in wanted
    ]
    read = read_spans(response)
    return _of_parts([[_find_span(span, ranked, read) for span in part] for part in parts])


def find_documents(documents: Sequence[str], response: Response) -> Found:
    """The same where only documents are labelled: one passage of one of these documents suffices."""
    ranks = [rank for rank, hit in enumerate(response.hits, 1) if hit.passage.doc_id in documents]
    if any(passage.doc_id in documents for passage in response.context_passages):
        return Found("read", None, 1.0)
    return Found("ranked_too_low", ranks[0], 0.0) if ranks else Found("not_retrieved", None, 0.0)


def read_spans(response: Response) -> tuple[Span, ...]:
    """What the generator read, passages joined that touch, overlap or stand at most two characters apart: the white
    space that chunkers leave out between passages.
    """
    found: list[Span] = []
    for span in joined(map(passage_span, response.context_passages)):
        if found and found[-1].doc_id == span.doc_id and span.start - found[-1].end <= WIDEST_GAP:
            found[-1] = found[-1]._replace(end=span.end)
        else:
            found.append(span)
    return tuple(found)


def _of_parts(parts: Sequence[Sequence[_OneFound]]) -> Found:
    nearest = [min(part, key=lambda one: one.order) for part in parts]
    share = sum(one.share for one in nearest) / len(nearest)
    for fate in _WORST_FIRST:
        ranks = [one.rank for one in nearest if one.fate == fate]
        if ranks:
            at = {"ranked_too_low": max(ranks), "split_evidence": min(ranks)}.get(fate)
            return Found(fate, at, share)
    return Found("read", None, share)


def _find_span(span: Span, ranked: Sequence[tuple[int, Span]], read: Sequence[Span]) -> _OneFound:
    share = overlap(span, read) / span.length
    if share == 1.0:
        return _OneFound("read", 0, share)
    touching = [(rank, passage) for rank, passage in ranked if overlap(span, [passage])]
    for rank, passage in touching:
        if overlap(span, [passage]) == span.length:
            return _OneFound("ranked_too_low", rank, share)
    return _OneFound("split_evidence", touching[0][0], share) if touching else _OneFound("not_retrieved", 0, share)
