"""Evidence metrics: how much of the text that labels mark the first passages hold. A formula each, over all questions.

Definitions: Smith and Troynikov 2024 (Chroma), extended by alternatives. Sizes are numbers of characters. E is the
union of a question's spans; where spans are alternatives of one part, the one with the largest share covered by the
first k passages, of equal shares the shortest, then the first by document and start. `rageval.metrics.evidence` makes
`FoundEvidence` from passages and labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rageval.metrics.definitions import EvidenceMetric
from rageval.metrics.ranking_formulas import Floats, Ints, count_within, first_rows

NEVER = 2**53
"""The rank of what no passage holds: more than there can be, and exact as a float."""

_SIZE_BITS = 32
_SOURCE = "Smith and Troynikov 2024 (Chroma, Evaluating Chunking Strategies for Retrieval)"


class Sizes(NamedTuple):
    """Numbers of characters of each question: of E, of what the passages hold of E, and of all that is read."""

    evidence: Floats
    found: Floats
    read: Floats


@dataclass(frozen=True, eq=False)
class FoundEvidence:
    """The spans of evidence of all questions, and where their passages hold them.

    A piece is a stretch of evidence that no border of a span or of a passage divides: `piece_rank` is the rank of the
    first passage that holds it, from 1, or `NEVER`. `piece_home` numbers the pairs of question and document, and
    `home_question` says whose they are. Spans are ordered by question, document and start. `in_span` and `piece_in` are
    all pairs of a span and a piece in it; `part` has the same number for alternatives, and `span_rank` is the rank of
    the first passage that holds a span, or its first part where the span is longer than the passage. `read_before` is
    the number of characters of all passages before a row, one entry more than there are passages; those of a question
    are the rows from `first_passage` on, `passages` of them.
    """

    piece_home: Ints
    piece_length: Ints
    piece_rank: Ints
    home_question: Ints
    span_question: Ints
    span_length: Ints
    span_rank: Ints
    part: Ints
    in_span: Ints
    piece_in: Ints
    read_before: Ints
    first_passage: Ints
    passages: Ints
    _sizes: dict[int | None, Sizes] = field(default_factory=dict[int | None, Sizes], init=False, repr=False)
    _evidence: dict[int | None, NDArray[np.bool_]] = field(
        default_factory=dict[int | None, NDArray[np.bool_]], init=False, repr=False
    )

    def sizes(self, cutoff: int | None) -> Sizes:
        """The sizes within the first `cutoff` passages."""
        if cutoff not in self._sizes:
            lengths = np.where(self._is_evidence(cutoff), self.piece_length, 0)
            rows = self.passages if cutoff is None else np.minimum(self.passages, cutoff)
            self._sizes[cutoff] = Sizes(
                self._by_question(lengths),
                self._by_question(np.where(self._is_held(cutoff), lengths, 0)),
                (self.read_before[self.first_passage + rows] - self.read_before[self.first_passage]).astype(np.float64),
            )
        return self._sizes[cutoff]

    def holds_a_span(self, cutoff: int | None) -> NDArray[np.bool_]:
        """Whether the passages hold at least one span whole, alone or joined."""
        return np.bincount(self.span_question, self._held_of_spans(cutoff) == self.span_length, self.passages.size) > 0

    def first_rank(self) -> Floats:
        """The least `span_rank` of each question."""
        starts = np.flatnonzero(np.diff(self.span_question, prepend=-1))
        return np.minimum.reduceat(self.span_rank, starts).astype(np.float64)

    def gains(self, cutoff: int | None) -> Floats:
        """The discounted sum of the shares of E that each passage adds to those before it."""
        is_added = self._is_evidence(cutoff) & self._is_held(cutoff)
        gains = self.piece_length[is_added] / np.log2(self.piece_rank[is_added] + 1.0)
        total = np.bincount(self.home_question[self.piece_home[is_added]], gains, self.passages.size)
        return total / self.sizes(cutoff).evidence

    def best_gains(self, cutoff: int | None) -> Floats:
        """The same where one passage of each document holds all of E in it, the largest share first."""
        lengths = np.where(self._is_evidence(cutoff), self.piece_length, 0)
        held = np.bincount(self.piece_home, lengths, self.home_question.size).astype(np.int64)
        largest_first = np.sort((self.home_question << _SIZE_BITS) - held)
        question = self.home_question
        held = (question << _SIZE_BITS) - largest_first
        rank = count_within(question, self.passages.size)
        discounted = held / np.log2(rank + 1.0)
        if cutoff is not None:
            discounted = np.where(rank <= cutoff, discounted, 0.0)
        return np.bincount(question, discounted, self.passages.size) / self.sizes(cutoff).evidence

    def _by_question(self, lengths: Ints) -> Floats:
        return np.asarray(np.bincount(self._piece_question, lengths, self.passages.size), np.float64)

    @cached_property
    def _piece_question(self) -> Ints:
        return self.home_question[self.piece_home]

    def _is_held(self, cutoff: int | None) -> NDArray[np.bool_]:
        return self.piece_rank <= (NEVER - 1 if cutoff is None else cutoff)

    def _held_of_spans(self, cutoff: int | None) -> Floats:
        lengths = np.where(self._is_held(cutoff), self.piece_length, 0)
        return np.asarray(np.bincount(self.in_span, lengths[self.piece_in], self.span_length.size), np.float64)

    def _is_evidence(self, cutoff: int | None) -> NDArray[np.bool_]:
        """Whether a piece is part of E, by the alternatives that count within the cutoff."""
        if cutoff not in self._evidence:
            is_evidence = np.ones(self.piece_length.size, np.bool_)
            if self._first_of_parts.size < self.part.size:
                is_evidence[:] = False
                is_evidence[self.piece_in[self._counts(cutoff)[self.in_span]]] = True
            self._evidence[cutoff] = is_evidence
        return self._evidence[cutoff]

    def _counts(self, cutoff: int | None) -> NDArray[np.bool_]:
        """Whether a span is the alternative of its part that counts: the first, shortest first, with the best share."""
        order = self._shortest_first
        share = (self._held_of_spans(cutoff) / self.span_length)[order]
        best = np.maximum.reduceat(share, self._first_of_parts)[self.part[order]]
        candidates = np.flatnonzero(share == best)
        part = self.part[order[candidates]]
        counts = np.zeros(self.part.size, np.bool_)
        counts[order[candidates[np.concatenate(([True], part[1:] != part[:-1]))]]] = True
        return counts

    @cached_property
    def _shortest_first(self) -> Ints:
        """The spans by part, and the shortest of each part first."""
        return np.lexsort((self.span_length, self.part))

    @cached_property
    def _first_of_parts(self) -> Ints:
        """Where each part begins once the spans are ordered by part."""
        return first_rows(np.bincount(self.part))


def _recall(found: FoundEvidence, cutoff: int | None) -> Floats:
    sizes = found.sizes(cutoff)
    return sizes.found / sizes.evidence


def _hit(found: FoundEvidence, cutoff: int | None) -> Floats:
    return found.holds_a_span(cutoff).astype(np.float64)


def _all(found: FoundEvidence, cutoff: int | None) -> Floats:
    sizes = found.sizes(cutoff)
    return (sizes.found == sizes.evidence).astype(np.float64)


def _precision(found: FoundEvidence, cutoff: int | None) -> Floats:
    sizes = found.sizes(cutoff)
    return np.divide(sizes.found, sizes.read, out=np.zeros_like(sizes.found), where=sizes.read > 0)


def _iou(found: FoundEvidence, cutoff: int | None) -> Floats:
    sizes = found.sizes(cutoff)
    return sizes.found / (sizes.read + sizes.evidence - sizes.found)


def _mrr(found: FoundEvidence, cutoff: int | None) -> Floats:
    rank = found.first_rank()
    return np.where(rank <= (NEVER - 1 if cutoff is None else cutoff), 1 / rank, 0.0)


def _ndcg(found: FoundEvidence, cutoff: int | None) -> Floats:
    return np.minimum(found.gains(cutoff) / found.best_gains(cutoff), 1.0)


METRICS = (
    EvidenceMetric(
        "evidence_recall",
        "characters of the evidence that the first k passages hold / all characters of the evidence",
        _SOURCE,
        formula=_recall,
    ),
    EvidenceMetric(
        "evidence_hit",
        "1 if a span of the evidence lies within one of the first k passages, or within adjacent ones, else 0",
        "rageval",
        formula=_hit,
        over_space=True,
        binary=True,
    ),
    EvidenceMetric(
        "evidence_all",
        "1 if the first k passages hold all of the evidence, else 0",
        "rageval",
        formula=_all,
        over_space=True,
        binary=True,
    ),
    EvidenceMetric(
        "evidence_precision",
        "characters of the evidence that the first k passages hold / all characters of these passages",
        _SOURCE,
        formula=_precision,
    ),
    EvidenceMetric(
        "evidence_iou",
        "characters of the evidence that the first k passages hold / all of these passages and of what they lack of it",
        _SOURCE,
        formula=_iou,
    ),
    EvidenceMetric(
        "evidence_mrr",
        "1 / rank of the first of k passages that holds a span whole (of a longer one the start), else 0",
        "rageval",
        formula=_mrr,
    ),
    EvidenceMetric(
        "evidence_ndcg",
        "discounted shares of the evidence that each of the first k passages adds / those of the best possible ranking",
        "rageval, after Järvelin and Kekäläinen 2002",
        formula=_ndcg,
    ),
)
