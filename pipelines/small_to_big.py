"""Search small passages, read the larger ones that they stand in.

Helps where a small passage is found more surely and a larger one is needed to answer; costs no call. LlamaIndex's
auto-merging retriever.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import SentenceChunker, ToParent
from rageval.retrieval.settings import SearchSettings, retrieve


def build(parent_tokens: int = 384, share: float = 0.0, **search: Unpack[SearchSettings]) -> Stage:
    """What is found, by default passages of 96 tokens, is read in passages of `parent_tokens`, of which at least
    `share` was found.
    """
    if "chunker" not in search:
        search.setdefault("chunk_tokens", 96)
    return retrieve(**search) >> ToParent(SentenceChunker(parent_tokens), share) >> Answer()
