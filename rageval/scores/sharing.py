"""Which questions share a source document, and so are not independent of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError
from rageval.stats.clusters import make_clustering

ClusterBy: TypeAlias = Literal["document", "none"]
Documents: TypeAlias = Mapping[str, Collection[int]]
"""Numbers of each question's relevant documents, by question id."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """`clusters` are the documents of each of some questions, in their order; None where they count as independent.

    `note` is a sentence for reports; it is empty where no two questions share a document.
    """

    clusters: tuple[frozenset[int], ...] | None
    note: str


def relevant_documents(grades: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    """The documents of each question with a grade above 0, numbered from 0 by question id and document id."""
    numbers: dict[str, int] = {}
    return {
        question: tuple(
            sorted(
                numbers.setdefault(document, len(numbers))
                for document, grade in sorted(grades[question].items())
                if grade > 0
            )
        )
        for question in sorted(grades)
    }


def find_sharing(documents: Documents, questions: Sequence[str], cluster_by: ClusterBy | None = None) -> Sharing:
    """How these questions share documents. By default they are clustered by them where any two share one.

    Raises DeclarationError where `cluster_by="document"` and all share one.
    """
    labels = tuple(frozenset(documents.get(question, ())) for question in questions)
    shared = any(count > 1 for count in Counter(one for several in labels for one in several).values())
    if not shared:
        return Sharing(labels if cluster_by == "document" and len(questions) > 1 else None, "")
    if cluster_by == "none":
        return Sharing(None, "Questions that share a document are taken for independent, as asked (cluster-by none).")
    try:
        effective = make_clustering(labels, len(labels)).effective
    except ValueError:
        if cluster_by == "document":
            raise DeclarationError(
                f"--cluster-by document: found that all {len(labels)} questions share a document, expected two or more "
                "documents: leave it out"
            ) from None
        return Sharing(None, f"All {len(labels)} questions share a document, and are taken for independent.")
    return Sharing(
        labels,
        f"Questions that share a document are not independent: these {len(labels)} are as good as {effective:.0f} "
        "documents (cluster-by none would not count that).",
    )
