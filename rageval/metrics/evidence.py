"""Evidence metrics over whole runs at once, from spans of passages and spans that labels mark.

The definitions are in `rageval.metrics.evidence_formulas`. Two entries, one implementation: `score_evidence` takes
spans by question id, `score_evidence_arrays` takes integer codes.

Only passages of documents that hold evidence for their question can hold any of it. These few are put on one line, each
pair of question and document at a place of its own; what they hold is then arithmetic on intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.metrics.definitions import EvidenceMetric
from rageval.metrics.evidence_formulas import NEVER, FoundEvidence
from rageval.metrics.evidence_spans import Part, Span
from rageval.metrics.names import Metric
from rageval.metrics.ranking import (
    CODE_BITS,
    Codes,
    check_codes,
    check_questions,
    check_rows,
    codes_by_length,
    pack,
    question_blocks,
)
from rageval.metrics.ranking_formulas import Floats, Ints, first_rows

_PLACE_BITS = 32
_LONGEST = 2**31
_FILTER = 2**16 - 1
_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class PassageArrays:
    """Passages, one a row, those of a question in the order of their ranks.

    Question codes count from 0; document codes are shared with the evidence, from 0 to 2^32 - 1. Spans count characters
    from 0 to 2^31 - 1; an empty one reads nothing. A repeated passage is read again. Raises DeclarationError for arrays
    of unequal length, codes out of range and other spans.
    """

    question: Codes
    doc: Codes
    start: Codes
    end: Codes

    def __post_init__(self) -> None:
        check_rows("passage", self.question, self.doc, self.start, self.end)
        _check_spans("passage", self.start, self.end, 0)


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceArrays:
    """Spans of evidence, one a row, in any order, with the codes of `PassageArrays`.

    Spans of a question with the same `part` (a code from 0 to 2^32 - 1) are alternatives. Document codes ascend as the
    ids do, so that ties between alternatives can be broken by id. Raises DeclarationError as `PassageArrays`, and for
    an empty span.
    """

    question: Codes
    doc: Codes
    start: Codes
    end: Codes
    part: Codes

    def __post_init__(self) -> None:
        check_rows("evidence", self.question, self.doc, self.start, self.end, self.part)
        check_codes("evidence", "part", self.part)
        _check_spans("evidence", self.start, self.end, 1)


def score_evidence(
    metrics: Sequence[Metric], parts: Mapping[str, Sequence[Part]], passages: Mapping[str, Sequence[Span]]
) -> dict[Metric, dict[str, float]]:
    """Score each question's passages, best first, against the parts of its evidence: from 0 to 1, for every question of
    `parts`.

    Every question must have a part; one without passages scores 0. For metrics with a budget of tokens the passages are
    those within the budget (`rageval.metrics.evidence_spans.within_budget`): all of them count.
    Raises DeclarationError for a metric that is not an evidence metric.
    """
    spans = [[(span, number) for number, part in enumerate(some) for span in part] for some in parts.values()]
    read = [passages.get(question, ()) for question in parts]
    ids = {span.doc_id for span in chain.from_iterable(read)} | {span.doc_id for one in spans for span, _ in one}
    code = {doc_id: number for number, doc_id in enumerate(sorted(ids))}
    values = _score(
        metrics,
        PassageArrays(codes_by_length(read), *_columns(chain.from_iterable(read), code)),
        EvidenceArrays(
            codes_by_length(spans),
            *_columns((span for span, _ in chain.from_iterable(spans)), code),
            np.array([number for _, number in chain.from_iterable(spans)], np.int64),
        ),
        len(parts),
    )
    return {metric: dict(zip(parts, column.tolist(), strict=True)) for metric, column in values.items()}


def score_evidence_arrays(
    metrics: Sequence[Metric], passages: PassageArrays, evidence: EvidenceArrays, n_questions: int
) -> dict[Metric, Floats]:
    """Score questions 0 to `n_questions` - 1: for every metric an array with one number from 0 to 1 per question.

    Every question must have evidence; one without passages scores 0. Rows are worked on in blocks of whole questions.
    Raises DeclarationError for a metric that is not an evidence metric, one with a budget of tokens (arrays have no
    texts), a question without evidence, and codes that are not below `n_questions`.
    """
    for metric in metrics:
        if metric.tokens:
            raise DeclarationError(
                f"metric '{metric}': found a budget of tokens, expected a number of passages: arrays have no texts; "
                "cut the passages at the budget first (rageval.metrics.evidence_spans.within_budget)"
            )
    return _score(metrics, passages, evidence, n_questions)


def _score(
    metrics: Sequence[Metric], passages: PassageArrays, evidence: EvidenceArrays, n_questions: int
) -> dict[Metric, Floats]:
    wanted = [(metric, _definition(metric), None if metric.tokens else metric.cutoff) for metric in metrics]
    check_questions("passage", passages.question, "evidence", evidence.question, n_questions)
    deepest = max((NEVER if cutoff is None else cutoff for _, _, cutoff in wanted), default=0)
    parts = np.sort(pack(evidence.question, evidence.part))
    has_alternatives = bool(np.any(parts[1:] == parts[:-1]))
    passage_rows = _grouped(passages.question, passages.doc, passages.start, passages.end)
    evidence_rows = _grouped(evidence.question, evidence.doc, evidence.start, evidence.end, evidence.part)
    values = {metric: np.empty(n_questions) for metric in metrics}
    for first, end in question_blocks(passage_rows[0], n_questions):
        question, doc, start, stop, part = _block(evidence_rows, first, end)
        part = np.unique(pack(question, part), return_inverse=True)[1] if has_alternatives else np.arange(part.size)
        found = _find([question, doc, start, stop], part, _block(passage_rows, first, end), end - first, deepest)
        for metric, definition, cutoff in wanted:
            values[metric][first:end] = definition.formula(found, cutoff)
    return values


def _definition(metric: Metric) -> EvidenceMetric:
    definition = metric.definition
    if not isinstance(definition, EvidenceMetric):
        raise DeclarationError(f"metric '{metric}' is {definition.kind}: it cannot be computed from spans alone")
    return definition


def _find(
    evidence: Sequence[Ints], part: Ints, passages: Sequence[Ints], n_questions: int, deepest: int
) -> FoundEvidence:
    """What the passages (question, document, start, end) hold of the spans of evidence (the same columns)."""
    keys = pack(evidence[0], evidence[1])
    order = np.argsort(keys, kind="stable")
    is_first = np.concatenate(([True], keys[order[1:]] != keys[order[:-1]]))
    homes = keys[order[is_first]]
    line = (np.cumsum(is_first) - 1) << _PLACE_BITS
    span_start = line + evidence[2][order]
    if np.any(span_start[1:] < span_start[:-1]):
        again = np.argsort(span_start, kind="stable")
        order, line, span_start = order[again], line[again], span_start[again]
    span_end = line + evidence[3][order]
    joined = _joined(span_start, span_end)
    passages_of = np.bincount(passages[0], minlength=n_questions)
    first_passage = first_rows(passages_of)
    rows, line = _rows_in(homes, evidence[1], passages, n_questions)
    start, end = line + passages[2][rows], line + passages[3][rows]
    after = _first_after(joined[1], start)
    touches = np.flatnonzero(np.append(joined[0], _NOWHERE)[after] < end)
    rows, start, end = rows[touches], start[touches], end[touches]
    rank = rows - first_passage[passages[0][rows]] + 1
    is_looked_at = rank <= deepest
    start, end, rank = start[is_looked_at], end[is_looked_at], rank[is_looked_at]

    piece_start, piece_end = _pieces(span_start, span_end, joined, np.concatenate((start, end)))
    in_passage, held = _pairs(piece_start, start, end)
    piece_rank = np.full(piece_start.size, NEVER)
    np.minimum.at(piece_rank, held, rank[in_passage])

    span_length = span_end - span_start
    in_passage, begun = _pairs(span_start, start, end)
    is_whole = (span_end[begun] <= end[in_passage]) | ((end - start)[in_passage] < span_length[begun])
    span_rank = np.full(span_start.size, NEVER)
    np.minimum.at(span_rank, begun[is_whole], rank[in_passage[is_whole]])

    in_span, piece_in = _pairs(piece_start, span_start, span_end)
    return FoundEvidence(
        piece_home=piece_start >> _PLACE_BITS,
        piece_length=piece_end - piece_start,
        piece_rank=piece_rank,
        home_question=(homes >> CODE_BITS).astype(np.int64),
        span_question=evidence[0][order],
        span_length=span_length,
        span_rank=span_rank,
        part=part[order],
        in_span=in_span,
        piece_in=piece_in,
        read_before=np.concatenate(([0], np.cumsum(passages[3] - passages[2]))),
        first_passage=first_passage,
        passages=passages_of,
    )


def _rows_in(homes: NDArray[np.uint64], docs: Ints, passages: Sequence[Ints], n_questions: int) -> tuple[Ints, Ints]:
    """The rows of passages in documents that hold evidence for their question, and where on the line each of these
    documents begins.

    Most passages lie in other documents: a table of the last bits of document codes leaves nearly all of those out.
    """
    table = np.zeros(_FILTER + 1, np.bool_)
    table[docs & _FILTER] = True
    rows = np.flatnonzero(table[passages[1] & _FILTER])
    keys = pack(passages[0][rows], passages[1][rows])
    each_in_one = homes.size == n_questions  # every question has evidence, so each in one document
    place = passages[0][rows] if each_in_one else np.minimum(np.searchsorted(homes, keys), homes.size - 1)
    is_home = homes[place] == keys
    return rows[is_home], place[is_home] << _PLACE_BITS


def _joined(span_start: Ints, span_end: Ints) -> tuple[Ints, Ints]:
    """The union of the spans, which are ordered by start, as intervals that neither touch nor overlap."""
    reach = np.maximum.accumulate(span_end)
    first = np.flatnonzero(np.concatenate(([True], span_start[1:] > reach[:-1])))
    return span_start[first], reach[np.append(first[1:], span_start.size) - 1]


def _pieces(span_start: Ints, span_end: Ints, joined: tuple[Ints, Ints], borders: Ints) -> tuple[Ints, Ints]:
    """The stretches of evidence that no border of a span or a passage divides, in order."""
    is_within = np.append(joined[0], _NOWHERE)[_first_after(joined[1], borders)] < borders
    cuts = np.sort(np.concatenate((span_start, span_end, borders[is_within])))
    cuts = cuts[np.concatenate(([True], cuts[1:] > cuts[:-1]))]
    begins = np.flatnonzero(cuts < joined[1][np.searchsorted(joined[0], cuts, "right") - 1])
    return cuts[begins], cuts[begins + 1]


def _first_after(ends: Ints, points: Ints) -> Ints:
    """The first of the intervals with these ends, which ascend, that ends behind each point."""
    return np.searchsorted(ends, points, "right")


def _pairs(points: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """All pairs of an interval from `starts` to `ends` (exclusive) and a point in it, as positions; points ascend."""
    first = np.searchsorted(points, starts)
    counts = np.maximum(np.searchsorted(points, ends) - first, 0)
    intervals = np.repeat(np.arange(starts.size), counts)
    return intervals, np.arange(intervals.size) + np.repeat(first - first_rows(counts), counts)


def _grouped(*columns: Codes) -> list[Ints]:
    """The columns as 64-bit integers, grouped by ascending first column, the order within each group kept."""
    whole = [column.astype(np.int64, copy=False) for column in columns]
    if np.all(whole[0][1:] >= whole[0][:-1]):
        return whole
    order = np.argsort(whole[0], kind="stable")
    return [column[order] for column in whole]


def _block(columns: Sequence[Ints], first: int, end: int) -> list[Ints]:
    """The rows of questions `first` to `end` - 1, their codes counted from `first`."""
    start, stop = np.searchsorted(columns[0], (first, end))
    return [columns[0][start:stop] - first, *(column[start:stop] for column in columns[1:])]


def _check_spans(what: str, start: Codes, end: Codes, shortest: int) -> None:
    wrong = np.flatnonzero((start < 0) | (end.astype(np.int64) - start < shortest) | (end >= _LONGEST))
    if wrong.size:
        row = int(wrong[0])
        raise DeclarationError(
            f"{what} arrays, row {row}: found the span {int(start[row])} to {int(end[row])}, expected 0 <= start "
            f"{'<' if shortest else '<='} end < 2^31"
        )


def _columns(spans: Iterable[Span], code: Mapping[str, int]) -> tuple[Ints, Ints, Ints]:
    rows = np.array([(code[span.doc_id], span.start, span.end) for span in spans], np.int64).reshape(-1, 3)
    return rows[:, 0], rows[:, 1], rows[:, 2]
