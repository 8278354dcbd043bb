"""From outcomes and judgments to scores: arithmetic that can be redone at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rageval.io.records import Outcome
from rageval.metrics.custom import OwnMetric, score_custom
from rageval.metrics.definitions import AnswerMetric, JudgedMetric
from rageval.metrics.judged import entries_read, score_judged
from rageval.metrics.names import Metric
from rageval.metrics.ranking import score_rankings
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.scores.estimates import estimate, stored_estimate
from rageval.scores.evidence_scores import evidence_scores, texts_with_evidence
from rageval.scores.score_column import ScoreColumn
from rageval.scores.sharing import Documents
from rageval.types import (
    Benchmark,
    Failure,
    Json,
    Judgment,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Unscored,
)

Scores = Mapping[Metric, Mapping[str, Score | Unscored]]
Judgments = Mapping[str, Mapping[str, tuple[Judgment, ...]]]

_AT_ONCE = 200  # questions in memory at the same time, each with all its hits

NO_HITS_AT_ALL = Unscored("the pipeline returned no hits for any question")
NO_CONTEXT_AT_ALL = Unscored("no answer of the pipeline has a context")


def score_outcomes(
    metrics: Sequence[Metric],
    benchmark: Benchmark,
    questions: Sequence[Question],
    outcomes: Mapping[str, Outcome],
    judgments: Judgments,
    own_metrics: Sequence[OwnMetric] = (),
) -> Scores:
    """Every question's score on every metric. `judgments` is by the judge's name in the manifest, then by question id.
    `own_metrics` are the user's own among the metrics. The judge `abstention` settles which answers abstain where their
    words do not.

    Every question must have an outcome. A failure scores the worst value on every metric that applies to the question.
    Documents are ranked by their best passage; evidence metrics look at the passages. Outcomes and judgments are read
    once, a batch of questions at a time.
    """
    ranking = [metric for metric in metrics if metric.kind == "ranking"]
    evidence = [metric for metric in metrics if metric.kind == "evidence"]
    no_hits = bool(ranking or evidence) and _none_has(_hits, questions, outcomes)
    no_context = needing_context(metrics, questions, outcomes)
    places = {question.id: place for place, question in enumerate(questions)}
    own = {one.name: one.metric for one in own_metrics}
    labels = _labels_of_chunks(benchmark, places) if ((ranking or evidence) and not no_hits) or own else {}
    texts = texts_with_evidence(benchmark) if evidence else {}
    scores = {metric: ScoreColumn(places) for metric in metrics}
    settling = judgments.get(ABSTENTION, {})
    for number, some in enumerate(_chunks(questions)):
        answered = {q.id: settled(outcomes[q.id], settling.get(q.id)) for q in some}
        judged = {name: _of(said, answered) for name, said in judgments.items()}
        grades = _grades(labels.get(number, ()))
        if no_hits:
            for metric in (*ranking, *evidence):
                scores[metric].add(dict.fromkeys(answered, NO_HITS_AT_ALL))
        else:
            of_hits = _ranking_scores(ranking, grades, answered, benchmark) if ranking else {}
            if evidence:
                of_hits |= evidence_scores(evidence, labels.get(number, ()), some, answered, benchmark, texts)
            for metric, found in of_hits.items():
                scores[metric].add(found)
        for metric in metrics:
            if metric in no_context:
                scores[metric].add(dict.fromkeys(answered, NO_CONTEXT_AT_ALL))
            elif metric.kind == "judged":
                scores[metric].add(score_verdicts(metric, some, answered, judged))
            elif isinstance(definition := metric.definition, AnswerMetric):
                scores[metric].add({q.id: definition.formula(q, answered[q.id]) for q in some})
            elif metric.kind == "custom":
                formula = own[metric.name]
                scores[metric].add({q.id: score_custom(formula, q, answered[q.id], grades.get(q.id, {})) for q in some})
    return scores


def score_verdicts(
    metric: Metric,
    questions: Sequence[Question],
    outcomes: Mapping[str, Outcome],
    judgments: Judgments,
    settling: Mapping[str, Sequence[Judgment]] | None = None,
) -> dict[str, Score | Unscored]:
    """Every question's score on a judged metric; `judgments` as for `score_outcomes`. `settling` is what the judge
    `abstention` said, by question id, where the outcomes do not have it yet.
    """
    entries = entries_read(metric)
    return {
        question.id: score_judged(
            metric,
            question,
            settled(outcomes[question.id], (settling or {}).get(question.id)),
            {judge: judgments.get(entry, {}).get(question.id) for judge, entry in entries.items()},
        )
        for question in questions
    }


def _chunks(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    return (questions[start : start + _AT_ONCE] for start in range(0, len(questions), _AT_ONCE))


def _of(said: Mapping[str, tuple[Judgment, ...]], answered: Iterable[str]) -> dict[str, tuple[Judgment, ...]]:
    found = ((question_id, said.get(question_id)) for question_id in answered)
    return {question_id: judgments for question_id, judgments in found if judgments is not None}


def _labels_of_chunks(benchmark: Benchmark, places: Mapping[str, int]) -> dict[int, list[RelevanceLabel]]:
    """The labels of each chunk's questions, by the chunk's number."""
    labels: dict[int, list[RelevanceLabel]] = {}
    for label in benchmark.labels:
        if label.question_id in places:
            labels.setdefault(places[label.question_id] // _AT_ONCE, []).append(label)
    return labels


def _grades(labels: Iterable[RelevanceLabel]) -> dict[str, dict[str, int]]:
    """Grades by question and document, of several the best."""
    by_question: dict[str, dict[str, int]] = {}
    for label in labels:
        grades = by_question.setdefault(label.question_id, {})
        grades[label.doc_id] = max(label.grade, grades.get(label.doc_id, label.grade))
    return by_question


def needing_context(
    metrics: Sequence[Metric], questions: Sequence[Question], outcomes: Mapping[str, Outcome]
) -> frozenset[Metric]:
    """Those metrics that look at contexts, if no response has any; none if there is something to look at."""
    needing = [one for one in metrics if isinstance(one.definition, JudgedMetric) and one.definition.needs_context]
    return frozenset(needing if needing and _none_has(_context, questions, outcomes) else ())


def _hits(response: Response) -> object:
    return response.hits


def _context(response: Response) -> object:
    return response.context


def _none_has(
    part: Callable[[Response], object], questions: Sequence[Question], outcomes: Mapping[str, Outcome]
) -> bool:
    """Whether there are responses, and that part of all of them is empty: the pipeline does not retrieve."""
    responses = False
    for question in questions:
        outcome = outcomes[question.id]
        if isinstance(outcome, Response):
            if part(outcome):
                return False
            responses = True
    return responses


def _ranking_scores(
    metrics: Sequence[Metric],
    labels: Mapping[str, Mapping[str, int]],
    outcomes: Mapping[str, Outcome],
    benchmark: Benchmark,
) -> dict[Metric, dict[str, Score | Unscored]]:
    rankings = {question_id: ranked_documents(outcome) for question_id, outcome in outcomes.items()}
    scores = score_rankings(
        metrics,
        labels,
        rankings,
        [*outcomes],
        exclude_self=benchmark.exclude_self,
        grade_threshold=benchmark.grade_threshold,
    )
    return {
        metric: {
            question_id: Score(score.value, failed=isinstance(outcomes[question_id], Failure))
            if isinstance(score, Score)
            else score
            for question_id, score in by_question.items()
        }
        for metric, by_question in scores.items()
    }


def ranked_documents(outcome: Outcome) -> list[tuple[str, float]]:
    """Documents in the order of their best passages, with scores that fall by one so that no two are tied."""
    if not isinstance(outcome, Response):
        return []
    documents = list(dict.fromkeys(hit.passage.doc_id for hit in outcome.hits))
    return list(zip(documents, map(float, range(len(documents), 0, -1)), strict=True))


def scores_to_json(scores: Scores, documents: Documents, repeats: Sequence[Scores] = ()) -> dict[str, Json]:
    """The content of scores.json. `documents` are the relevant ones of each question. `repeats` are the scores of the
    first, second, … answers, where there are several and `scores` are their means.
    """
    data: dict[str, Json] = {}
    for metric, by_question in scores.items():
        mean = estimate(by_question, documents=documents)
        data[str(metric)] = {
            "estimate": None if mean is None else stored_estimate(mean),
            **_part(by_question),
            **({"repeats": [_part(one[metric]) for one in repeats]} if len(repeats) > 1 else {}),
        }
    return data


def _part(by_question: Mapping[str, Score | Unscored]) -> dict[str, Json]:
    return {
        "questions": {q: score.value for q, score in by_question.items() if isinstance(score, Score)},
        "failed": [q for q, score in by_question.items() if isinstance(score, Score) and score.failed],
        "unscored": {q: score.reason for q, score in by_question.items() if isinstance(score, Unscored)},
    }
