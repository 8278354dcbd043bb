"""What a reranker is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from rageval.pipeline import Calls, Need, Resources
from rageval.types import Passage, Question


class Reranker(Protocol):
    """Says how well passages fit a question: a frozen dataclass. Inherit from this class: what is left out has a
    default.
    """

    @abstractmethod
    async def score(
        self, question: Question, passages: Sequence[Passage], resources: Resources
    ) -> Sequence[float | None]:
        """A finite number for each passage, in order, higher for better ones; None where there is none to give.

        What calls through `resources.chat` cost is counted.
        """
        ...

    def needs(self) -> frozenset[Need]:
        """Which models it uses."""
        return frozenset()

    def prompts(self) -> frozenset[str]:
        """The names of the prompt templates that it uses."""
        return frozenset()

    def calls(self, passages: int) -> Calls:
        """The chat calls for a question with so many passages at most."""
        return Calls()
