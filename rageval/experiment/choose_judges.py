"""Judges of the user's own: rubrics (YAML), and `CustomJudge`s checked before they judge."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from rageval.errors import DeclarationError
from rageval.io.strict import Place, Strict, first_problem, read_mapping
from rageval.judges import CustomJudge, Judge, Rubric, asks_model, judge_key
from rageval.judges.custom import guarded
from rageval.judges.rubric import Shown, Wording
from rageval.metrics.names import CUSTOM
from rageval.text.languages import Language, is_language
from rageval.types import Question

_RUBRIC = (".yaml", ".yml")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class WordingPart(Strict):
    """A rubric's question and levels in one language."""

    question: str
    levels: tuple[str, ...]


class RubricFile(Strict):
    """The whole file; in the file itself the wordings stand under the codes of their languages."""

    name: str
    version: Annotated[int, Field(ge=1)] = 1
    shows: tuple[Shown, ...] = ("question", "answer")
    wordings: dict[Language, WordingPart]


def is_rubric(reference: str) -> bool:
    """Whether the path is that of a rubric."""
    return reference.endswith(_RUBRIC)


def check_languages(judges: Sequence[Judge], questions: Sequence[Question], key: str = "metrics") -> None:
    """Raises DeclarationError where a rubric is not worded in the language of some question."""
    asked = dict.fromkeys(question.language for question in questions)
    for judge in judges:
        missing = [language for language in asked if isinstance(judge, Rubric) and judge.wording(language) is None]
        if missing:
            count = sum(question.language in missing for question in questions)
            raise DeclarationError(
                f"{key}: {judge.name}: found no wording in {missing[0]}, which {count} of the questions are in: add "
                f"`{missing[0]}: {{question: ..., levels: [...]}}` to the rubric, or choose questions by language"
            )


def read_rubric(reference: str, path: Path) -> Rubric:
    """The rubric that a YAML file holds; `reference` is how it was named. Raises DeclarationError."""
    data = read_mapping(path, "a rubric", "name, en and zh", as_written=True)
    try:
        file = RubricFile.model_validate(_gather_wordings(data))
    except pydantic.ValidationError as error:
        problem = first_problem(error, _known_keys).removeprefix("wordings.")
        raise DeclarationError(f"{reference}: {problem}") from None
    if not _NAME.fullmatch(file.name):
        raise DeclarationError(
            f"{reference}: name: found {file.name!r}, expected lower-case letters, digits and _, such as tone"
        )
    try:
        wordings = {language: Wording(part.question, part.levels) for language, part in file.wordings.items()}
        return Rubric(CUSTOM + file.name, wordings, file.shows, file.version)
    except DeclarationError as error:
        raise DeclarationError(f"{reference}: {error}") from None


def _gather_wordings(data: dict[str, Any]) -> dict[str, Any]:
    """The form of a file as that of `RubricFile`."""
    wordings = {key: value for key, value in data.items() if is_language(key)}
    others = {key: value for key, value in data.items() if key not in wordings}
    return {**others, "wordings": wordings} if "wordings" not in others else others


def _known_keys(place: Place) -> Sequence[str]:
    return list(WordingPart.model_fields) if place else ["name", "version", "shows", "en", "zh"]


def checked_judge(own: CustomJudge | Rubric, place: str, file: str | None = None) -> Judge:
    """The judge in the form that rageval runs. `file` is a digest of the files that it was loaded from.

    Raises DeclarationError, starting with `place`, for a judge whose definition is incomplete.
    """
    _check_name(own, place)
    if isinstance(own, Rubric):
        return own
    if not inspect.iscoroutinefunction(own.judge):
        raise DeclarationError(f"{place}: {own.name}: found a plain `def judge`, expected `async def judge`")
    judge = guarded(own, file)
    try:
        judge_key(judge, None)
        asks_model(judge)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise DeclarationError(f"{place}: {own.name}: found no readable `calls` and `prompts` ({what})") from error
    return judge


def _check_name(judge: CustomJudge | Rubric, place: str) -> None:
    name = getattr(judge, "name", None)
    if not isinstance(name, str) or not name.startswith(CUSTOM) or not _NAME.fullmatch(name.removeprefix(CUSTOM)):
        raise DeclarationError(
            f"{place}: found {name!r} as the name of a {type(judge).__name__}, expected {CUSTOM} with lower-case "
            f"letters, digits and _, such as {CUSTOM}brevity"
        )
