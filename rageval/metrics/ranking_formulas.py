"""Ranking metrics as trec_eval defines them: a formula each, over all questions at once.

Only labelled documents that were retrieved add to any of them, to most of them only relevant ones: see `RankedHits`.
`rageval.metrics.ranking` makes these from rankings and labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.metrics.definitions import RankingMetric

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RankedHits:
    """The relevant documents that were retrieved, ordered by question and rank, and what there was to find.

    `rank` and `nth`, the place among the question's own hits, count from 1. `relevant` is the number of relevant
    documents of each question; `ideal_question` and `ideal_gain` list them all by question, highest grade first.
    `retrieved` counts the documents in each question's ranking. For a metric with `all_labels`, all documents with a
    label stand in the place of the relevant ones; `least_grade` is the least grade of a relevant one.
    """

    question: Ints
    rank: Ints
    gain: Ints
    nth: Ints
    relevant: Ints
    ideal_question: Ints
    ideal_gain: Ints
    retrieved: Ints
    least_grade: int

    def total(self, weights: Floats, within: int | None) -> Floats:
        """Sum the hits' weights by question, over ranks up to `within`."""
        return _sum_by_question(self.question, self.rank, weights, within, self.relevant.size)

    def count(self, within: int | None) -> Floats:
        return self.total(np.ones(self.rank.size), within)


def first_rows(counts: Ints) -> Ints:
    """Where each question's rows begin, for rows grouped by question; `counts` is how many each has."""
    return np.cumsum(counts) - counts


def count_within(question: Ints, n_questions: int) -> Ints:
    """Number the rows of each question from 1, for rows grouped by question."""
    counts = np.bincount(question, minlength=n_questions)
    return np.arange(1, question.size + 1) - first_rows(counts)[question]


def _sum_by_question(question: Ints, rank: Ints, weights: Floats, within: int | None, n_questions: int) -> Floats:
    if within is not None:
        weights = np.where(rank <= within, weights, 0.0)
    return np.asarray(np.bincount(question, weights, minlength=n_questions), np.float64)


def _ratio(parts: Floats, wholes: NDArray[np.number]) -> Floats:
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)


def _hit_rate(hits: RankedHits, cutoff: int | None) -> Floats:
    return np.minimum(hits.count(cutoff), 1.0)


def _mrr(hits: RankedHits, cutoff: int | None) -> Floats:
    return hits.total(np.where(hits.nth == 1, 1 / hits.rank, 0.0), cutoff)


def _precision(hits: RankedHits, cutoff: int | None) -> Floats:
    assert cutoff is not None
    return hits.count(cutoff) / cutoff


def _recall(hits: RankedHits, cutoff: int | None) -> Floats:
    return _ratio(hits.count(cutoff), hits.relevant)


def _average_precision(hits: RankedHits, cutoff: int | None) -> Floats:
    return _ratio(hits.total(hits.nth / hits.rank, cutoff), hits.relevant)


def _r_precision(hits: RankedHits, _cutoff: int | None) -> Floats:
    is_early = hits.rank <= hits.relevant[hits.question]
    return _ratio(hits.total(is_early.astype(np.float64), None), hits.relevant)


def _ndcg(hits: RankedHits, cutoff: int | None) -> Floats:
    n_questions = hits.relevant.size
    ideal_rank = count_within(hits.ideal_question, n_questions)
    best = _sum_by_question(
        hits.ideal_question, ideal_rank, hits.ideal_gain / np.log2(ideal_rank + 1), cutoff, n_questions
    )
    return _ratio(hits.total(hits.gain / np.log2(hits.rank + 1), cutoff), best)


def _judged(hits: RankedHits, cutoff: int | None) -> Floats:
    assert cutoff is not None
    return _ratio(hits.count(cutoff), np.minimum(hits.retrieved, cutoff))


def _bpref(hits: RankedHits, _cutoff: int | None) -> Floats:
    n_questions = hits.relevant.size
    is_relevant, is_judged_nonrelevant = _relevance(hits.gain, hits.least_grade)
    all_relevant, all_nonrelevant = (
        np.bincount(hits.ideal_question, some, minlength=n_questions)
        for some in _relevance(hits.ideal_gain, hits.least_grade)
    )
    seen = np.cumsum(is_judged_nonrelevant)
    before = np.concatenate(([0], seen))[first_rows(np.bincount(hits.question, minlength=n_questions))]
    above = np.minimum((seen - before[hits.question]).astype(np.float64), all_relevant[hits.question])
    most = np.minimum(all_nonrelevant, all_relevant)[hits.question]
    return _ratio(hits.total(np.where(is_relevant, 1.0 - _ratio(above, most), 0.0), None), all_relevant)


def _relevance(grades: Ints, least_grade: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which grades are relevant, and which are judged not relevant; trec_eval takes those below 0 for neither."""
    return grades >= least_grade, (grades >= 0) & (grades < least_grade)


METRICS = (
    RankingMetric(
        "hit_rate",
        "1 if any of the first k documents is relevant, else 0",
        "trec_eval success",
        formula=_hit_rate,
        cutoff="required",
        binary=True,
    ),
    RankingMetric(
        "mrr",
        "1 / rank of the first relevant document (within the first k), else 0",
        "trec_eval recip_rank",
        formula=_mrr,
        cutoff="optional",
    ),
    RankingMetric(
        "ndcg",
        "discounted gain of the ranking (its first k) / that of the best possible one; the gain is the grade",
        "trec_eval ndcg and ndcg_cut; Järvelin and Kekäläinen 2002",
        formula=_ndcg,
        graded=True,
        cutoff="optional",
    ),
    RankingMetric(
        "precision",
        "relevant documents among the first k / k",
        "trec_eval P",
        formula=_precision,
        cutoff="required",
    ),
    RankingMetric(
        "recall",
        "relevant documents among the first k / all relevant documents",
        "trec_eval recall",
        formula=_recall,
        cutoff="required",
    ),
    RankingMetric(
        "map",
        "sum of the precisions at the relevant documents found (within the first k) / all relevant documents",
        "trec_eval map and map_cut",
        formula=_average_precision,
        cutoff="optional",
    ),
    RankingMetric(
        "r_precision",
        "relevant documents among the first R / R, where R documents are relevant",
        "trec_eval Rprec",
        formula=_r_precision,
    ),
    RankingMetric(
        "bpref",
        "mean over relevant documents of 1 - judged not relevant ones above it / all of them (both at most R); those "
        "without a label are passed over",
        "trec_eval bpref; Buckley and Voorhees 2004",
        formula=_bpref,
        all_labels=True,
    ),
    RankingMetric(
        "judged",
        "documents with a label among the first k / the first k (fewer where fewer were retrieved)",
        "ir_measures Judged",
        formula=_judged,
        all_labels=True,
        cutoff="required",
    ),
)
