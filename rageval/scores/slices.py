"""Slices of a run's questions: those in one language, with one tag, or alike in a field of their metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from rageval.errors import DeclarationError
from rageval.scores.run_scores import SliceValues
from rageval.types import Question

LANGUAGE = "language"
TAG = "tag"
CAUSE = "cause"
NONE = "(none)"
"""The slice of the questions that have no tag, or no value in a field."""

MOST_SLICES = 50


def question_slices(questions: Iterable[Question]) -> dict[str, SliceValues]:
    """By field, the slices of each question: one language, any number of tags (sorted), and one value of each field of
    the metadata that holds a text, number or truth value. Fields named `language`, `tag` or `cause` are left out.
    """
    languages: dict[str, tuple[str, ...]] = {}
    tags: dict[str, tuple[str, ...]] = {}
    fields: dict[str, dict[str, tuple[str, ...]]] = {}
    for question in questions:
        languages[question.id] = (str(question.language),)
        tags[question.id] = tuple(sorted(set(question.tags)))
        for name, value in question.metadata.items():
            if name not in (LANGUAGE, TAG, CAUSE) and isinstance(value, str | int | float):
                text = value if isinstance(value, str) else json.dumps(value)
                fields.setdefault(name, {})[question.id] = (text,)
    return {LANGUAGE: languages, TAG: tags, **fields}


def slice_members(values: SliceValues, questions: Iterable[str], field: str) -> dict[str, frozenset[str]]:
    """The questions of each slice, by its name, sorted; those without a value last, under `(none)`.

    Raises DeclarationError for more than 50 slices.
    """
    members: dict[str, set[str]] = {}
    for question in questions:
        for value in values.get(question) or (NONE,):
            members.setdefault(value, set()).add(question)
    if len(members) > MOST_SLICES:
        raise DeclarationError(
            f"slices by {field}: found {len(members)} values, expected at most {MOST_SLICES}: choose a field that "
            "groups questions"
        )
    return {name: frozenset(members[name]) for name in sorted(members, key=lambda name: (name == NONE, name))}


def slice_values(slices: Mapping[str, SliceValues], field: str) -> SliceValues:
    """The slices of that field, by question id. Raises DeclarationError, with the known fields, for another one."""
    if field not in slices:
        raise DeclarationError(f"slices by {field}: found no such field of the questions, expected {', '.join(slices)}")
    return slices[field]
