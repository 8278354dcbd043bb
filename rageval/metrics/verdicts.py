"""From judgments to grades, or to the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from rageval.types import Abstained, Failure, Graded, Judgment, Question, Response, Score, Unscored

Outcome = TypeVar("Outcome", bound=Response | Failure)

ABSTENTION = "abstention"
"""The judge that settles whether an answer abstains."""
CLAIM = "claim"
REFERENCE_CLAIM = "reference_claim"

DIFFERENT_CLAIMS = "two judges saw different claims of the same text"
NO_ANSWER = "no answer was generated"
NO_REFERENCE = "the question has no reference answer"
NO_LABELS = Unscored("the question has no relevance labels")
ABSTAINED = "the pipeline abstained: nothing to check"
RIGHTLY_ABSTAINED = "the pipeline rightly abstained"


def settled(outcome: Outcome, said: Sequence[Judgment] | None) -> Outcome:
    """The outcome with what the judge `abstention` said of it, where its own words left that open."""
    if not isinstance(outcome, Response) or outcome.abstained is not None:
        return outcome
    grades = [judgment.verdict.grade for judgment in said or () if isinstance(judgment.verdict, Graded)]
    return replace(outcome, abstained=grades[0] > 0.5) if grades else outcome


def score_of_silence(question: Question, response: Response) -> Score | Unscored | None:
    """Returns the score of an abstention or an empty answer where an answer is wanted; None if there is more to judge.

    An abstention scores 0 on an answerable question. On an unanswerable one it is right, and Unscored. An empty answer
    scores 0. If no answer was asked for (it is None), the judgments decide.
    """
    if response.abstained:
        return Score(0.0) if question.answerable else Unscored(RIGHTLY_ABSTAINED)
    return Score(0.0) if response.answer == "" else None


def graded_items(judgments: Sequence[Judgment], what: str) -> list[tuple[Judgment, Graded]] | Unscored:
    """Each judgment with its verdict; Unscored where there is nothing to judge or any verdict is missing.

    `what` names the items in the reason.
    """
    if not judgments:
        return Unscored(f"there are no {what} to judge")
    graded = [(judgment, judgment.verdict) for judgment in judgments if isinstance(judgment.verdict, Graded)]
    if len(graded) < len(judgments):
        reason = next(j.verdict.reason for j in judgments if isinstance(j.verdict, Abstained))
        return Unscored(f"{len(judgments) - len(graded)} of {len(judgments)} verdicts missing: {reason}")
    return graded


def mean_grade(judgments: Sequence[Judgment], what: str) -> Score | Unscored:
    """The mean grade; Unscored as `graded_items`."""
    items = graded_items(judgments, what)
    return items if isinstance(items, Unscored) else Score(sum(v.grade for _, v in items) / len(items))


def claim_verdicts(judgments: Sequence[Judgment], item: str) -> dict[str, Graded] | Unscored:
    """The verdicts on claims of that kind, by the claim's words.

    Unscored as `graded_items`; a judgment on the text as a whole says why there are no claims.
    """
    about = [judgment for judgment in judgments if judgment.item in (item, f"{item}s")]
    graded = graded_items(about, "claims of the reference" if item == REFERENCE_CLAIM else "claims")
    return graded if isinstance(graded, Unscored) else {judgment.text: verdict for judgment, verdict in graded}


def share_of_claims(verdicts: Mapping[str, Graded] | Unscored) -> Score | Unscored:
    """The mean grade of the claims; Unscored where the verdicts are."""
    if isinstance(verdicts, Unscored):
        return verdicts
    return Score(sum(verdict.grade for verdict in verdicts.values()) / len(verdicts))


def harmonic_mean(first: float, second: float) -> float:
    """F1 of two shares from 0 to 1; 0 where either is 0."""
    both = first + second
    return 2.0 * first * second / both if both else 0.0
