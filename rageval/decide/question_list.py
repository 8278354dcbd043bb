"""The questions of a finished run, the worst first, with causes and scores."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.decide.diagnosis import CAUSES, Diagnosis, RunDiagnosis
from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.types import Failure, Json, Question


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """A question with its cause and its scores by metric; metrics that could not score it are left out."""

    question: Question
    diagnosis: Diagnosis
    scores: Mapping[str, float]

    @property
    def badness(self) -> tuple[object, ...]:
        """Sorts the worst first: what is not right, by the mean of the scores (turned round where lower is better)."""
        gains = [1.0 - score if parse(name).lower_is_better else score for name, score in self.scores.items()]
        right, *rest = self.diagnosis.badness
        return right, round(sum(gains) / len(gains), 9) if gains else 0.0, *rest

    def to_json(self) -> dict[str, Json]:
        return {
            **self.diagnosis.to_json(),
            "text": self.question.text,
            "language": self.question.language,
            "tags": [*self.question.tags],
            "scores": {**self.scores},
        }


def list_questions(
    diagnosed: RunDiagnosis,
    *,
    failed: bool = False,
    causes: Sequence[str] = (),
    tags: Sequence[str] = (),
    grep: str | None = None,
) -> list[ListedQuestion]:
    """The questions, the worst first; of equal ones in the run's order.

    `failed` keeps those on which the pipeline failed, `causes` those with one of these causes, `tags` those with one of
    these tags, `grep` those in whose id, text, references or answer the regular expression is found (letters of either
    case). All conditions must hold. Raises DeclarationError for a cause or tag that is unknown and for what is no
    regular expression.
    """
    _check("--cause", causes, [*CAUSES])
    _check("--tag", tags, sorted({tag for question, _ in diagnosed.asked.values() for tag in question.tags}))
    pattern = _compiled(grep)
    found: list[ListedQuestion] = []
    for question_id in diagnosed.questions:
        question = diagnosed.question(question_id)
        if tags and not {*tags} & {*question.tags}:
            continue
        if pattern is not None and not any(map(pattern.search, _texts(diagnosed, question))):
            continue
        diagnosis = diagnosed.of(question_id)
        if (failed and diagnosis.cause != "pipeline_failed") or (causes and diagnosis.cause not in causes):
            continue
        scores = {
            name: data["questions"][question_id]
            for name, data in diagnosed.scores.items()
            if question_id in data["questions"]
        }
        found.append(ListedQuestion(question, diagnosis, scores))
    return sorted(found, key=lambda one: one.badness)


def _texts(diagnosed: RunDiagnosis, question: Question) -> list[str]:
    outcome = diagnosed.outcome(question.id)
    said = outcome.message if isinstance(outcome, Failure) else outcome.answer
    return [question.id, question.text, *question.references, said or ""]


def _check(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    for one in given:
        if one not in known:
            near = difflib.get_close_matches(one, known, n=3) or known
            raise DeclarationError(
                f"{option}: found {one!r}, expected {', '.join(near) or 'none: no question has any'}"
            )


def _compiled(grep: str | None) -> re.Pattern[str] | None:
    try:
        return None if grep is None else re.compile(grep, re.IGNORECASE)
    except re.error as error:
        raise DeclarationError(f"--grep: found {grep!r}, which is no regular expression ({error})") from None
