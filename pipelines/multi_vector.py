"""Search over small vectors, hand the whole parent passage to the generator.

A passage is found by its best sentence, summary or hypothetical question, so that one fact in a long passage is not
averaged away. Sentences cost no model call; summaries and questions one call per passage at indexing time.
"""

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import MultiVector, Retrieve, SentenceChunker
from rageval.retrieval.indexes.multi_vector import View


def build(
    views: tuple[View, ...] = ("sentences",),
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    questions_per_passage: int = 3,
) -> Stage:
    """`views`: any of sentences, summaries, questions."""
    index = MultiVector(views, questions_per_passage, SentenceChunker(chunk_tokens, overlap))
    return Retrieve(index, k, depth) >> Answer()
