"""Metrics of the claim matrix: the answer's claims, by whether context and reference support them.

    claim_support      claims of the answer x passages of the context
    reference_support  claims of the reference x passages of the context
    claim_agreement    claims of the answer x reference

All are shares of the answer's claims, 0 to 1, and lower is better. Unscored where there are no claims to divide by,
where any verdict that counts is missing, and for an abstention. Source: Ru et al. 2024, arXiv 2408.08067 (RAGChecker),
which returns 0 where there are no claims.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rageval.metrics.definitions import RAGCHECKER, JudgedMetric, Judgments
from rageval.metrics.verdicts import ABSTAINED, CLAIM, DIFFERENT_CLAIMS, REFERENCE_CLAIM, claim_verdicts
from rageval.types import Graded, Question, Response, Score, Unscored

_NO_PASSAGE = "the judge does not say which passage supports a claim"
_MATRIX = ("claim_support", "claim_agreement")
_FULL_MATRIX = (*_MATRIX, "reference_support")


@dataclass(frozen=True, slots=True)
class _Claim:
    """One claim of the answer: is it supported by passages (by which), and does it follow from the reference?"""

    passages: frozenset[int]
    supported: bool
    correct: bool


def hallucination(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims that neither the context nor the reference supports / all claims of the answer."""
    return _share_of_claims(response, judgments, lambda claim: not claim.supported and not claim.correct)


def self_knowledge(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Right claims that the context does not support, which the model knew by itself / all claims of the answer."""
    return _share_of_claims(response, judgments, lambda claim: not claim.supported and claim.correct)


def noise_sensitivity_relevant(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Wrong claims that a relevant passage supports / all claims of the answer.

    A passage is relevant if it supports a claim of the reference. Unscored where it matters which passage supports a
    claim and the verdict names none.
    """
    return _noise(response, judgments, from_relevant=True)


def noise_sensitivity_irrelevant(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Wrong claims that irrelevant passages alone support / all claims of the answer; Unscored as the relevant ones."""
    return _noise(response, judgments, from_relevant=False)


def _noise(response: Response, judgments: Judgments, *, from_relevant: bool) -> Score | Unscored:
    reference = claim_verdicts(judgments["reference_support"], REFERENCE_CLAIM)
    if isinstance(reference, Unscored):
        return reference
    offered = [verdict for verdict in reference.values() if verdict.grade > 0.0]
    relevant = frozenset[int]().union(*map(_passages, offered))
    claims = _claims(response, judgments)
    if isinstance(claims, Unscored):
        return claims
    wrong = [claim for claim in claims if claim.supported and not claim.correct]
    from_others = [claim for claim in wrong if not claim.passages & relevant]
    if any(not claim.passages or not all(map(_passages, offered)) for claim in from_others):
        return Unscored(_NO_PASSAGE)
    misled = len(wrong) - len(from_others) if from_relevant else len(from_others)
    return Score(misled / len(claims))


def _share_of_claims(response: Response, judgments: Judgments, counts: Callable[[_Claim], bool]) -> Score | Unscored:
    claims = _claims(response, judgments)
    return claims if isinstance(claims, Unscored) else Score(sum(map(counts, claims)) / len(claims))


def _claims(response: Response, judgments: Judgments) -> list[_Claim] | Unscored:
    if response.abstained:
        return Unscored(ABSTAINED)
    support = claim_verdicts(judgments["claim_support"], CLAIM)
    if isinstance(support, Unscored):
        return support
    agreement = claim_verdicts(judgments["claim_agreement"], CLAIM)
    if isinstance(agreement, Unscored):
        return agreement
    if support.keys() != agreement.keys():
        return Unscored(DIFFERENT_CLAIMS)
    return [
        _Claim(_passages(verdict), verdict.grade > 0.0, agreement[text].grade > 0) for text, verdict in support.items()
    ]


def _passages(verdict: Graded) -> frozenset[int]:
    """Positions of the hits that show it."""
    return frozenset(evidence.hit for evidence in verdict.evidence if evidence.hit is not None)


METRICS = (
    JudgedMetric(
        "hallucination",
        "claims that neither context nor reference supports / all claims",
        RAGCHECKER,
        judges=_MATRIX,
        formula=hallucination,
        lower_is_better=True,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the answer's claims can be inferred neither from the passages nor from the first "
                "reference answer? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "答案的陈述中，有多大比例既不能由以上段落、也不能由第一个参考答案推出？"
                "填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "self_knowledge",
        "claims that the reference supports and the context does not / all claims",
        RAGCHECKER,
        judges=_MATRIX,
        formula=self_knowledge,
        lower_is_better=True,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the answer's claims can be inferred from the first reference answer, but not from "
                "the passages? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "答案的陈述中，有多大比例能由第一个参考答案推出、却不能由以上段落推出？"
                "填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "noise_sensitivity_relevant",
        "claims that the reference does not support and a relevant passage does / all claims",
        RAGCHECKER,
        judges=_FULL_MATRIX,
        needs_context=True,
        formula=noise_sensitivity_relevant,
        lower_is_better=True,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the answer's claims can be inferred from a passage that also supports a claim of "
                "the first reference answer, but not from that reference? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "有些段落能推出第一个参考答案的某条陈述。答案的陈述中，"
                "有多大比例能由这类段落推出、却不能由该参考答案推出？填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "noise_sensitivity_irrelevant",
        "claims that the reference does not support and only irrelevant passages do / all claims",
        RAGCHECKER,
        judges=_FULL_MATRIX,
        needs_context=True,
        formula=noise_sensitivity_irrelevant,
        lower_is_better=True,
        needs_reference=True,
        instruction={
            "en": (
                "What share of the answer's claims can be inferred only from passages that support no claim of the "
                "first reference answer, and not from that reference? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "有些段落推不出第一个参考答案的任何陈述。答案的陈述中，"
                "有多大比例只能由这类段落推出、也不能由该参考答案推出？填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
)
