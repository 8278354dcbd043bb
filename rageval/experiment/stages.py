"""The stages that an experiment file can compose, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from rageval.generation import (
    Answer,
    AnswerFromMemory,
    ExpandQuery,
    NormaliseQuery,
    RewriteQueries,
    StepBack,
    SubQuestions,
    WriteHypotheticalAnswers,
)
from rageval.pipeline import Stage
from rageval.prompts import Prompt
from rageval.prompts.own import OwnPrompt
from rageval.retrieval import (
    HYBRID,
    AnyChunker,
    AnyIndex,
    AnyReranker,
    Budget,
    Compress,
    Diversify,
    Feedback,
    Filter,
    Iterate,
    Order,
    Pointwise,
    Rerank,
    Window,
)
from rageval.retrieval.settings import DenseSearch
from rageval.retrieval.settings import retrieve as find_passages


def retrieve(
    retriever: AnyIndex = HYBRID,
    k: int = 5,
    depth: int = 100,
    chunker: AnyChunker | None = None,
    dense_search: DenseSearch = "exact",
    combine: Literal["rrf", "mean"] = "rrf",
    rrf_k: int = 60,
) -> Stage:
    """Search with every query so far: the k best passages go on, and a ranking of depth documents is kept."""
    return find_passages(
        retriever, k=k, depth=depth, chunker=chunker, dense_search=dense_search, combine=combine, rrf_k=rrf_k
    )


def iterate(
    steps: int = 3,
    keep: int = 8,
    retriever: AnyIndex = HYBRID,
    k: int = 4,
    depth: int = 100,
    chunker: AnyChunker | None = None,
    prompt: Annotated[Prompt, OwnPrompt("next_thought")] | None = None,
) -> Stage:
    """Search, reason for a sentence on the k best passages, search for that sentence, and so on (IRCoT)."""
    return Iterate(find_passages(retriever, k=k, depth=depth, chunker=chunker), steps, keep, prompt=prompt)


def rerank(by: AnyReranker | None = None, keep: int = 5) -> Stage:
    """Order the passages anew and keep the best; by default the chat model is asked about each."""
    return Rerank(by or Pointwise(), keep)


def filter_passages(by: AnyReranker | None = None, least: float = 0.5) -> Stage:
    """Leave out passages whose score is below least; by default the chat model's P(yes)."""
    return Filter(by or Pointwise(), least)


STAGES: Mapping[str, Callable[..., Stage]] = MappingProxyType(
    {
        "normalise": NormaliseQuery,
        "rewrite": RewriteQueries,
        "sub_questions": SubQuestions,
        "step_back": StepBack,
        "expand": ExpandQuery,
        "hypothetical_answers": WriteHypotheticalAnswers,
        "retrieve": retrieve,
        "feedback": Feedback,
        "iterate": iterate,
        "rerank": rerank,
        "filter": filter_passages,
        "diversify": Diversify,
        "window": Window,
        "compress": Compress,
        "order": Order,
        "budget": Budget,
        "answer": Answer,
        "answer_from_memory": AnswerFromMemory,
    }
)
"""Each takes its settings by name; the first one may be given alone, as in `order: ends`."""

SEARCHES = (retrieve, iterate)
"""Those that take the pipeline's chunker."""

READ_PASSAGES: tuple[type[Stage], ...] = (
    Feedback, Rerank, Filter, Diversify, Window, Compress, Order, Budget, Answer,
)  # fmt: skip
"""Stages that are of no use before passages have been found."""
