"""Read only the sentences of the passages that are near to the question.

Helps where prompts are dear or passages long: the same answer from fewer tokens. It loses what answers without looking
like the question. Xu et al. 2023 (RECOMP), arXiv 2310.04408, with a general embedder in place of a trained one.
"""

from typing import Literal, Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Compress
from rageval.retrieval.settings import SearchSettings, retrieve


def build(
    sentences: int = 8,
    by: Literal["embeddings", "model", "self_information"] = "embeddings",
    **search: Unpack[SearchSettings],
) -> Stage:
    """`sentences` of all passages together are kept, chosen `by` the stage `compress`."""
    return retrieve(**search) >> Compress(sentences, by) >> Answer()
