"""Search passages with a sentence above them that places them in their document; read them as they stand.

Helps where passages speak of "the company" and the document says above which; costs a model call for each passage when
the index is built, and none at a question. Anthropic 2024, Contextual Retrieval.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Contextual
from rageval.retrieval.indexes import HYBRID, AnyIndex, as_indexes
from rageval.retrieval.settings import PassageSettings, retrieve


def build(document_tokens: int = 2000, retriever: AnyIndex = HYBRID, **passages: Unpack[PassageSettings]) -> Stage:
    """`document_tokens` of the document are shown at most; `retriever` is what the placed passages are searched by."""
    return retrieve(Contextual(as_indexes(retriever), document_tokens=document_tokens), **passages) >> Answer()
