"""Whether two files speak of the same questions and documents: scores of ids of two kinds would all be 0."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rageval.errors import DeclarationError
from rageval.io.tolerance import first_ids

_FEW_QUESTIONS = 0.5
_FEW_WITH_DOCUMENTS = 0.1


def check_question_ids(asked_at: str, asked: Collection[str], run_at: str, answered: Collection[str]) -> list[str]:
    """A warning where the run has fewer than half of the questions asked.

    Raises DeclarationError, with three ids of each side, where it has none of them. The places begin the messages.
    """
    shared = set(asked) & set(answered)
    examples = f"{asked_at} has {first_ids(asked)}, and {run_at} {first_ids(answered)}"
    if not shared:
        raise DeclarationError(f"{run_at}: found no question of {asked_at}, expected ids in common: {examples}")
    if len(shared) < _FEW_QUESTIONS * len(asked):
        return [f"{run_at} has {len(shared)} of the {len(asked)} questions of {asked_at}: {examples}"]
    return []


def check_document_ids(
    labels_at: str, labels: Mapping[str, Collection[str]], run_at: str, ranked: Mapping[str, Collection[str]]
) -> list[str]:
    """A warning where the run ranks a labelled document for fewer than a tenth of the labelled questions that it has.

    `labels` and `ranked` are ids of documents by question. Raises DeclarationError, with three ids of each side, where
    the run ranks documents and none of them has a label for any of these questions.
    """
    shared = [question for question in labels if ranked.get(question)]
    if not shared:
        return []
    found = [question for question in shared if not set(labels[question]).isdisjoint(ranked[question])]
    labelled = dict.fromkeys(doc for question in shared for doc in labels[question])
    documents = dict.fromkeys(doc for question in shared for doc in ranked[question])
    examples = f"{labels_at} has {first_ids(labelled)}, and {run_at} {first_ids(documents)}"
    if not labelled.keys() & documents.keys():
        raise DeclarationError(
            f"{run_at}: found no labelled document of {labels_at}, expected ids in common: {examples}"
        )
    if len(found) < _FEW_WITH_DOCUMENTS * len(shared):
        return [f"{run_at} ranks a labelled document for {len(found)} of {len(shared)} questions: {examples}"]
    return []
