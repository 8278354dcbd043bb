"""Finished run folders with chosen answers, and models that choose between two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rageval.io.records import Outcome, question_to_json
from rageval.io.run_folder import RunFolder
from rageval.models.base import ChatReply
from rageval.types import Failure, Question, Response
from tests.unit.sides import ids, write_run

Chooses = Callable[[str, str], str]

SILENT = Response(answer="I cannot say.", abstained=True)
FAILED = Failure("ExecutionError", "timed out")
NOT_GENERATED = Response()

_SHOWN = re.compile(r"<passages>\n\[1\] (.*)\n\[2\] (.*)\n</passages>")


def write_answers(
    path: Path,
    answers: Sequence[str | Outcome],
    *,
    questions: Mapping[int, Question] | None = None,
    **changes: Any,
) -> Path:
    """A finished run whose i-th question `q00i` was answered so; `questions` replaces some, ids left alone."""
    asked = ids(len(answers))
    write_run(path, {"token_f1": [0.5] * len(answers)}, **changes)
    folder = RunFolder(path)
    for question, answer in zip(asked, answers, strict=True):
        folder.add_outcome(question, Response(answer=answer) if isinstance(answer, str) else answer)
    folder.write_questions(
        question_to_json((questions or {}).get(i, Question(name, f"What is {name}?")), [])
        for i, name in enumerate(asked)
    )
    return path


def shown(prompt: str) -> tuple[str, str]:
    """The two answers as a prompt shows them."""
    found = _SHOWN.search(prompt)
    assert found is not None, prompt
    return found[1], found[2]


def by_goodness(first: str, second: str) -> str:
    """The greater of the numbers that the answers hold: `good 3` is better than `good 1`."""
    return "1" if _goodness(first) > _goodness(second) else "2"


def always_first(first: str, second: str) -> str:
    return "1"


def choosing(choose: Chooses) -> Callable[[Any], ChatReply | str]:
    """A script for `ScriptedChat`."""
    return lambda request: choose(*shown(request.messages[-1].content))


def _goodness(answer: str) -> int:
    found = re.search(r"\d+", answer)
    return int(found[0]) if found else 0
