"""What hurts retrieval in documents: the kinds of faults, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from rageval.models.base import Vectors
from rageval.types import Document, Json

Kind: TypeAlias = Literal[
    "unreadable",
    "exact-duplicate",
    "near-duplicate",
    "boilerplate",
    "encoding",
    "html",
    "unfindable",
    "language",
    "outlier",
    "stale",
    "personal",
    "long",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

REMEDIES: Mapping[Kind, str] = MappingProxyType(
    {
        "unreadable": "mend or convert the files: nothing of them can be retrieved",
        "exact-duplicate": "keep one: copies take each other's places in the ranking (--fix drops them)",
        "near-duplicate": "keep the newest, or say in the text how they differ",
        "boilerplate": "take it out: every passage that has it looks alike (--fix cuts it)",
        "encoding": "read the source again in its own encoding (--fix mends what can be told)",
        "html": "convert it again, or strip the tags (--fix strips them)",
        "unfindable": "fill it, join it to another document, or leave it out",
        "language": "leave it out, or ask questions in that language too (--language says which are meant)",
        "outlier": "look whether it belongs here",
        "stale": "leave it out, or keep only the version in force: old answers look right",
        "personal": "take it out before a model reads it (--fix --redact)",
        "long": "split it: a ranking of documents says little of where in it the answer stands",
    }
)
"""What to do about each kind."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `doc_id` names the document (for boilerplate the first that has it, for what is unreadable the file),
    `others` those it shares the fault with, and `note` says what was found. Personal data is masked in it.
    """

    kind: Kind
    doc_id: str
    note: str
    others: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "document": self.doc_id, "others": [*self.others], "note": self.note}


@dataclass(frozen=True, slots=True)
class CorpusCheck:
    """What was found, by kind in the order of `KINDS`, then in the order of the documents.

    `not_checked` says of kinds why they were not looked for. `vectors` are unit vectors of the documents, None where
    nothing was embedded.
    """

    documents: tuple[Document, ...]
    faults: tuple[Fault, ...]
    not_checked: Mapping[Kind, str] = field(default_factory=dict[Kind, str])
    vectors: Vectors | None = field(default=None, repr=False, compare=False)

    def of_kind(self, kind: Kind) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.kind == kind)

    def counts(self) -> dict[Kind, int]:
        """How many faults there are of each kind that was looked for."""
        found = Counter(fault.kind for fault in self.faults)
        return {kind: found[kind] for kind in KINDS if kind not in self.not_checked}

    def to_json(self) -> dict[str, Json]:
        return {
            "documents": len(self.documents),
            "counts": {**self.counts()},
            "not_checked": {**self.not_checked},
            "faults": [fault.to_json() for fault in self.faults],
        }
