"""Metrics of the judge `citation_support`: are sentences borne out by what they cite, and is what they cite needed?

Source: ALCE, Gao et al. 2023, arXiv 2305.14627. Its code gives an answer without citations a precision of 0, where
there is nothing to divide; here that is Unscored, and recall and F1 are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from rageval.metrics.definitions import JudgedMetric, Judgments
from rageval.metrics.verdicts import ABSTAINED, harmonic_mean, mean_grade
from rageval.types import Judgment, Question, Response, Score, Unscored

ALCE = "Gao et al. 2023, arXiv 2305.14627"

_NO_CITATIONS = Unscored("the answer cites nothing")


def citation_recall(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Sentences of the answer that the passages which they cite support together / all its sentences."""
    if response.abstained:
        return Unscored(ABSTAINED)
    return mean_grade(_items(judgments, "sentence"), "sentences")


def citation_precision(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Citations of a supported sentence that support it alone, or without which it is not supported / all citations.

    Unscored for an answer that cites nothing.
    """
    if response.abstained:
        return Unscored(ABSTAINED)
    cited = _items(judgments, "citation")
    return mean_grade(cited, "citations") if cited else _NO_CITATIONS


def citation_f1(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Harmonic mean of citation_recall and citation_precision; 0 where either is 0 or the answer cites nothing."""
    recall = citation_recall(question, response, judgments)
    precision = citation_precision(question, response, judgments)
    if isinstance(recall, Unscored):
        return recall
    if isinstance(precision, Unscored):
        return Score(0.0) if precision is _NO_CITATIONS else precision
    return Score(harmonic_mean(precision.value, recall.value))


def _items(judgments: Judgments, item: str) -> Sequence[Judgment]:
    return [judgment for judgment in judgments["citation_support"] if judgment.item == item]


METRICS = (
    JudgedMetric(
        "citation_recall",
        "sentences of the answer that what they cite supports / all its sentences",
        ALCE,
        judges=("citation_support",),
        needs_context=True,
        formula=citation_recall,
        instruction={
            "en": (
                "What share of the answer's sentences can be inferred from the passages that they cite together? A "
                "sentence that cites nothing, or a passage that is not there, counts as no. A number from 0 (none) "
                "to 1 (all)."
            ),
            "zh": (
                "答案的句子中，有多大比例能由它所引用的各段落合起来推出？没有引用、或引用了不存在的段落的句子算不能。"
                "填 0（全都不能）到 1（全都能）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "citation_precision",
        "citations of supported sentences that support alone, or without which the others do not / all citations",
        ALCE,
        judges=("citation_support",),
        needs_context=True,
        formula=citation_precision,
        instruction={
            "en": (
                "Look at each citation of each sentence. It counts if the cited passages together support the "
                "sentence, and either this passage does so alone or the others do not without it. What share of the "
                "citations counts? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "逐个看每句话的每个引用：所引各段落合起来能支持该句，并且该段落单独就能支持、或去掉它其余段落就不能支持，"
                "才算数。所有引用中有多大比例算数？填 0（都不算）到 1（都算）之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "citation_f1",
        "harmonic mean of citation_recall and citation_precision",
        ALCE,
        judges=("citation_support",),
        needs_context=True,
        formula=citation_f1,
        instruction={
            "en": (
                "R: the share of the answer's sentences that the passages which they cite support; P: the share of "
                "citations that their sentence needs or that support it alone. Give 2 x P x R / (P + R), 0 if either "
                "is 0 or nothing is cited."
            ),
            "zh": (
                "R：答案的句子中能由其所引段落推出的比例；P：引用中单独就能支持该句、或该句缺之不可的比例。"
                "填 2 × P × R / (P + R)，其中一个为 0 或没有任何引用则填 0。"
            ),
        },
    ),
)
