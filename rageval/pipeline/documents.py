"""The documents of the corpus by id, made once for all questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rageval.pipeline.resources import Resources
from rageval.pipeline.stage import Need
from rageval.types import Document


@dataclass(frozen=True)
class DocumentsById:
    """The documents by id."""

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> Mapping[str, Document]:
        return {document.id: document for document in resources.documents}
