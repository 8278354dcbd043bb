"""The catalogue of metrics: every file that defines some, in the order in which `rageval list metrics` shows them."""

from __future__ import annotations

from rageval.metrics import (
    abstention,
    answer_verdicts,
    choice,
    citations,
    claim_matrix,
    context,
    evidence_formulas,
    faithfulness,
    hallucination,
    nuggets,
    overlap,
    ranking_formulas,
    reference_claims,
    repetition,
)
from rageval.metrics.definitions import MetricDefinition

ALL_METRICS: tuple[MetricDefinition, ...] = (
    *ranking_formulas.METRICS,
    *evidence_formulas.METRICS,
    *faithfulness.METRICS,
    *citations.METRICS,
    *answer_verdicts.METRICS,
    *context.METRICS,
    *reference_claims.METRICS,
    *claim_matrix.METRICS,
    *hallucination.METRICS,
    *nuggets.METRICS,
    *overlap.METRICS,
    *choice.METRICS,
    *abstention.METRICS,
    *repetition.METRICS,
)
