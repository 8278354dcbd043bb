"""The answers of two runs to the same questions, side by side, for a judge or for people to prefer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rageval.errors import NotComparableError
from rageval.identity import fingerprint
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.scores.random_order import in_random_order, random_numbers
from rageval.scores.run_scores import RunScores
from rageval.types import Failure, Json, Question, Response

PreferenceOutcome: TypeAlias = Literal["win", "tie", "loss"]
SettledHow: TypeAlias = Literal["same answer", "one is silent", "both are silent"]

POINTS: Mapping[PreferenceOutcome, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}
"""The candidate's share of a question."""
_ORDER = (0, "preference")


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """What baseline and candidate returned for one question."""

    question: Question
    baseline: Outcome
    candidate: Outcome

    @property
    def answers(self) -> tuple[str, str]:
        """The texts of baseline and candidate, stripped; empty for a failure."""
        return _answer(self.baseline), _answer(self.candidate)

    @property
    def settled(self) -> tuple[PreferenceOutcome, SettledHow] | None:
        """The candidate's outcome where nobody need be asked; None where both answered, and differently."""
        before, after = (_standing(self.question, outcome) for outcome in (self.baseline, self.candidate))
        if before != after:
            return ("win" if after > before else "loss"), "one is silent"
        if before != 1:
            return "tie", "both are silent"
        return ("tie", "same answer") if len({*self.answers}) == 1 else None

    @property
    def candidate_left(self) -> bool:
        """Whether a sheet for people shows the candidate's answer on the left: at random, and always alike."""
        return random_numbers(*_ORDER, self.question.id)[1] < 0.5

    def compared(self) -> Json:
        """All that a preference between the two depends on, for a key."""
        sides = zip((self.baseline, self.candidate), self.answers, strict=True)
        both: list[Json] = [[_standing(self.question, outcome), answer] for outcome, answer in sides]
        return [self.question.id, *both]


def read_answer_pairs(baseline: RunScores, candidate: RunScores) -> list[AnswerPair]:
    """The pairs of the candidate's questions, in its order; both runs have them all.

    Raises NotComparableError for input without answers: a baseline file, a run without generation, a lost response.
    """
    before, after = _outcomes(baseline), _outcomes(candidate)
    questions = RunFolder(Path(candidate.source)).questions()
    return [AnswerPair(questions[q][0], before[q], after[q]) for q in candidate.questions]


def pairs_digest(pairs: Sequence[AnswerPair]) -> str:
    """Names the questions and both answers to each, for a sheet; starts with a letter, so no spreadsheet rounds it."""
    return "p" + fingerprint([pair.compared() for pair in pairs])[:11]


def in_labelling_order(pairs: Sequence[AnswerPair]) -> list[AnswerPair]:
    """The pairs in the fixed pseudo-random order in which people are asked; any first part is a random sample."""
    by_id = {pair.question.id: pair for pair in pairs}
    return [by_id[question_id] for question_id in in_random_order(*_ORDER, by_id)]


def _outcomes(run: RunScores) -> Mapping[str, Outcome]:
    path = Path(run.source)
    if not path.is_dir():
        raise NotComparableError(f"{run.source}: found a baseline, which has no answers, expected a run folder")
    found = RunFolder(path).outcomes()
    if missing := [question for question in run.questions if question not in found]:
        raise NotComparableError(f"{path}/responses.jsonl: found no response to {missing[0]!r}; run it again")
    outcomes = {question: found[question] for question in run.questions}
    if all(isinstance(o, Response) and o.answer is None and not o.abstained for o in outcomes.values()):
        raise NotComparableError(f"{path}: found no answers, expected a run that generates: add a metric of answers")
    return outcomes


def _answer(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Failure) else (outcome.answer or "").strip()


def _standing(question: Question, outcome: Outcome) -> int:
    """0 without an answer, 1 with one; an abstention is 0, or 2 on an unanswerable question, where it is right."""
    if not isinstance(outcome, Failure) and outcome.abstained:
        return 0 if question.answerable else 2
    return int(_answer(outcome) != "")
