"""Search over small vectors, hand the whole parent passage to the generator.

A passage is found by its best small text (sentence, key phrase, row of a table, summary, hypothetical question), so
that one fact in a long passage is not averaged away. What the model writes costs one call per passage at indexing time.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import MultiVector
from rageval.retrieval.indexes.multi_vector import ViewName
from rageval.retrieval.settings import PassageSettings, retrieve


def build(
    views: tuple[ViewName, ...] = ("sentences",),
    questions_per_passage: int = 3,
    phrases_per_passage: int = 8,
    own: bool = True,
    **passages: Unpack[PassageSettings],
) -> Stage:
    """Those of the index `multi_vector`, and how passages are found."""
    return retrieve(MultiVector(views, questions_per_passage, phrases_per_passage, own), **passages) >> Answer()
