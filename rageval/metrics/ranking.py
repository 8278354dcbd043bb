"""Ranking metrics, defined as trec_eval defines them, over whole runs at once.

- A ranking is ordered by score, highest first, then by document id, highest first (by code point, which is the order
  of the UTF-8 bytes). The place in a list or a rank column counts for nothing.
- Scores are compared in single precision, as trec_eval keeps them: what differs by less than about 1 part in 10^7
  is a tie.
- A document that a ranking names twice counts once, at its best rank; later documents move up.
- A document is relevant if its grade is 1 or more, or as much as `grade_threshold` (trec_eval -l) says. Unjudged
  documents and lower grades are not, and gain nothing. ndcg takes grades from 1 on as gains whatever the threshold.
- precision@k divides by k, and map, recall and the ideal of ndcg look at all relevant documents, however few were
  retrieved.
- A labelled question scores 0 on everything where the ranking is empty or missing (`trec_eval -c`). Where none of its
  labelled documents is relevant, it scores 0 on everything but judged.

Two entries, one implementation: `score_rankings` takes mappings of ids, `score_arrays` takes integer codes.

Only labelled documents that were retrieved add to any of the metrics. So the run is sorted once, each label looks up
its rank, and each metric is a sum over these few hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.metrics.definitions import RankingMetric
from rageval.metrics.names import Metric
from rageval.metrics.ranking_formulas import Floats, Ints, RankedHits, count_within, first_rows
from rageval.metrics.verdicts import NO_LABELS
from rageval.types import Score, Unscored

Codes: TypeAlias = NDArray[np.integer]
_Keys: TypeAlias = NDArray[np.uint64]

CODE_BITS = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)
_BLOCK_ROWS = 32_768  # so that a block's arrays stay in the processor's cache
_ANY_GRADE = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class RunArrays:
    """Hits, one a row, in any order: the question's code, the document's code, the score.

    Question codes count from 0. Document codes are shared with the labels and ascend as the ids do (so that ties can
    be broken by id), each from 0 to 2^32 - 1. Raises DeclarationError for arrays of unequal length, codes out of range
    and NaN scores.
    """

    question: Codes
    doc: Codes
    score: NDArray[np.floating]

    def __post_init__(self) -> None:
        check_rows("run", self.question, self.doc, self.score)
        if np.isnan(self.score).any():
            row = int(np.isnan(self.score).argmax())
            raise DeclarationError(f"run arrays, row {row}: found the score NaN, expected a number: drop the hit")


@dataclass(frozen=True, slots=True, eq=False)
class LabelArrays:
    """Relevance labels, one a row, in any order, with the codes of `RunArrays` and integer grades.

    No question may label a document twice. Raises DeclarationError for arrays of unequal length, codes out of range
    and repeated labels.
    """

    question: Codes
    doc: Codes
    grade: Codes

    def __post_init__(self) -> None:
        check_rows("label", self.question, self.doc, self.grade)
        pairs = np.sort(pack(self.question, self.doc))
        repeated = pairs[1:][pairs[1:] == pairs[:-1]]
        if repeated.size:
            question, doc = int(repeated[0] >> CODE_BITS), int(repeated[0] & _LOW_HALF)
            raise DeclarationError(
                f"label arrays: found question {question} and document {doc} twice, expected one grade: drop one"
            )


def score_rankings(
    metrics: Sequence[Metric],
    labels: Mapping[str, Mapping[str, int]],
    rankings: Mapping[str, Sequence[tuple[str, float]]],
    questions: Sequence[str],
    *,
    exclude_self: bool = False,
    grade_threshold: int = 1,
) -> dict[Metric, dict[str, Score | Unscored]]:
    """Score each question's ranking of (document id, score) pairs against its grades by document id.

    The result holds every question of `questions` for every metric, from 0 to 1: `Unscored` where `labels` has no row
    for it. Labels and rankings of other questions are ignored. `exclude_self` takes a document out of the ranking of
    the question that has its id, as BEIR's evaluation does; its label stays.
    Raises DeclarationError for a metric that is not a ranking metric and for a score that is NaN.
    """
    labelled = [question for question in dict.fromkeys(questions) if labels.get(question)]
    graded = [labels[question] for question in labelled]
    hits = [rankings.get(question, ()) for question in labelled]
    if exclude_self:
        hits = [[hit for hit in ranking if hit[0] != q] for q, ranking in zip(labelled, hits, strict=True)]
    flat_hits = list(chain.from_iterable(hits))
    hit_docs = list(map(itemgetter(0), flat_hits))
    label_docs = list(chain.from_iterable(graded))
    code = {doc: code for code, doc in enumerate(sorted({*hit_docs, *label_docs}))}
    scores = np.fromiter(map(itemgetter(1), flat_hits), np.float64, len(flat_hits))
    if np.isnan(scores).any():
        doc = hit_docs[int(np.isnan(scores).argmax())]
        raise DeclarationError(f"document {doc!r} was ranked with the score NaN, expected a number: drop the hit")
    values = score_arrays(
        metrics,
        RunArrays(codes_by_length(hits), _int_array(map(code.__getitem__, hit_docs), len(hit_docs)), scores),
        LabelArrays(
            codes_by_length(graded),
            _int_array(map(code.__getitem__, label_docs), len(label_docs)),
            _int_array(chain.from_iterable(grades.values() for grades in graded), len(label_docs)),
        ),
        len(labelled),
        grade_threshold=grade_threshold,
    )
    result: dict[Metric, dict[str, Score | Unscored]] = {}
    for metric, column in values.items():
        by_question = dict.fromkeys(questions, NO_LABELS)
        result[metric] = {**by_question, **dict(zip(labelled, map(Score, column.tolist()), strict=True))}
    return result


def score_arrays(
    metrics: Sequence[Metric], run: RunArrays, labels: LabelArrays, n_questions: int, *, grade_threshold: int = 1
) -> dict[Metric, Floats]:
    """Score questions 0 to `n_questions` - 1: for every metric an array with one number from 0 to 1 per question.

    Every question must have a label, or its number would mean nothing; the run may lack questions, which score 0.
    Rows are worked on in blocks of whole questions; beyond the input, memory is needed for one block (and for a copy of
    rows that do not come grouped by ascending question).
    Raises DeclarationError for a metric that is not a ranking metric, a question without labels, and codes that are
    not below `n_questions`.
    """
    definitions = {metric: _definition(metric) for metric in metrics}
    thresholds = {
        metric: _ANY_GRADE if one.all_labels else 1 if one.graded else grade_threshold
        for metric, one in definitions.items()
    }
    check_questions("run", run.question, "label", labels.question, n_questions)
    run_rows = _Rows.by_question(run.question, run.doc, run.score)
    label_rows = _Rows.by_question(labels.question, labels.doc, labels.grade)
    values = {metric: np.empty(n_questions) for metric in metrics}
    for first, end in question_blocks(run_rows.question, n_questions):
        run_block, label_block = run_rows.block(first, end), label_rows.block(first, end)
        pairs = _ranked_pairs(run_block)
        hits = {
            least: _find_hits(pairs, label_block, end - first, least, grade_threshold)
            for least in {*thresholds.values()}
        }
        for metric, column in values.items():
            column[first:end] = definitions[metric].formula(hits[thresholds[metric]], metric.cutoff)
    return values


def check_questions(of_run: str, run: Codes, of_labels: str, labels: Codes, n_questions: int) -> None:
    """Raises DeclarationError for question codes that are not below `n_questions`, and for a question without labels.

    `of_run` and `of_labels` name the arrays.
    """
    for name, codes in ((of_run, run), (of_labels, labels)):
        if codes.size and codes.max() >= n_questions:
            raise DeclarationError(
                f"{name} arrays: found question {int(codes.max())}, expected codes below {n_questions}: drop the rows"
            )
    unlabelled = np.flatnonzero(np.bincount(labels.astype(np.int64), minlength=n_questions) == 0)
    if unlabelled.size:
        raise DeclarationError(
            f"{of_labels} arrays: found none for question {int(unlabelled[0])}, expected at least one for every "
            "question: leave questions without labels out"
        )


def _definition(metric: Metric) -> RankingMetric:
    definition = metric.definition
    if not isinstance(definition, RankingMetric):
        looks_at = {"judged": "is judged", "evidence": "looks at passages"}
        what = looks_at.get(definition.kind, "looks at answers")
        raise DeclarationError(f"metric '{metric}' {what}: it cannot be computed from rankings and labels alone")
    return definition


class _Rows(NamedTuple):
    """Rows of a run or of labels with their number (score or grade), grouped by ascending question."""

    question: Ints
    doc: Codes
    number: NDArray[np.number]

    @classmethod
    def by_question(cls, question: Codes, doc: Codes, number: NDArray[np.number]) -> _Rows:
        rows = cls(question.astype(np.int64, copy=False), doc, number)
        if np.all(rows.question[1:] >= rows.question[:-1]):
            return rows
        order = np.argsort(rows.question, kind="stable")
        return cls(rows.question[order], doc[order], number[order])

    def block(self, first: int, end: int) -> _Rows:
        """The rows of questions `first` to `end` - 1, their codes counted from `first`."""
        start, stop = np.searchsorted(self.question, (first, end))
        return _Rows(self.question[start:stop] - first, self.doc[start:stop], self.number[start:stop])


def question_blocks(question: Ints, n_questions: int) -> Iterator[tuple[int, int]]:
    """Cut the questions into ranges with about `_BLOCK_ROWS` hits each (more where one question has more)."""
    starters = question[_BLOCK_ROWS::_BLOCK_ROWS].tolist()
    edges = sorted({0, *starters, n_questions})
    return pairwise(edges)


def _find_hits(pairs: _Keys, labels: _Rows, n_questions: int, least_grade: int, grade_threshold: int) -> RankedHits:
    """The labelled documents with at least that grade, and where the ranking has them."""
    by_pair = np.argsort(pairs)
    sorted_pairs = pairs[by_pair]

    is_relevant = labels.number >= least_grade
    label_pairs = pack(labels.question[is_relevant], labels.doc[is_relevant])
    label_order = np.argsort(label_pairs)
    label_pairs = label_pairs[label_order]
    gains = labels.number[is_relevant][label_order].astype(np.int64)
    questions = (label_pairs >> CODE_BITS).astype(np.int64)

    places = np.searchsorted(sorted_pairs, label_pairs)
    is_found = places < pairs.size
    is_found[is_found] = sorted_pairs[places[is_found]] == label_pairs[is_found]
    places = by_pair[places[is_found]]
    order = np.argsort(places)
    places = places[order]
    question = questions[is_found][order]

    ideal = np.lexsort((-gains, questions))
    retrieved = np.bincount((pairs >> CODE_BITS).astype(np.int64), minlength=n_questions)
    relevant = np.bincount(questions, minlength=n_questions)
    return RankedHits(
        question=question,
        rank=places - first_rows(retrieved)[question] + 1,
        gain=gains[is_found][order],
        nth=count_within(question, n_questions),
        relevant=relevant,
        ideal_question=questions[ideal],
        ideal_gain=gains[ideal],
        retrieved=retrieved,
        least_grade=grade_threshold,
    )


def _ranked_pairs(run: _Rows) -> _Keys:
    """Every hit as question << 32 | document, by question and then best first, repeated documents dropped."""
    best_first = np.argsort(~pack(_ordinal_scores(run.number), run.doc))
    pairs = pack(run.question, run.doc)[best_first]
    by_question = np.sort((pairs & ~_LOW_HALF) | np.arange(pairs.size, dtype=np.uint64))
    pairs = pairs[(by_question & _LOW_HALF).astype(np.int64)]
    in_order = np.sort(pairs)
    if np.any(in_order[1:] == in_order[:-1]):
        _, first = np.unique(pairs, return_index=True)
        pairs = pairs[np.sort(first)]
    return pairs


def _ordinal_scores(scores: NDArray[np.number]) -> NDArray[np.uint32]:
    """Integers in the order of the scores, equal where trec_eval, which keeps scores as C floats, sees a tie."""
    with np.errstate(over="ignore"):
        single = scores.astype(np.float32)
    single += np.float32(0)  # -0.0 becomes 0.0
    bits = single.view(np.uint32)
    sign = np.uint32(1 << 31)
    return np.where(bits & sign, ~bits, bits | sign)


def pack(high: Codes, low: Codes) -> _Keys:
    """Two columns of codes as one: the first in the high half of the bits."""
    return (high.astype(np.uint64) << CODE_BITS) | low.astype(np.uint64)


def check_rows(what: str, question: Codes, doc: Codes, *numbers: NDArray[np.number]) -> None:
    """Raises DeclarationError for arrays of unequal length and for codes out of range."""
    shapes = [column.shape for column in (question, doc, *numbers)]
    if any(shape != (question.size,) for shape in shapes):
        found = ", ".join(map(str, shapes))
        raise DeclarationError(f"{what} arrays: found shapes {found}, expected columns of one length")
    check_codes(what, "question", question)
    check_codes(what, "document", doc)


def check_codes(what: str, name: str, codes: Codes) -> None:
    """Raises DeclarationError for codes that are not within 0 to 2^32 - 1."""
    if codes.size and not (int(codes.min()) >= 0 and int(codes.max()) < 2**32):
        raise DeclarationError(
            f"{what} arrays: found {name} codes from {int(codes.min())} to {int(codes.max())}, "
            "expected them within 0 to 2^32 - 1"
        )


def _int_array(numbers: Iterable[int], count: int) -> Ints:
    return np.fromiter(numbers, np.int64, count)


def codes_by_length(groups: Sequence[Sequence[object] | Mapping[str, int]]) -> Ints:
    """The position of each group, repeated once for each of its members."""
    return np.repeat(np.arange(len(groups)), _int_array(map(len, groups), len(groups)))
