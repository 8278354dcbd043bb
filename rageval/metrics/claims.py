"""Metrics of the claim matrix: claims of the answer and of the reference against the passages and each other.

    claim_support      claims of the answer, and all of it, x passages of the context
    reference_support  claims of the reference x passages of the context
    claim_agreement    claims of the answer x reference, claims of the reference x answer

All but `attribution` are shares of claims, 0 to 1. Unscored where there are no claims to divide by and where any
verdict that counts is missing: to count such a claim as unsupported, or to leave it out, would both be a guess. For
abstentions and empty answers where it matters what the answer covers see `score_of_silence`. Source: Ru et al. 2024,
arXiv 2408.08067 (RAGChecker), which returns 0 where there are no claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rageval.metrics.verdicts import ABSTAINED, graded_items, score_of_silence
from rageval.types import Graded, Judgment, Question, Response, Score, Unscored

Judgments: TypeAlias = Mapping[str, Sequence[Judgment]]

ANSWER = "answer"
CLAIM = "claim"
REFERENCE_CLAIM = "reference_claim"
_DIFFERENT_CLAIMS = "two judges saw different claims of the same text"
_NO_PASSAGE = "the judge does not say which passage supports a claim"


@dataclass(frozen=True, slots=True)
class _Claim:
    """One claim of the answer: is it supported by passages (by which), and does it follow from the reference?"""

    passages: frozenset[int]
    supported: bool
    correct: bool


def faithfulness(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the answer that the context supports / all its claims. Source: Es et al. 2023, arXiv 2309.15217."""
    if response.abstained:
        return Unscored(ABSTAINED)
    graded = graded_items([j for j in judgments["claim_support"] if j.item != ANSWER], "claims")
    return graded if isinstance(graded, Unscored) else Score(sum(v.grade for _, v in graded) / len(graded))


def attribution(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """1 if the context supports all that the answer says, else 0.

    The verdict is on the answer as a whole, and of an answer that is one claim, on that one. Source: attributable to
    identified sources, Rashkin et al. 2023, arXiv 2112.12870.
    """
    if response.abstained:
        return Unscored(ABSTAINED)
    said = judgments["claim_support"]
    graded = graded_items([j for j in said if j.item == ANSWER] or said, "claims")
    return graded if isinstance(graded, Unscored) else Score(min(verdict.grade for _, verdict in graded))


def context_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the reference that the context supports / all its claims. An empty context supports none."""
    return _share(_verdicts(judgments["reference_support"], REFERENCE_CLAIM))


def context_utilisation(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Of the claims of the reference that the context supports, the share that the answer makes.

    Unscored where the context supports none of them.
    """
    supported = _verdicts(judgments["reference_support"], REFERENCE_CLAIM)
    if isinstance(supported, Unscored):
        return supported
    offered = [text for text, verdict in supported.items() if verdict.grade > 0.0]
    if not offered:
        return Unscored("the context supports no claim of the reference")
    silent = score_of_silence(question, response)
    if silent is not None:
        return silent
    made = _verdicts(judgments["claim_agreement"], REFERENCE_CLAIM)
    if isinstance(made, Unscored):
        return made
    if not made.keys() >= set(offered):
        return Unscored(_DIFFERENT_CLAIMS)
    return Score(sum(made[text].grade > 0.0 for text in offered) / len(offered))


def answer_precision(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the answer that follow from the reference / all claims of the answer. Unscored for an abstention."""
    if response.abstained:
        return Unscored(ABSTAINED)
    return _share(_verdicts(judgments["claim_agreement"], CLAIM))


def answer_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the reference that the answer makes / all claims of the reference."""
    silent = score_of_silence(question, response)
    return _share(_verdicts(judgments["claim_agreement"], REFERENCE_CLAIM)) if silent is None else silent


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
    both = precision.value + recall.value
    return Score(2.0 * precision.value * recall.value / both if both else 0.0)


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
    reference = _verdicts(judgments["reference_support"], REFERENCE_CLAIM)
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
    support = _verdicts(judgments["claim_support"], CLAIM)
    if isinstance(support, Unscored):
        return support
    agreement = _verdicts(judgments["claim_agreement"], CLAIM)
    if isinstance(agreement, Unscored):
        return agreement
    if support.keys() != agreement.keys():
        return Unscored(_DIFFERENT_CLAIMS)
    return [
        _Claim(_passages(verdict), verdict.grade > 0.0, agreement[text].grade > 0) for text, verdict in support.items()
    ]


def _passages(verdict: Graded) -> frozenset[int]:
    """Positions of the hits that show it."""
    return frozenset(evidence.hit for evidence in verdict.evidence if evidence.hit is not None)


def _share(verdicts: Mapping[str, Graded] | Unscored) -> Score | Unscored:
    if isinstance(verdicts, Unscored):
        return verdicts
    return Score(sum(verdict.grade for verdict in verdicts.values()) / len(verdicts))


def _verdicts(judgments: Sequence[Judgment], item: str) -> dict[str, Graded] | Unscored:
    """By the claim's words. A judgment on the text as a whole says why there are no claims."""
    about = [judgment for judgment in judgments if judgment.item in (item, f"{item}s")]
    graded = graded_items(about, "claims of the reference" if item == REFERENCE_CLAIM else "claims")
    return graded if isinstance(graded, Unscored) else {judgment.text: verdict for judgment, verdict in graded}
