"""What people prefer, question by question, and the win share that follows from it and the judge's verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.scores.answer_pairs import POINTS, AnswerPair, PreferenceOutcome, in_labelling_order
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval, mean_interval, ppi_mean
from rageval.types import Json

LEVEL = 0.95
NOT_RANDOM = (
    "labels not known to be a random sample: they are not the first questions in the order of "
    "`rageval prefer --sample`, and may have been chosen"
)


@dataclass(frozen=True, slots=True)
class PreferenceLabel:
    """One person's preference between the two answers to a question; `outcome` is the candidate's."""

    question_id: str
    outcome: PreferenceOutcome
    annotator: str = ""


@dataclass(frozen=True, slots=True)
class LabelledShare:
    """The candidate's win share over all questions, from people's preferences on some and the judge's on all.

    `labelled` counts the questions with a preference of people, `settled` those among the sample that needed none.
    `labels_only` and `judge_only` are what either says alone. `warning` is empty for a random sample.
    """

    share: Interval
    labels_only: Interval
    judge_only: Interval
    labelled: int
    settled: int
    annotators: int
    warning: str

    def to_json(self) -> dict[str, Json]:
        return {
            "win_share": interval_to_json(self.share),
            "labels_only": interval_to_json(self.labels_only),
            "judge_only": interval_to_json(self.judge_only),
            "labelled": self.labelled,
            "settled": self.settled,
            "annotators": self.annotators,
            "warning": self.warning,
        }


def labelled_share(
    pairs: Sequence[AnswerPair],
    judged: Mapping[str, PreferenceOutcome | None],
    labels: Sequence[PreferenceLabel],
) -> LabelledShare:
    """By prediction-powered inference (`ppi_mean`): 1 for a win, 0.5 for a tie, 0 for a loss, several people's mean.

    The judge's verdict on a question is a tie where its reply could not be read. If the questions with a label are the
    first ones that people are asked in `in_labelling_order`, they are a random sample, together with those before the
    last of them that are settled without anybody: equal answers, one or both silent. Else only the labels count, with a
    warning.

    Raises DeclarationError for labels of questions that are not compared, or none at all.
    """
    order = in_labelling_order(pairs)
    given = _by_question(labels)
    if unknown := sorted(given.keys() - {pair.question.id for pair in pairs}):
        raise DeclarationError(f"found a preference on {unknown[0]!r}, expected questions that are compared")
    if not given:
        raise DeclarationError("found no preference, expected at least one row that is filled in")
    scores = {pair.question.id: _points(judged[pair.question.id]) for pair in pairs}
    asked = [pair.question.id for pair in order if pair.settled is None]
    known, random = dict(given), {*asked[: len(given)]} == given.keys()
    if random:
        last = len(order) if len(given) == len(asked) else [p.question.id for p in order].index(asked[len(given) - 1])
        settled: dict[str, PreferenceOutcome] = {
            pair.question.id: pair.settled[0] for pair in order[:last] if pair.settled is not None
        }
        known |= {question: POINTS[outcome] for question, outcome in settled.items()}
    labelled = [pair.question.id for pair in pairs if pair.question.id in known]
    others = [pair.question.id for pair in pairs if pair.question.id not in known]
    y = [known[question] for question in labelled]
    if others:
        joined = ppi_mean(y, [scores[q] for q in labelled], [scores[q] for q in others], level=LEVEL)
        share = Interval(joined.point, joined.low, joined.high, LEVEL, joined.method, len(pairs))
        labels_only = joined.labels_only
    else:
        share = labels_only = mean_interval(y, level=LEVEL)
    judge_only = mean_interval([*scores.values()], level=LEVEL)
    people = len({one.annotator for one in labels})
    return LabelledShare(
        share, labels_only, judge_only, len(given), len(known) - len(given), people, "" if random else NOT_RANDOM
    )


def _points(verdict: PreferenceOutcome | None) -> float:
    return POINTS["tie" if verdict is None else verdict]


def _by_question(labels: Sequence[PreferenceLabel]) -> dict[str, float]:
    points: dict[str, list[float]] = {}
    for one in labels:
        points.setdefault(one.question_id, []).append(POINTS[one.outcome])
    return {question: sum(values) / len(values) for question, values in points.items()}
