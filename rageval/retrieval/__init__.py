"""Stages that find passages, and the parts they are made of."""

from rageval.retrieval.chunking import Chunking
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.retrieval.labelled import RetrieveLabelled
from rageval.retrieval.multi_vector import RetrieveMultiVector
from rageval.retrieval.retrieve import Retrieve

__all__ = ["Chunking", "Retrieve", "RetrieveLabelled", "RetrieveMultiVector", "reciprocal_rank_fusion"]
