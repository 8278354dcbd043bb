"""Ranking metrics as trec_eval defines them: a formula each, over all questions at once.

Only relevant documents that were retrieved add to any of them: see `RankedHits`. `rageval.metrics.ranking` makes these
from rankings and labels.
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
    """

    question: Ints
    rank: Ints
    gain: Ints
    nth: Ints
    relevant: Ints
    ideal_question: Ints
    ideal_gain: Ints

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
)
