"""Why questions of a run failed, the commonest cause first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from rageval.io.run_folder import RunFolder
from rageval.types import Failure, Json

_WITH_A_NUMBER = re.compile(r"[\w.:/@#-]*\d[\w.:/@#-]*")


@dataclass(frozen=True, slots=True)
class Cause:
    """The error type and message of a failure, and the number of `questions` that failed by it.

    Messages that differ only in numbers, in words that contain a number (addresses, ids of requests) or in the id or
    text of the question are one cause. `message` is then that of the first of these questions.
    """

    error: str
    message: str
    questions: int

    def to_json(self) -> dict[str, Json]:
        return {"error": self.error, "message": self.message, "questions": self.questions}


def read_causes(run: RunFolder, questions: Collection[str] | None = None) -> tuple[Cause, ...]:
    """The causes of all failures of a run, or of those among some questions, the commonest first; causes of equal count
    are in the order of the questions.
    """
    texts = {question_id: question.text for question_id, (question, _) in run.questions().items()}
    counts = Counter[tuple[str, str]]()
    first: dict[tuple[str, str], str] = {}
    for question_id, outcome in run.outcomes(hits=False).items():
        if isinstance(outcome, Failure) and (questions is None or question_id in questions):
            kind = (outcome.error, _without_particulars(outcome.message, question_id, texts.get(question_id, "")))
            counts[kind] += 1
            first.setdefault(kind, " ".join(outcome.message.split()))
    return tuple(Cause(kind[0], first[kind], count) for kind, count in counts.most_common())


def _without_particulars(message: str, question_id: str, text: str) -> str:
    common = message.replace(text, "#") if text else message
    common = re.sub(rf"(?<!\w){re.escape(question_id)}(?!\w)", "#", common)
    return " ".join(_WITH_A_NUMBER.sub("#", common).split())
