"""Choosing which of a benchmark's questions to ask."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rageval.errors import DeclarationError
from rageval.text.languages import Language, in_order
from rageval.types import Benchmark, Question


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """Questions in `language`, with at least one of `tags` and none of `exclude_tags`; of them, a `sample`.

    What is left out does not restrict. The sample is drawn from the questions that pass, evenly over languages.
    """

    language: Language | None = None
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    sample: int | None = None


Selection: TypeAlias = int | Sequence[str] | QuestionFilter | None


def select_questions(benchmark: Benchmark, selection: Selection, seed: int) -> tuple[Question, ...]:
    """The chosen questions, in the order of the benchmark: all (None), a sample of n, those with ids, or a filter's.

    A sample has the same number of questions in each language as far as there are enough; an odd one goes to English.
    It depends on `seed` and the ids alone, is the same on every platform and Python, and grows with n: the questions of
    a smaller sample are all in a larger one, so nothing already answered is asked again. Within a language each set of
    questions is equally likely (the questions are ordered by the SHA-256 of seed and id).

    Raises `DeclarationError` for an unknown or repeated id, a tag or language that no question has, a sample that is
    not between 1 and the number of questions, and where no question is left.
    """
    match selection:
        case None:
            return benchmark.questions
        case int():
            return _sample(benchmark.questions, selection, seed)
        case QuestionFilter():
            return _filter(benchmark, selection, seed)
        case _:
            return _by_id(benchmark, selection)


def _by_id(benchmark: Benchmark, ids: Sequence[str]) -> tuple[Question, ...]:
    if isinstance(ids, str) or not ids:
        raise DeclarationError(f"questions: found {ids!r}, expected a number, a list of question ids, or a filter")
    _require_known("id", ids, {question.id for question in benchmark.questions}, benchmark)
    chosen = Counter(ids)
    question_id, times = chosen.most_common(1)[0]
    if times > 1:
        raise DeclarationError(f"questions: found the id {question_id!r} {times} times, expected each id once")
    return tuple(question for question in benchmark.questions if question.id in chosen)


def _filter(benchmark: Benchmark, wanted: QuestionFilter, seed: int) -> tuple[Question, ...]:
    _require_known("tag", wanted.tags, {tag for question in benchmark.questions for tag in question.tags}, benchmark)
    tags, excluded = set(wanted.tags), set(wanted.exclude_tags)
    questions = tuple(
        question
        for question in benchmark.questions
        if wanted.language in (None, question.language)
        and (not tags or tags & set(question.tags))
        and not excluded & set(question.tags)
    )
    if not questions:
        raise DeclarationError(f"questions: found no question of {benchmark.name} for {wanted}, expected at least one")
    return questions if wanted.sample is None else _sample(questions, wanted.sample, seed)


def _sample(questions: tuple[Question, ...], n: int, seed: int) -> tuple[Question, ...]:
    if not 1 <= n <= len(questions):
        raise DeclarationError(
            f"questions: found a sample of {n}, expected 1 to {len(questions)}, the number of questions"
        )
    queues = [
        sorted((q for q in questions if q.language == language), key=lambda question: draw(seed, question.id))
        for language in in_order(question.language for question in questions)
    ]
    turns = [question for turn in range(n) for queue in queues for question in queue[turn : turn + 1]]
    chosen = {question.id for question in turns[:n]}
    return tuple(question for question in questions if question.id in chosen)


def draw(seed: int, question_id: str) -> bytes:
    """Where a question comes in the random order of that seed: by these bytes, which depend on its id alone."""
    return hashlib.sha256(f"{seed}:{question_id}".encode()).digest()


def _require_known(word: str, names: Sequence[str], known: set[str], benchmark: Benchmark) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise DeclarationError(
                f"questions: found the unknown {word} {name!r}, expected one of {benchmark.name}{hint}"
            )
