"""Metrics of the context: do its passages help, and do those that help stand first?"""

from __future__ import annotations

from collections.abc import Sequence

from rageval.metrics.definitions import RAGAS, JudgedMetric, Judgments
from rageval.metrics.verdicts import graded_items, mean_grade
from rageval.types import Judgment, Question, Response, Score, Unscored

_FEWEST_TO_CONTRADICT = 2


def context_relevance(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Passages of the context that help / passages of the context, 0 to 1, from the judge `passage_relevance`.

    Unscored where the context is empty.
    """
    return _of_context(response, judgments["passage_relevance"], "passages", best=1.0)


def context_relevance_sentences(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Sentences of the context that are needed / all its sentences, 0 to 1, from the judge `sentence_relevance`."""
    return _of_context(response, judgments["sentence_relevance"], "sentences", best=1.0)


def context_relevance_graded(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Mean grade of the passages of the context / 3, 0 to 1, from the judge `passage_grade`."""
    return _of_context(response, judgments["passage_grade"], "passages", best=3.0)


def context_precision(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Average precision of the context in the order in which it was read, 0 to 1, from the judge `passage_relevance`.

    The mean, over the passages that help, of the share of helping passages among those read down to there; 0 where none
    helps. RAGAS computes the same with 1e-10 added below, so that its best score is not 1.
    """
    if not response.context:
        return Unscored("the context is empty")
    items = graded_items(judgments["passage_relevance"], "passages")
    if isinstance(items, Unscored):
        return items
    place = {hit: rank for rank, hit in enumerate(response.context)}
    helps = [grade > 0.0 for _, grade in sorted((place[j.index], v.grade) for j, v in items)]
    found = 0
    total = 0.0
    for rank, useful in enumerate(helps, 1):
        if useful:
            found += 1
            total += found / rank
    return Score(total / found if found else 0.0)


def sufficient_context(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """1 if the context is enough to answer the question, else 0, from the judge `sufficient_context`."""
    return mean_grade(judgments["sufficient_context"], "contexts")


def context_contradiction(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """1 if passages of the context contradict each other, else 0, from the judge `context_agreement`.

    Unscored with fewer than two passages.
    """
    if len(response.context) < _FEWEST_TO_CONTRADICT:
        return Unscored("fewer than two passages were read")
    agree = mean_grade(judgments["context_agreement"], "contexts")
    return agree if isinstance(agree, Unscored) else Score(1.0 - agree.value)


def _of_context(response: Response, judgments: Sequence[Judgment], what: str, *, best: float) -> Score | Unscored:
    if not response.context:
        return Unscored("the context is empty")
    mean = mean_grade(judgments, what)
    return mean if isinstance(mean, Unscored) else Score(mean.value / best)


METRICS = (
    JudgedMetric(
        "context_relevance",
        "passages of the context that state the answer or a part of it / all passages of it",
        f"after {RAGAS}",
        judges=("passage_relevance",),
        needs_context=True,
        formula=context_relevance,
        reads_answers=False,
        needs_answerable=True,
        instruction={
            "en": (
                "What share of the passages states the answer to the question, or a part of it? A number from 0 "
                "(none) to 1 (all): 2 of 5 passages are 0.4."
            ),
            "zh": (
                "有多大比例的段落写明了问题的答案或答案的一部分？填 0（都没有）到 1（都有）之间的数："
                "5 段中有 2 段填 0.4。"
            ),
        },
    ),
    JudgedMetric(
        "context_relevance_sentences",
        "sentences of the context that are needed to answer the question / all sentences of it",
        RAGAS,
        judges=("sentence_relevance",),
        needs_context=True,
        formula=context_relevance_sentences,
        reads_answers=False,
        needs_answerable=True,
        instruction={
            "en": (
                "What share of the sentences in the passages is needed to answer the question? A number from 0 "
                "(none) to 1 (all)."
            ),
            "zh": "段落中有多大比例的句子是回答问题所需要的？填 0（都不需要）到 1（都需要）之间的数。",
        },
    ),
    JudgedMetric(
        "context_relevance_graded",
        "mean of the passages' grades from 0 to 3 / 3",
        "UMBRELA, Upadhyay et al. 2024, arXiv 2406.06519",
        judges=("passage_grade",),
        needs_context=True,
        formula=context_relevance_graded,
        reads_answers=False,
        needs_answerable=True,
        instruction={
            "en": (
                "Grade each passage: 0 has nothing to do with the question, 1 is related but does not answer it, 2 "
                "has an unclear or partial answer, 3 is about the question and holds the exact answer. Give the "
                "mean grade divided by 3, a number from 0 to 1."
            ),
            "zh": (
                "给每个段落打分：0 与问题无关，1 相关但没有回答，2 答案不清楚或不完整，3 专门针对问题且有确切答案。"
                "填平均分除以 3 所得的 0 到 1 之间的数。"
            ),
        },
    ),
    JudgedMetric(
        "context_precision",
        "mean, over the passages that help, of the share of helping passages down to there; 0 if none helps",
        "RAGAS context precision",
        judges=("passage_relevance",),
        needs_context=True,
        formula=context_precision,
        reads_answers=False,
        needs_answerable=True,
        instruction={
            "en": (
                "For each passage that states the answer or a part of it: how many such passages there are down to "
                "it, divided by its number; the mean of these, 0 if there is none. Passages 1 and 3: (1/1 + 2/3) / "
                "2 = 0.83."
            ),
            "zh": (
                "对每个写明答案或其一部分的段落，算出截至该段（含）这样的段落数除以该段编号，再取平均；"
                "一段都没有填 0。例如第 1、3 段：(1/1 + 2/3) / 2 = 0.83。"
            ),
        },
    ),
    JudgedMetric(
        "sufficient_context",
        "1 if the context is enough to answer the question, else 0",
        "Joren et al. 2024, arXiv 2411.06037",
        judges=("sufficient_context",),
        needs_context=True,
        formula=sufficient_context,
        reads_answers=False,
        binary=True,
        instruction={
            "en": (
                "Without looking at the answer: are the passages enough to give a definite answer to the whole "
                "question? 1 for yes, 0 for no."
            ),
            "zh": "不看答案：仅凭以上段落，是否足以对整个问题作出明确的回答？是填 1，否填 0。",
        },
    ),
    JudgedMetric(
        "context_contradiction",
        "1 if passages of the context contradict each other about the question, else 0",
        "rageval",
        judges=("context_agreement",),
        needs_context=True,
        formula=context_contradiction,
        reads_answers=False,
        binary=True,
        lower_is_better=True,
        instruction={
            "en": (
                "Do two of the passages say things about the question that cannot both be true? 1 for yes, 0 for no."
            ),
            "zh": "关于这个问题，是否有两个段落的说法不可能同时为真？是填 1，否填 0。",
        },
    ),
)
