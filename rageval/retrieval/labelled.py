"""The ceiling: the labelled passages themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Resources, Stage, State
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker, as_chunker, most_tokens, without_model
from rageval.retrieval.passages import split
from rageval.types import Hit, Passage, RelevanceLabel


@dataclass(frozen=True)
class RetrieveLabelled(Stage):
    """Put the passages that the labels name into the context: what a perfect retriever would find.

    Of a label with a span, the passages that overlap it; of a label without one, the document's first passage. Higher
    grades come first; at most `k` passages. The only stage that sees labels: a ceiling, not a system.
    """

    k: int = 5
    chunker: AnyChunker = SentenceChunker()

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunker", without_model(as_chunker(self.chunker)))
        if self.k < 1:
            raise DeclarationError(f"k: found {self.k}, expected at least 1")

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.k, most_tokens(self.chunker))

    async def run(self, state: State, resources: Resources) -> State:
        labels = [label for label in resources.labels if label.question_id == state.question.id and label.grade > 0]
        labels.sort(key=lambda label: -label.grade)
        named = {label.doc_id for label in labels}
        by_document = {doc.id: split(self.chunker, doc) for doc in resources.documents if doc.id in named}
        grades: dict[Passage, int] = {}
        for label in labels:
            for passage in _named(label, by_document.get(label.doc_id, ())):
                grades.setdefault(passage, label.grade)
        hits = tuple(Hit(passage, float(grade)) for passage, grade in grades.items())
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))


def _named(label: RelevanceLabel, passages: Sequence[Passage]) -> Sequence[Passage]:
    if label.start is None or label.end is None:
        return passages[:1]
    start, end = label.start, label.end
    return [passage for passage in passages if passage.start < end and start < passage.end]
