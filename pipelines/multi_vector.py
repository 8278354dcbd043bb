"""Search over small vectors, hand the whole parent passage to the generator.

A passage is found by its best sentence, summary or hypothetical question, so that one fact in a long passage is not
averaged away. Sentences cost no model call; summaries and questions one call per passage at indexing time.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import MultiVector
from rageval.retrieval.indexes.multi_vector import View
from rageval.retrieval.settings import PassageSettings, retrieve


def build(
    views: tuple[View, ...] = ("sentences",), questions_per_passage: int = 3, **passages: Unpack[PassageSettings]
) -> Stage:
    """`views`: any of sentences, summaries, questions."""
    return retrieve(MultiVector(views, questions_per_passage), **passages) >> Answer()
