"""Judged metrics: arithmetic over judgments. No model is called here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rageval.metrics import claims, nuggets
from rageval.metrics.names import CUSTOM, OF_JUDGE, Metric
from rageval.metrics.verdicts import graded_items, score_of_silence
from rageval.types import Failure, Judgment, Question, Response, Score, Unscored

NO_PASSAGE_CAN_HELP = "no passage can answer an unanswerable question"
NO_REFERENCE = "the question has no reference answer"

Judgments: TypeAlias = Mapping[str, Sequence[Judgment]]
Arithmetic: TypeAlias = Callable[[Question, Response, Judgments], Score | Unscored]


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """A metric over judgments: whose judgments it reads, what it makes of them, and what it needs.

    `reads_answers` says whether it looks at answers, `needs_reference` whether questions without a reference answer are
    out of its reach, `needs_answerable` whether unanswerable ones are.
    """

    judges: tuple[str, ...]
    arithmetic: Arithmetic
    reads_answers: bool = True
    needs_reference: bool = False
    needs_answerable: bool = False


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


def _of_answer(judge: str) -> Arithmetic:
    """A verdict on the answer as a whole; abstentions and empty answers as `score_of_silence` has them."""

    def arithmetic(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
        silent = score_of_silence(question, response)
        return _mean_grade(judgments[judge], "answers") if silent is None else silent

    return arithmetic


def _of_own(judge: str) -> Arithmetic:
    """The mean grade that a judge of the user's own gave; where it was not asked, as of an answer."""
    silent = _of_answer(judge)

    def arithmetic(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
        said = judgments[judge]
        return _mean_grade(said, "answers") if said else silent(question, response, judgments)

    return arithmetic


def answer_relevance_by_questions(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """Mean cosine of the question with those written from the answer, from the judge `regenerated_questions`.

    Below 0 it is 0. Abstentions and empty answers as `score_of_silence` has them; Es et al. 2023 (arXiv 2309.15217)
    give every noncommittal answer a 0, be the question answerable or not.
    """
    silent = score_of_silence(question, response)
    mean = _mean_grade(judgments["regenerated_questions"], "questions") if silent is None else silent
    return Score(max(0.0, mean.value)) if isinstance(mean, Score) else mean


def _harmlessness(question: Question, response: Response, judgments: Judgments) -> Score | Unscored:
    """An abstention and an empty answer do no harm: they score 1."""
    if response.abstained or response.answer == "":
        return Score(1.0)
    return _mean_grade(judgments["harmlessness"], "answers")


_MATRIX = ("claim_support", "claim_agreement")
_FULL_MATRIX = (*_MATRIX, "reference_support")

JUDGED_METRICS: dict[str, JudgedMetric] = {
    "faithfulness": JudgedMetric(("claim_support",), claims.faithfulness),
    "attribution": JudgedMetric(("claim_support",), claims.attribution),
    "answer_relevance": JudgedMetric(("answer_relevance",), _of_answer("answer_relevance")),
    "answer_relevance_by_questions": JudgedMetric(("regenerated_questions",), answer_relevance_by_questions),
    "context_relevance": JudgedMetric(
        ("passage_relevance",), context_relevance, reads_answers=False, needs_answerable=True
    ),
    "context_relevance_sentences": JudgedMetric(
        ("sentence_relevance",), context_relevance_sentences, reads_answers=False, needs_answerable=True
    ),
    "context_relevance_graded": JudgedMetric(
        ("passage_grade",), context_relevance_graded, reads_answers=False, needs_answerable=True
    ),
    "context_precision": JudgedMetric(
        ("passage_relevance",), context_precision, reads_answers=False, needs_answerable=True
    ),
    "context_recall": JudgedMetric(
        ("reference_support",), claims.context_recall, reads_answers=False, needs_reference=True
    ),
    "context_utilisation": JudgedMetric(
        ("reference_support", "claim_agreement"), claims.context_utilisation, needs_reference=True
    ),
    "answer_precision": JudgedMetric(("claim_agreement",), claims.answer_precision, needs_reference=True),
    "answer_recall": JudgedMetric(("claim_agreement",), claims.answer_recall, needs_reference=True),
    "answer_f1": JudgedMetric(("claim_agreement",), claims.answer_f1, needs_reference=True),
    "hallucination": JudgedMetric(_MATRIX, claims.hallucination, needs_reference=True),
    "self_knowledge": JudgedMetric(_MATRIX, claims.self_knowledge, needs_reference=True),
    "noise_sensitivity_relevant": JudgedMetric(_FULL_MATRIX, claims.noise_sensitivity_relevant, needs_reference=True),
    "noise_sensitivity_irrelevant": JudgedMetric(
        _FULL_MATRIX, claims.noise_sensitivity_irrelevant, needs_reference=True
    ),
    "answer_correctness": JudgedMetric(("answer_correctness",), _of_answer("answer_correctness"), needs_reference=True),
    "completeness": JudgedMetric(("completeness",), _of_answer("completeness")),
    "harmlessness": JudgedMetric(("harmlessness",), _harmlessness),
    "nugget_recall": JudgedMetric(("nuggets",), nuggets.nugget_recall, needs_answerable=True),
    "nugget_recall_all": JudgedMetric(("nuggets",), nuggets.nugget_recall_all, needs_answerable=True),
    "semantic_similarity": JudgedMetric(
        ("semantic_similarity",), _of_answer("semantic_similarity"), needs_reference=True
    ),
}


def judged_metric(name: str) -> JudgedMetric:
    """The metric of that name; a custom one is the mean grade that the judge of the same name gave."""
    return JudgedMetric((name,), _of_own(name)) if name.startswith(CUSTOM) else JUDGED_METRICS[name]


def entries_read(metric: Metric) -> dict[str, str]:
    """The judges that a judged metric reads, each with its entry in a run's manifest: `claim_support:strong` where the
    metric names the judge `strong`, else the judge's own name.
    """
    return {judge: entry_name(judge, metric.judge) for judge in judged_metric(metric.name).judges}


def entry_name(judge: str, name: str) -> str:
    """What the manifest calls a judge that was added under that name; an empty one is of the run's own judges."""
    return f"{judge}{OF_JUDGE}{name}" if name else judge


def score_judged(
    metric: Metric, question: Question, outcome: Response | Failure, judgments: Mapping[str, Sequence[Judgment] | None]
) -> Score | Unscored:
    """One question's score on a judged metric.

    A failure scores the worst value, unless the metric has nothing to say about the question whatever the pipeline
    does. `judgments` is by judge; None where the judge has not seen the response.
    """
    definition = judged_metric(metric.name)
    if definition.needs_answerable and not question.answerable:
        return Unscored(NO_PASSAGE_CAN_HELP)
    if definition.needs_reference and not question.references:
        return Unscored(NO_REFERENCE)
    if isinstance(outcome, Failure):
        return Score(metric.worst, failed=True)
    of_judges: dict[str, Sequence[Judgment]] = {}
    for name in definition.judges:
        found = judgments.get(name)
        if found is None:
            return Unscored("not judged")
        of_judges[name] = found
    return definition.arithmetic(question, outcome, of_judges)


def _of_context(response: Response, judgments: Sequence[Judgment], what: str, *, best: float) -> Score | Unscored:
    if not response.context:
        return Unscored("the context is empty")
    mean = _mean_grade(judgments, what)
    return mean if isinstance(mean, Unscored) else Score(mean.value / best)


def _mean_grade(judgments: Sequence[Judgment], what: str) -> Score | Unscored:
    items = graded_items(judgments, what)
    return items if isinstance(items, Unscored) else Score(sum(v.grade for _, v in items) / len(items))
