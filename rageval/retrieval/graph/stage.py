"""What stages that read a knowledge graph share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Stage
from rageval.pipeline.sizes import total
from rageval.retrieval.chunkers import ModelChunker
from rageval.retrieval.graph.linking import Linking
from rageval.types import Document


@dataclass(frozen=True)
class GraphStage(Stage):
    """A stage that begins at the entities of the question. Inherit from it."""

    linking: Linking

    def __post_init__(self) -> None:
        if self.linking.facts < 0:
            raise DeclarationError(f"facts: found {self.linking.facts}, expected 0 or more")

    @property
    def _chunkers(self) -> tuple[ModelChunker, ...]:
        """The chunker, where it asks a model."""
        chunker = self.linking.knowledge.chunker
        return (chunker,) if isinstance(chunker, ModelChunker) else ()

    def needs(self, generate: bool) -> frozenset[Need]:
        embed = frozenset[Need]({"embed"}) if self.linking.facts else frozenset[Need]()
        return self.linking.knowledge.source.needs().union(embed, *(one.needs() for one in self._chunkers))

    def all_prompts(self) -> frozenset[str]:
        of_chunkers = (one.prompts() for one in self._chunkers)
        return self.linking.knowledge.source.prompts().union(self.prompts, *of_chunkers)

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        written = self.linking.knowledge.source.calls(documents, self.linking.knowledge.chunker)
        return written + sum(one.indexing_calls(documents) for one in self._chunkers)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        written = self.linking.knowledge.source.prompt_tokens(documents, self.linking.knowledge.chunker)
        return total(written, *(one.indexing_tokens(documents) for one in self._chunkers))
