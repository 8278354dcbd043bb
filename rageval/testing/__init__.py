"""Conformance tests for authors of parts: one function per seam, to be called in a test of your own.

    from rageval.testing import check_judge

    def test_my_judge():
        check_judge(Brevity())

Each raises AssertionError with a message that says what is wrong, and returns None where the part keeps its protocol.
They need no test framework, no network and no model of rageval's: what they ask a model, the part itself asks.
"""

from rageval.testing.judging import check_judge, check_metric
from rageval.testing.loading import check_corpus_loader
from rageval.testing.models import check_chat_model, check_embedder
from rageval.testing.pipeline import check_stage
from rageval.testing.reports import check_report
from rageval.testing.retrieval import check_chunker, check_index, check_reranker

__all__ = [
    "check_chat_model",
    "check_chunker",
    "check_corpus_loader",
    "check_embedder",
    "check_index",
    "check_judge",
    "check_metric",
    "check_report",
    "check_reranker",
    "check_stage",
]
