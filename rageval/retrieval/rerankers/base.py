"""What a reranker is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, cast

from rageval.errors import DeclarationError
from rageval.pipeline import Calls, Need, PromptSizes, Resources
from rageval.types import Passage, Question


class Reranker(Protocol):
    """How well passages fit a question. Inherit from this class as a frozen dataclass; every method but `score` has a
    default.
    """

    @abstractmethod
    async def score(
        self, question: Question, passages: Sequence[Passage], resources: Resources
    ) -> Sequence[float | None]:
        """Returns a finite number for each passage, in order, higher for better ones; None for a passage without a
        score.

        The cost of calls through `resources.chat` is counted. What the step should tell beside the scores, such as
        replies that could not be used, is counted with `resources.count`.
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

    def prompt_tokens(self, sizes: PromptSizes) -> int | None:
        """Estimated tokens, at most, of all prompts for a question together; None where that is not known."""
        return None if self.calls(sizes.context.passages).high else 0


def as_reranker(given: object, at: str = "reranker") -> Reranker:
    """Returns the given reranker. Raises DeclarationError for anything else; its message begins with `at`."""
    if isinstance(given, str | type) or not all(callable(getattr(given, name, None)) for name in ("score", "calls")):
        raise DeclarationError(f"{at}: found {given!r}, expected a reranker, such as Pointwise()")
    return cast("Reranker", given)
