"""A false answer for each question: what an attack plants."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rageval.metrics.overlap import answer_contains
from rageval.stress.changes import draws
from rageval.text.languages import base_language
from rageval.types import Question

NO_REFERENCE = "no reference answer, so no falsehood"
NO_FALSEHOOD = "no false answer of another question in its language"
_NUMBER = re.compile(r"\d+")
_NEAREST = 5


def plan_falsehoods(
    questions: Sequence[Question], others: Sequence[Question], seed: int
) -> tuple[dict[str, str], dict[str, str]]:
    """A false answer for each question that has a reference, by id, and why the others have none.

    A reference with a number gets another number (a year another year). Otherwise it is a reference of one of the
    `others` in the language, drawn by the seed from the five nearest in length that neither contain a reference of this
    question nor are contained in one.
    """
    falsehoods, lacking = dict[str, str](), dict[str, str]()
    for question in questions:
        if not question.references:
            lacking[question.id] = NO_REFERENCE
            continue
        rng = draws(seed, "falsehood", question.id)
        found = _other_number(question, rng) or _other_answer(question, others, rng)
        if found is None:
            lacking[question.id] = NO_FALSEHOOD
        else:
            falsehoods[question.id] = found
    return falsehoods, lacking


def _other_number(question: Question, rng: np.random.Generator) -> str | None:
    """The first reference with its first number changed by up to a fifth, but by 2 at least."""
    truth = question.references[0]
    number = _NUMBER.search(truth)
    if number is None or len(number[0]) > 15:
        return None
    value = int(number[0])
    most = max(6, value // 5) if not 1000 <= value <= 2100 else 60
    changed = value + int(rng.integers(2, most + 1)) * (1 if value < 8 or rng.integers(2) else -1)
    falsehood = truth[: number.start()] + str(max(changed, 0)) + truth[number.end() :]
    return None if _is_true(falsehood, question) else falsehood


def _other_answer(question: Question, questions: Sequence[Question], rng: np.random.Generator) -> str | None:
    language, length = base_language(question.language), len(question.references[0])
    others = dict.fromkeys(
        one.references[0]
        for one in questions
        if one.references and base_language(one.language) == language and not _is_true(one.references[0], question)
    )
    nearest = sorted(others, key=lambda text: abs(len(text) - length))[:_NEAREST]
    return nearest[int(rng.integers(len(nearest)))] if nearest else None


def _is_true(text: str, question: Question) -> bool:
    return any(
        answer_contains(text, truth, question.language) or answer_contains(truth, text, question.language)
        for truth in question.references
    )
