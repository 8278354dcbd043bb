"""What is asked for: a file of models, the settings, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pydantic

from rageval.benchmark import load
from rageval.benchmark.native import load_corpus
from rageval.errors import DeclarationError
from rageval.experiment.spec import BudgetPart, Models, known_keys
from rageval.io.strict import Place, Strict, first_problem, read_mapping
from rageval.io.text_lines import JSON_LINES, filled_lines, find_file, read_lines
from rageval.types import Benchmark

ATTEMPTS = 4
MOST_QUESTIONS = 100_000


class ModelsFile(Strict):
    """A file of models: `chat` writes the questions, `judge` checks them, `embed` searches."""

    models: Models = Models()
    budget: BudgetPart | None = None


def read_models(path: Path) -> ModelsFile:
    """Parse a file of models. Raises DeclarationError that names the file, and the line or key."""
    data = read_mapping(path, "a file of models", "models and budget")
    try:
        return check_models(data)
    except DeclarationError as error:
        raise DeclarationError(f"{path}: {error}") from None


def check_models(data: Mapping[str, object]) -> ModelsFile:
    """The models of a mapping in the form of such a file. Raises DeclarationError that names the key."""
    try:
        found = ModelsFile.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(first_problem(error, _keys)) from None
    if len(found.models.raters) * found.models.judge_samples > 1:
        raise DeclarationError("models.judge: found a panel, expected one model, asked once")
    return found


def _keys(place: Place) -> list[str]:
    return known_keys(place) if place else [*ModelsFile.model_fields]


@dataclass(frozen=True, kw_only=True)
class Request:
    """Questions to write about a benchmark's documents.

    `mix` has the weight of each kind. `personas` and `like` (real questions) are styles, each in turn. A question that
    is refused is written anew, `attempts` times in all. `keep_questions` also puts the benchmark's own questions and
    labels into the new one. `models` are relative to `base`.
    """

    benchmark: Benchmark
    n: int
    mix: Mapping[str, int]
    personas: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    seed: int = 0
    attempts: int = ATTEMPTS
    keep_questions: bool = False
    models: Models = Models()
    budget: BudgetPart | None = None
    base: Path = Path()

    def __post_init__(self) -> None:
        if not 1 <= self.n <= MOST_QUESTIONS:
            raise DeclarationError(f"n: found {self.n}, expected 1 to {MOST_QUESTIONS:,} questions")
        if self.attempts < 1:
            raise DeclarationError(f"attempts: found {self.attempts}, expected at least 1")

    def style_of(self, slot: int) -> dict[str, str]:
        """The persona and the real question that the question of that slot is like, where any are given."""
        given = {"persona": self.personas, "like": self.like}
        return {name: texts[slot % len(texts)] for name, texts in given.items() if texts}


def read_styles(path: Path, what: str) -> tuple[str, ...]:
    """The texts of a file, one a line; empty lines do not count.

    Raises DeclarationError for a file that cannot be read as UTF-8, or without any.
    """
    problems: list[str] = []
    try:
        texts = tuple(text.strip() for _, text in filled_lines(read_lines(path, problems), problems) if text.strip())
    except OSError as error:
        raise DeclarationError(
            f"{path}: cannot be read ({error.strerror or error}), expected {what}, one a line"
        ) from None
    if problems:
        raise DeclarationError(problems[0])
    if not texts:
        raise DeclarationError(f"{path}: found no line with a text, expected {what}, one a line")
    return texts


def read_benchmark(reference: str) -> Benchmark:
    """The benchmark of that reference; of a folder in rageval's own format, the documents alone will do.

    Raises BenchmarkError as loading does.
    """
    folder = Path(reference)
    documents, questions = (find_file(folder, stem, JSON_LINES) for stem in ("documents", "questions"))
    if documents.is_file() and (not questions.is_file() or not questions.stat().st_size):
        return load_corpus(folder)
    return load(reference)
