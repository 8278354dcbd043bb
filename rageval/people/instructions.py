"""What people are asked about an answer: the same question that the metric asks."""

from __future__ import annotations

from rageval.metrics.judged import judged_metric
from rageval.metrics.names import Metric
from rageval.text.languages import Language, prompt_language


def instruction(metric: Metric, language: Language, question: str) -> str:
    """What people are asked about a judged metric; `question` is what its judge asks, for a judge of the user's own."""
    return judged_metric(metric).instruction[prompt_language(language)].replace("{question}", question)


_LABELLING = {
    "en": "Does this document help to answer the question? Write the grade: 0 for no, 1 to {top} for yes (as in the "
    "benchmark). If you can, copy the words that answer it into quote.",
    "zh": "这篇文档是否有助于回答问题？在 grade 中填写等级：0 表示无关，1 到 {top} 表示相关（与基准的等级一致）。"
    "如有直接作答的原文，请抄入 quote。",
}


def labelling_instruction(language: Language, top: int) -> str:
    """What people are asked who grade a document for a question, from 0 to `top`."""
    return _LABELLING[prompt_language(language)].format(top=top)


_GRADING = {
    "en": "Does this document help to answer the question? 0 for no, 1 to {top} for yes. Mark the words that answer "
    "it.",
    "zh": "这篇文档是否有助于回答问题？0 表示无关，1 到 {top} 表示相关。请标出直接作答的原文。",
}


def grading_instruction(language: Language, top: int) -> str:
    """What people are asked on the page, who grade a document by key, from 0 to `top`."""
    return _GRADING[prompt_language(language)].format(top=top)


_PREFERRING = {
    "en": "Which answer is better: more right, more complete, of more help? Write left, right or tie into preference.",
    "zh": "哪个答案更好：更正确、更完整、更有帮助？在 preference 中填写 left（左）、right（右）或 tie（不分上下）。",
}


def preference_instruction(language: Language) -> str:
    """What people are asked who say which of two answers is better."""
    return _PREFERRING[prompt_language(language)]
