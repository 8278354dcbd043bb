"""Whether documents have the fields that searches filter by, found out once for all questions."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Resources
from rageval.pipeline.conditions import Condition, values_of


@dataclass(frozen=True)
class FieldsExist:
    """Nothing, where each of the fields that the conditions name is in some document.

    Building it raises DeclarationError for a field that no document has.
    """

    conditions: tuple[Condition, ...]

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> None:
        for field in dict.fromkeys(condition.field for condition in self.conditions):
            if not any(values_of(document, field) for document in resources.documents):
                known = sorted({name for document in resources.documents for name in document.metadata} | {"language"})
                raise DeclarationError(
                    f"where.{field}: found a field that no document has, expected one of {', '.join(known)}"
                )
