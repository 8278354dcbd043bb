"""Evidence metrics against sets of characters, on random chunkings and retrievals: overlaps, repeats, empty results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.metrics import ALL_METRICS, Metric
from rageval.metrics import ranking as ranking_module
from rageval.metrics.evidence import EvidenceArrays, PassageArrays, score_evidence, score_evidence_arrays
from rageval.metrics.evidence_spans import (
    Part,
    Span,
    best_alternatives,
    joined,
    overlap,
    precision_omega,
)

Character = tuple[str, int]
CUTOFFS = (1, 2, 3, 5, 20)
METRICS = [Metric(one.name, k) for one in ALL_METRICS if one.kind == "evidence" for k in CUTOFFS]
LENGTHS = {"a": 40, "b": 25, "文": 60}


def characters(span: Span) -> set[Character]:
    return {(span.doc_id, position) for position in range(span.start, span.end)}


def together(spans: Sequence[Span]) -> set[Character]:
    return {character for span in spans for character in characters(span)}


def chosen(parts: Sequence[Part], read: set[Character]) -> set[Character]:
    """The alternative of each part of which most is read; of those the shortest, then the first."""

    def order(span: Span) -> tuple[Fraction, int, Span]:
        return -Fraction(len(characters(span) & read), len(characters(span))), len(characters(span)), span

    return together([min(part, key=order) for part in parts])


def by_sets(name: str, k: int, parts: Sequence[Part], passages: Sequence[Span]) -> float:
    first = list(passages[:k])
    read = together(first)
    evidence = chosen(parts, read)
    size = sum(len(characters(passage)) for passage in first)
    spans = [span for part in parts for span in part]
    match name:
        case "evidence_recall":
            return len(evidence & read) / len(evidence)
        case "evidence_hit":
            return float(any(characters(span) <= read for span in spans))
        case "evidence_all":
            return float(evidence <= read)
        case "evidence_precision":
            return len(evidence & read) / size if size else 0.0
        case "evidence_iou":
            return len(evidence & read) / (size + len(evidence - read))
        case "evidence_mrr":
            for rank, passage in enumerate(first, 1):
                here = characters(passage)
                for span in spans:
                    is_longer = len(characters(span)) > len(here)
                    if characters(span) <= here or (is_longer and (span.doc_id, span.start) in here):
                        return 1 / rank
            return 0.0
        case "evidence_ndcg":
            gained, seen = 0.0, set[Character]()
            for rank, passage in enumerate(first, 1):
                here = characters(passage) & evidence
                gained += len(here - seen) / len(evidence) / math.log2(rank + 1)
                seen |= here
            of_documents = sorted((len([c for c in evidence if c[0] == doc]) for doc in LENGTHS), reverse=True)
            best = sum(n / len(evidence) / math.log2(rank + 1) for rank, n in enumerate(of_documents[:k], 1))
            return gained / best
        case _:
            raise ValueError(name)


def omega_by_sets(parts: Sequence[Part], passages: Sequence[Span]) -> float:
    touching_any = [p for p in passages if characters(p) & together([span for part in parts for span in part])]
    evidence = chosen(parts, together(touching_any))
    touching = [passage for passage in touching_any if characters(passage) & evidence]
    read = together(touching)
    return len(evidence & read) / (sum(len(characters(p)) for p in touching) + len(evidence - read))


@st.composite
def spans(draw: st.DrawFn, least: int = 1) -> Span:
    doc_id = draw(st.sampled_from([*LENGTHS]))
    start = draw(st.integers(0, LENGTHS[doc_id] - least))
    return Span(doc_id, start, draw(st.integers(start + least, LENGTHS[doc_id])))


@st.composite
def chunkings(draw: st.DrawFn) -> list[Span]:
    """Windows over every document, with overlap or with gaps, of a size of its own."""
    found: list[Span] = []
    for doc_id, length in LENGTHS.items():
        size, step = draw(st.integers(1, 30)), draw(st.integers(1, 30))
        found += [Span(doc_id, start, min(start + size, length)) for start in range(0, length, step)]
    return found


def alternatives(given: Sequence[Span]) -> Part:
    return tuple(sorted(set(given), key=lambda span: (span.length, span)))


evidence = st.lists(st.lists(spans(), min_size=1, max_size=3).map(alternatives), min_size=1, max_size=4)
questions = st.lists(evidence, min_size=1, max_size=4)


@st.composite
def retrievals(draw: st.DrawFn, chunking: Sequence[Span]) -> list[Span]:
    """Passages of the chunking, some of them more than once, or none."""
    return draw(st.lists(st.sampled_from(chunking), max_size=8))


@given(questions, chunkings(), st.data())
@settings(max_examples=300, deadline=None)
def test_equal_to_sets_of_characters(asked: list[list[Part]], chunking: list[Span], data: st.DataObject) -> None:
    parts = {f"q{number}": one for number, one in enumerate(asked)}
    read = {name: data.draw(retrievals(chunking)) for name in parts}
    scores = score_evidence(METRICS, parts, read)
    for metric in METRICS:
        assert metric.cutoff is not None
        for name, given_parts in parts.items():
            expected = by_sets(metric.name, metric.cutoff, given_parts, read[name])
            assert scores[metric][name] == pytest.approx(expected, abs=1e-12), (str(metric), name)
    for given_parts in parts.values():
        assert precision_omega(given_parts, chunking) == pytest.approx(omega_by_sets(given_parts, chunking), abs=1e-12)


@given(evidence, st.lists(spans(0), max_size=8))
@settings(max_examples=200, deadline=None)
def test_spans_of_one_question_agree_with_sets(parts: list[Part], read: list[Span]) -> None:
    assert together(joined(read)) == together(read)
    assert together(best_alternatives(parts, read)) == chosen(parts, together(read))
    scores = score_evidence(METRICS, {"q": parts}, {"q": read})
    for name in ("evidence_recall", "evidence_hit", "evidence_mrr"):
        assert scores[Metric(name, 20)]["q"] == pytest.approx(by_sets(name, 20, parts, read), abs=1e-12)
    all_spans = [span for part in parts for span in part]
    for span in all_spans:
        assert overlap(span, joined(read)) == len(characters(span) & together(read))


@given(evidence, st.lists(spans(0), max_size=8))
@settings(max_examples=200, deadline=None)
def test_bounds_and_what_must_rise_with_the_cutoff(parts: list[Part], read: list[Span]) -> None:
    scores = score_evidence(METRICS, {"q": parts}, {"q": read})
    values = {(metric.name, metric.cutoff): by_question["q"] for metric, by_question in scores.items()}
    for metric in METRICS:
        assert 0.0 <= values[metric.name, metric.cutoff] <= 1.0
        assert not metric.binary or values[metric.name, metric.cutoff] in (0.0, 1.0)
    for name in ("evidence_hit", "evidence_all", "evidence_mrr"):
        column = [values[name, k] for k in CUTOFFS]
        assert column == sorted(column)


def test_blocks_and_the_order_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    n, hits, spans_each = 40, 12, 3
    question = np.repeat(np.arange(n), hits)
    start = rng.integers(0, 80, question.size)
    passages = [question, rng.integers(0, 4, question.size), start, start + rng.integers(0, 30, question.size)]
    of_span = np.repeat(np.arange(n), spans_each)
    begin = rng.integers(0, 80, of_span.size)
    marked = [of_span, rng.integers(0, 4, of_span.size), begin, begin + rng.integers(1, 30, of_span.size)]
    part = rng.integers(0, 2, of_span.size)
    whole = score_evidence_arrays(METRICS, PassageArrays(*passages), EvidenceArrays(*marked, part), n)
    shuffled = rng.permutation(of_span.size)
    late_questions_first = np.argsort(-question, kind="stable")
    monkeypatch.setattr(ranking_module, "_BLOCK_ROWS", 50)
    again = score_evidence_arrays(
        METRICS,
        PassageArrays(*(column[late_questions_first] for column in passages)),
        EvidenceArrays(*(column[shuffled] for column in marked), part[shuffled]),
        n,
    )
    for metric in METRICS:
        np.testing.assert_array_equal(again[metric], whole[metric])
