"""What stages that read a knowledge graph share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Stage
from rageval.retrieval.graph.linking import Linking
from rageval.types import Document


@dataclass(frozen=True)
class GraphStage(Stage):
    """A stage that begins at the entities of the question. Inherit from it."""

    linking: Linking

    def __post_init__(self) -> None:
        if self.linking.facts < 0:
            raise DeclarationError(f"facts: found {self.linking.facts}, expected 0 or more")

    def needs(self, generate: bool) -> frozenset[Need]:
        embed = frozenset[Need]({"embed"}) if self.linking.facts else frozenset[Need]()
        return self.linking.knowledge.source.needs() | embed

    def all_prompts(self) -> frozenset[str]:
        return self.linking.knowledge.source.prompts().union(self.prompts)

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.linking.knowledge.source.calls(documents, self.linking.knowledge.chunker)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.linking.knowledge.source.prompt_tokens(documents, self.linking.knowledge.chunker)
