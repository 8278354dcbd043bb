"""Metrics of the reference's claims: is the context, or the answer, as complete and as right as the reference?

    reference_support  claims of the reference x passages of the context
    claim_agreement    claims of the answer x reference, claims of the reference x answer

All are shares of claims, 0 to 1. Unscored where there are no claims to divide by and where any verdict that counts is
missing: to count such a claim as unsupported, or to leave it out, would both be a guess. For abstentions and empty
answers where it matters what the answer covers see `score_of_silence`. Source: Ru et al. 2024, arXiv 2408.08067
(RAGChecker), which returns 0 where there are no claims.
"""

from __future__ import annotations

from rageval.metrics.definitions import RAGCHECKER, JudgedMetric, Judgments
from rageval.metrics.verdicts import (
    ABSTAINED,
    CLAIM,
    DIFFERENT_CLAIMS,
    REFERENCE_CLAIM,
    claim_verdicts,
    harmonic_mean,
    score_of_silence,
    share_of_claims,
)
from rageval.types import Question, Response, Score, Unscored


def context_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the reference that the context supports / all its claims. An empty context supports none."""
    return share_of_claims(claim_verdicts(judgments["reference_support"], REFERENCE_CLAIM))


def context_utilisation(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Of the claims of the reference that the context supports, the share that the answer makes.

    Unscored where the context supports none of them.
    """
    supported = claim_verdicts(judgments["reference_support"], REFERENCE_CLAIM)
    if isinstance(supported, Unscored):
        return supported
    offered = [text for text, verdict in supported.items() if verdict.grade > 0.0]
    if not offered:
        return Unscored("the context supports no claim of the reference")
    silent = score_of_silence(question, response)
    if silent is not None:
        return silent
    made = claim_verdicts(judgments["claim_agreement"], REFERENCE_CLAIM)
    if isinstance(made, Unscored):
        return made
    if not made.keys() >= set(offered):
        return Unscored(DIFFERENT_CLAIMS)
    return Score(sum(made[text].grade > 0.0 for text in offered) / len(offered))


def answer_precision(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the answer that follow from the reference / all claims of the answer. Unscored for an abstention."""
    if response.abstained:
        return Unscored(ABSTAINED)
    return share_of_claims(claim_verdicts(judgments["claim_agreement"], CLAIM))


def answer_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the reference that the answer makes / all claims of the reference."""
    silent = score_of_silence(question, response)
    return share_of_claims(claim_verdicts(judgments["claim_agreement"], REFERENCE_CLAIM)) if silent is None else silent


def answer_f1(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Harmonic mean of answer_precision and answer_recall; 0 where either is 0."""
    silent = score_of_silence(question, response)
    if silent is not None:
        return silent
    precision = answer_precision(question, response, judgments)
    recall = answer_recall(question, response, judgments)
    if isinstance(precision, Unscored):
        return precision
    if isinstance(recall, Unscored):
        return recall
    return Score(harmonic_mean(precision.value, recall.value))


METRICS = (
    JudgedMetric(
        "context_recall",
        "claims of the reference that the context supports / all its claims",
        RAGCHECKER,
        judges=("reference_support",),
        needs_context=True,
        formula=context_recall,
        reads_answers=False,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the first reference answer's claims can be inferred from the passages alone? A "
                "number from 0 (none) to 1 (all)."
            ),
            "zh": "第一个参考答案的陈述中，有多大比例仅凭以上段落就能推出？填 0（全都不能）到 1（全都能）之间的数。",
        },
    ),
    JudgedMetric(
        "context_utilisation",
        "claims of the reference that the context supports and the answer makes / those that the context supports",
        RAGCHECKER,
        judges=("reference_support", "claim_agreement"),
        needs_context=True,
        formula=context_utilisation,
        needs_reference=True,
        instruction={
            "en": (
                "Of those claims of the first reference answer that can be inferred from the passages, what share "
                "does the answer make? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "第一个参考答案中能由以上段落推出的陈述，有多大比例在答案中说到了？"
                "填 0（全都没有）到 1（全都有）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "answer_precision",
        "claims of the answer that follow from the reference / all claims",
        RAGCHECKER,
        judges=("claim_agreement",),
        formula=answer_precision,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the answer's claims follows from the first reference answer? A number from 0 (none) "
                "to 1 (all); what the reference does not say does not follow, true or not."
            ),
            "zh": (
                "答案的陈述中，有多大比例能由第一个参考答案推出？填 0（全都不能）到 1（全都能）之间的数；"
                "参考答案没有说的，不论真假都算不能。"
            ),
        },
    ),
    JudgedMetric(
        "answer_recall",
        "claims of the reference that the answer makes / all its claims",
        RAGCHECKER,
        judges=("claim_agreement",),
        formula=answer_recall,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the first reference answer's claims does the answer make? A number from 0 (none) to "
                "1 (all)."
            ),
            "zh": "第一个参考答案的陈述中，有多大比例在答案中说到了？填 0（全都没有）到 1（全都有）之间的数。",
        },
    ),
    JudgedMetric(
        "answer_f1",
        "harmonic mean of answer_precision and answer_recall",
        RAGCHECKER,
        judges=("claim_agreement",),
        formula=answer_f1,
        needs_reference=True,
        instruction={
            "en": (
                "P: the share of the answer's claims that follow from the first reference answer; R: the share of "
                "the reference's claims that the answer makes. Give 2 x P x R / (P + R), 0 if either is 0."
            ),
            "zh": (
                "P：答案的陈述中能由第一个参考答案推出的比例；R：该参考答案的陈述中答案说到的比例。"
                "填 2 × P × R / (P + R)，其中一个为 0 则填 0。"
            ),
        },
    ),
)
