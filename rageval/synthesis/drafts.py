"""A question as it was written, before it is known to be good; and the refusal of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rageval.text.languages import Language
from rageval.types import Document, Json, Passage

FILTERS: Mapping[str, str] = {
    "call failed": "a model call failed for good",
    "unreadable": "a reply was in no readable form, or refused",
    "no second passage": "the corpus has no other passage to join with",
    "quote": "a quote is not in the passage that it is said to come from",
    "language": "the question is in another language than asked for",
    "given away": "the question contains its answer",
    "refers to a text": "the question speaks of a text that nobody sees",
    "overlap": "a paraphrase repeats too many words of the evidence",
    "duplicate": "a kept question, or one of the benchmark's own, asks nearly the same",
    "unclear": "the question cannot be understood without a text",
    "evidence": "the evidence alone does not lead to the reference answer",
    "one passage": "one of the passages suffices, so the question needs no second one",
    "closed book": "a model answers it without any passage",
    "options": "another option is right too, or two options are the same",
    "answered": "a passage of the corpus answers the question that should have no answer",
}
"""Why a question is refused, in the order in which the filters run."""


class RefusedError(Exception):
    """A question did not pass a filter. `filter` is a key of `FILTERS`; never leaves this package."""

    def __init__(self, name: str, reason: str) -> None:
        assert name in FILTERS
        self.filter = name
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with what it rests on.

    `core` is what is asked without options. `evidence` are whole sentences of documents, all of them needed; the answer
    follows from them. `answer` is empty for an unanswerable question, whose evidence is what comes nearest to one.
    `details` go into the metadata of the question. `prompts` are those that wrote it.
    """

    text: str
    language: Language
    answer: str
    evidence: tuple[Passage, ...]
    prompts: tuple[str, ...]
    core: str = ""
    references: tuple[str, ...] = ()
    details: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @property
    def asked(self) -> str:
        """What is asked, without options."""
        return self.core or self.text

    @property
    def right_answers(self) -> tuple[str, ...]:
        """What an answer is compared with."""
        return self.references or (self.answer,)

    def to_json(self) -> dict[str, Json]:
        return {
            "text": self.text,
            "language": self.language,
            "answer": self.answer,
            "evidence": [place_to_json(passage) for passage in self.evidence],
            "prompts": [*self.prompts],
            "core": self.core,
            "references": [*self.references],
            "details": {**self.details},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], documents: Mapping[str, Document]) -> Draft:
        return cls(
            data["text"],
            data["language"],
            data["answer"],
            tuple(place_from_json(place, documents) for place in data["evidence"]),
            tuple(data["prompts"]),
            data["core"],
            tuple(data["references"]),
            data["details"],
        )


def place_to_json(passage: Passage) -> list[Json]:
    """Where the passage stands: document id, start and end."""
    return [passage.doc_id, passage.start, passage.end]


def place_from_json(place: list[Any], documents: Mapping[str, Document]) -> Passage:
    """The inverse of `place_to_json`."""
    doc_id, start, end = place
    return documents[doc_id].passage(start, end)
