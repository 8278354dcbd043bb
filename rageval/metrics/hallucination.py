"""Hallucination measured in five ways: by facts, by questions, by entailment, by a classifier, and by a chat model.

All are shares or verdicts from 0 to 1, lower is better, against the context that was read; an abstention is unscored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rageval.metrics.definitions import JudgedMetric, Judgments
from rageval.metrics.faithfulness import attribution
from rageval.metrics.verdicts import ABSTAINED, mean_grade
from rageval.text.languages import Language
from rageval.types import Question, Response, Score, Unscored

_Formula: TypeAlias = Callable[[Question, Response, Judgments], Score | Unscored]


def hallucination_llm(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """1 - `attribution`: 1 unless the context supports all that the answer says."""
    return _complement(attribution(question, response, judgments))


def contradiction(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Claims of the answer that the context contradicts / all its claims."""
    if response.abstained:
        return Unscored(ABSTAINED)
    return mean_grade(judgments["claim_contradiction"], "claims")


def _not_found(judge: str, what: str) -> _Formula:
    """1 - the mean grade of the judge's items."""

    def score(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
        if response.abstained:
            return Unscored(ABSTAINED)
        return _complement(mean_grade(judgments[judge], what))

    return score


def _complement(score: Score | Unscored) -> Score | Unscored:
    return score if isinstance(score, Unscored) else Score(1.0 - score.value)


def _metric(
    name: str,
    meaning: str,
    source: str,
    judge: str,
    formula: _Formula,
    instruction: Mapping[Language, str],
    *,
    binary: bool = False,
) -> JudgedMetric:
    return JudgedMetric(
        name,
        meaning,
        source,
        judges=(judge,),
        formula=formula,
        instruction=instruction,
        binary=binary,
        lower_is_better=True,
        needs_context=True,
    )


METRICS = (
    _metric(
        "hallucination_ie",
        "facts of the answer (as triples) of which the context has none with the same ends / all its facts",
        "after Goodrich et al. 2019",
        "fact_match",
        _not_found("fact_match", "facts"),
        {
            "en": (
                "What share of the facts that the answer states (who or what, relation, whom or what) do the passages "
                "not state? A number from 0 (none) to 1 (all)."
            ),
            "zh": "答案陈述的事实（主体、关系、客体）中，有多大比例段落没有写明？填 0（没有）到 1（全都是）之间的数。",
        },
    ),
    _metric(
        "hallucination_qa",
        "1 - mean F1 of what the answer and what the context reply to questions about the answer's facts",
        "after QAGS, Wang et al. 2020, arXiv 2004.04228",
        "fact_questions",
        _not_found("fact_questions", "questions"),
        {
            "en": (
                "Ask a question about each fact of the answer. For what share of them do the passages give another "
                "reply than the answer, or none? A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "针对答案中的每个事实提一个问题。其中多大比例的问题，段落给出的回答与答案不同、或没有给出？"
                "填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
    _metric(
        "hallucination_nli",
        "sentences of the answer that no sentence of the context entails, by an NLI model / all its sentences",
        "after SummaC, Laban et al. 2022, arXiv 2111.09525",
        "sentence_entailment",
        _not_found("sentence_entailment", "sentences"),
        {
            "en": (
                "What share of the answer's sentences cannot be inferred from any single sentence of the passages? A "
                "number from 0 (none) to 1 (all)."
            ),
            "zh": "答案的句子中，有多大比例不能由段落中的任何一句话推出？填 0（没有）到 1（全都是）之间的数。",
        },
    ),
    _metric(
        "hallucination_classifier",
        "1 unless a classifier finds all of the answer supported by the context",
        "rageval",
        "answer_entailment",
        _not_found("answer_entailment", "answers"),
        {
            "en": "Does the answer say anything that cannot be inferred from the passages? 1 for yes, 0 for no.",
            "zh": "答案是否说了段落推不出的内容？是填 1，否填 0。",
        },
        binary=True,
    ),
    _metric(
        "hallucination_llm",
        "1 - attribution: 1 unless the context supports all that the answer says, by a chat model",
        "Rashkin et al. 2023, arXiv 2112.12870",
        "claim_support",
        hallucination_llm,
        {
            "en": (
                "Does the answer say anything that cannot be inferred from the passages alone, whatever you know "
                "yourself? 1 for yes, 0 for no."
            ),
            "zh": "答案是否说了仅凭以上段落推不出的内容（不要用自己的知识）？是填 1，否填 0。",
        },
        binary=True,
    ),
    _metric(
        "contradiction",
        "claims of the answer that the context contradicts / all its claims",
        "rageval",
        "claim_contradiction",
        contradiction,
        {
            "en": (
                "What share of the answer's claims do the passages contradict, so that both cannot be true? A claim "
                "that they leave open is not contradicted. A number from 0 (none) to 1 (all)."
            ),
            "zh": (
                "答案的陈述中，有多大比例与段落矛盾（不可能同时为真）？段落没有提到的不算矛盾。"
                "填 0（没有）到 1（全都是）之间的数。"
            ),
        },
    ),
)
