"""Multiple choice questions in all cyclic orders of their options, so that no position has an advantage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase
from typing import cast

from rageval.benchmark.in_memory import validated
from rageval.errors import DeclarationError
from rageval.types import Benchmark, Question, RelevanceLabel

ROTATED = "rotated:"
"""Before a reference to a benchmark: `load` rotates the options of its questions."""
OPTIONS, RIGHT = "options", "right"
ROTATION_OF, ROTATION = "rotation_of", "rotation"


def options_of(question: Question) -> tuple[str, ...]:
    """The options of a multiple choice question, from its metadata; empty for any other question."""
    options = question.metadata.get(OPTIONS)
    if not isinstance(options, list) or not all(isinstance(one, str) for one in options):
        return ()
    return tuple(cast("list[str]", options))


def right_option(question: Question) -> int | None:
    """The place (from 0) of the right option, by the letter under `right`; None where there is none."""
    letter = question.metadata.get(RIGHT)
    letters = ascii_uppercase[: len(options_of(question))]
    return letters.index(letter) if isinstance(letter, str) and len(letter) == 1 and letter in letters else None


def rotate_options(benchmark: Benchmark) -> Benchmark:
    """The benchmark with each multiple choice question once for every cyclic order of its options; others stay.

    The orders of the question `q` are `q~0` (as it is) to `q~3`, each with its relevance labels; metadata `rotation_of`
    names the question. A question has its options in its metadata (`options`, and the letter `right`) and as its last
    lines (`A. …`). Raises DeclarationError where there is no such question, or its last lines are not its options.
    """
    if not any(map(options_of, benchmark.questions)):
        raise DeclarationError(
            f"{benchmark.name}: found no question with options in its metadata, expected some to rotate"
        )
    questions: list[Question] = []
    ids: dict[str, list[str]] = {}
    for question in benchmark.questions:
        rotated = _rotations(question) if options_of(question) else [question]
        questions += rotated
        ids[question.id] = [one.id for one in rotated]
    labels: list[RelevanceLabel] = [
        replace(label, question_id=name) for label in benchmark.labels for name in ids[label.question_id]
    ]
    return validated(replace(benchmark, questions=tuple(questions), labels=tuple(labels)))


def _rotations(question: Question) -> list[Question]:
    options, right = options_of(question), right_option(question)
    lines = question.text.split("\n")
    stem, listed = lines[: -len(options)], lines[-len(options) :]
    if right is None or listed != _listed(options) or not stem:
        raise DeclarationError(
            f"question {question.id}: found the last lines {listed}, expected its options, {_listed(options)}, and the "
            "letter of the right one under `right`"
        )
    found: list[Question] = []
    for turn in range(len(options)):
        turned = [*options[turn:], *options[:turn]]
        letter = ascii_uppercase[(right - turn) % len(options)]
        before = f"{ascii_uppercase[right]}. "
        references = tuple(
            f"{letter}. {reference.removeprefix(before)}" if reference == before + options[right] else reference
            for reference in question.references
        )
        metadata = {
            **question.metadata, OPTIONS: [*turned], RIGHT: letter, ROTATION_OF: question.id, ROTATION: turn,
        }  # fmt: skip
        text = "\n".join([*stem, *_listed(turned)])
        found.append(replace(question, id=f"{question.id}~{turn}", text=text, references=references, metadata=metadata))
    return found


def _listed(options: Sequence[str]) -> list[str]:
    return [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]
