"""No retrieval: the model answers from memory. The floor that retrieval must beat."""

from rageval.generation import AnswerFromMemory
from rageval.pipeline import Stage


def build() -> Stage:
    """Takes no settings."""
    return AnswerFromMemory()
