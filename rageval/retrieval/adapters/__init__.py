"""Adapters: linear maps on the vectors of questions, trained on questions with their passages."""

from rageval.retrieval.adapters.examples import Examples, find_examples
from rageval.retrieval.adapters.fit import Epoch, fit
from rageval.retrieval.adapters.query_adapter import (
    AdaptedQueries,
    QueryAdapter,
    question_digest,
    read_adapter,
    write_adapter,
)
from rageval.retrieval.adapters.teacher import answer_likelihoods, taught_by_answers
from rageval.retrieval.adapters.train import TrainedAdapter, fit_adapter, train_adapter

__all__ = [
    "AdaptedQueries",
    "Epoch",
    "Examples",
    "QueryAdapter",
    "TrainedAdapter",
    "answer_likelihoods",
    "find_examples",
    "fit",
    "fit_adapter",
    "question_digest",
    "read_adapter",
    "taught_by_answers",
    "train_adapter",
    "write_adapter",
]
