"""Metrics of the judge `claim_support`: does the context support what the answer says?"""

from __future__ import annotations

from rageval.metrics.definitions import RAGAS, JudgedMetric, Judgments
from rageval.metrics.verdicts import ABSTAINED, graded_items, mean_grade
from rageval.types import Question, Response, Score, Unscored

_ANSWER = "answer"


def faithfulness(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the answer that the context supports / all its claims. Source: Es et al. 2023, arXiv 2309.15217."""
    if response.abstained:
        return Unscored(ABSTAINED)
    return mean_grade([j for j in judgments["claim_support"] if j.item != _ANSWER], "claims")


def attribution(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """1 if the context supports all that the answer says, else 0.

    The verdict is on the answer as a whole, and of an answer that is one claim, on that one. Source: attributable to
    identified sources, Rashkin et al. 2023, arXiv 2112.12870.
    """
    if response.abstained:
        return Unscored(ABSTAINED)
    said = judgments["claim_support"]
    graded = graded_items([j for j in said if j.item == _ANSWER] or said, "claims")
    return graded if isinstance(graded, Unscored) else Score(min(verdict.grade for _, verdict in graded))


METRICS = (
    JudgedMetric(
        "faithfulness",
        "claims of the answer that its context supports / all claims",
        RAGAS,
        judges=("claim_support",),
        needs_context=True,
        formula=faithfulness,
        instruction={
            "en": (
                "What share of the answer's claims can be inferred from the passages alone, whatever you know "
                "yourself? A number from 0 (none) to 1 (all), such as 0.5."
            ),
            "zh": (
                "答案中的陈述，有多大比例仅凭以上段落就能推出（不要用自己的知识）？"
                "填 0（全都不能）到 1（全都能）之间的数，例如 0.5。"
            ),
        },
    ),
    JudgedMetric(
        "attribution",
        "1 if the context supports all that the answer says, else 0",
        "Rashkin et al. 2023, arXiv 2112.12870",
        judges=("claim_support",),
        needs_context=True,
        formula=attribution,
        binary=True,
        instruction={
            "en": (
                "Can all that the answer says be inferred from the passages alone, whatever you know yourself? 1 "
                "for yes, 0 for no."
            ),
            "zh": "答案所说的全部内容，仅凭以上段落是否都能推出（不要用自己的知识）？是填 1，否填 0。",
        },
    ),
)
