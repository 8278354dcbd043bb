"""The stages that an experiment file can compose, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from rageval.generation import (
    Adaptive,
    Answer,
    AnswerCandidates,
    AnswerFromMemory,
    Corrective,
    ExpandQuery,
    NormaliseQuery,
    RewriteQueries,
    SelfContained,
    StepBack,
    SubQuestions,
    WriteHypotheticalAnswers,
)
from rageval.pipeline import Stage
from rageval.pipeline.conditions import read_conditions
from rageval.prompts import Prompt
from rageval.prompts.own import OwnPrompt
from rageval.retrieval import (
    HYBRID,
    AnyChunker,
    AnyIndex,
    AnyReranker,
    Budget,
    Chunker,
    Compress,
    Cypher,
    Diversify,
    Feedback,
    Filter,
    Iterate,
    Order,
    Pointwise,
    ReadFilters,
    ReadImages,
    Recency,
    Rerank,
    SentenceChunker,
    Subgraph,
    ToParent,
    Window,
)
from rageval.retrieval.graph import Knowledge, Linking, triple_source
from rageval.retrieval.settings import DenseSearch
from rageval.retrieval.settings import retrieve as find_passages


def retrieve(
    retriever: AnyIndex = HYBRID,
    k: int = 5,
    depth: int = 100,
    chunker: AnyChunker | None = None,
    dense_search: DenseSearch = "exact",
    combine: Literal["rrf", "turns", "mean"] = "rrf",
    rrf_k: int = 60,
    where: Mapping[str, Any] | None = None,
) -> Stage:
    """Search with every query so far: the k best passages go on, and a ranking of depth documents is kept."""
    return find_passages(
        retriever,
        k=k,
        depth=depth,
        chunker=chunker,
        dense_search=dense_search,
        combine=combine,
        rrf_k=rrf_k,
        conditions=read_conditions(where or {}),
    )


def iterate(
    steps: int = 3,
    keep: int = 8,
    retriever: AnyIndex = HYBRID,
    k: int = 4,
    depth: int = 100,
    chunker: AnyChunker | None = None,
    prompt: Annotated[Prompt, OwnPrompt("next_thought")] | None = None,
    combine: Literal["rrf", "turns"] = "turns",
) -> Stage:
    """Search, reason for a sentence on the k best passages, search for that sentence, and so on (IRCoT)."""
    search = find_passages(retriever, k=k, depth=depth, chunker=chunker)
    return Iterate(search, steps, keep, prompt=prompt, combine=combine)


def subgraph(
    triples: Path | None = None,
    most: int = 12,
    facts: int = 5,
    hops: int = 1,
    keep: int = 12,
    chunker: AnyChunker | None = None,
) -> Stage:
    """Add the facts of a knowledge graph around the question's entities that are nearest to it to the context."""
    return Subgraph(_linking(triples, most, facts, chunker), hops, keep)


def cypher(
    triples: Path | None = None,
    most: int = 12,
    facts: int = 5,
    tokens: int = 256,
    seconds: float = 5.0,
    chunker: AnyChunker | None = None,
    prompt: Annotated[Prompt, OwnPrompt("write_cypher")] | None = None,
) -> Stage:
    """Let the chat model write a query of a knowledge graph, and add its rows to the context."""
    return Cypher(_linking(triples, most, facts, chunker), tokens, seconds, prompt=prompt)


def rerank(by: AnyReranker | None = None, keep: int = 5) -> Stage:
    """Order the passages anew and keep the best; by default the chat model is asked about each."""
    return Rerank(by or Pointwise(), keep)


def filter_passages(by: AnyReranker | None = None, least: float = 0.5) -> Stage:
    """Leave out passages whose score is below least; by default the chat model's P(yes)."""
    return Filter(by or Pointwise(), least)


def adaptive(
    none: Stage | None = None,
    one: Stage | None = None,
    several: Stage | None = None,
    chunker: AnyChunker | None = None,
    prompt: Annotated[Prompt, OwnPrompt("how_many_searches")] | None = None,
) -> Stage:
    """Ask first whether a question takes no search, one or several, and run the stages given for it."""
    return Adaptive(
        none or AnswerFromMemory(),
        one or retrieve(chunker=chunker) >> Answer(),
        several or iterate(chunker=chunker) >> Answer(),
        prompt,
    )


def corrective(
    search: Stage | None = None,
    sentences: int = 8,
    upper: float = 0.7,
    lower: float = 0.3,
    chunker: AnyChunker | None = None,
    prompt: Annotated[Prompt, OwnPrompt("grade_passage")] | None = None,
    rewrite_prompt: Annotated[Prompt, OwnPrompt("rewrite_queries")] | None = None,
) -> Stage:
    """Grade the passages, and use them, keep their nearest sentences, or search again with a rewritten question."""
    return Corrective(search or retrieve(chunker=chunker), Compress(sentences), upper, lower, prompt, rewrite_prompt)


def _linking(triples: Path | None, most: int, facts: int, chunker: Chunker | None) -> Linking:
    return Linking(Knowledge(triple_source(triples, most), chunker or SentenceChunker()), facts)


STAGES: Mapping[str, Callable[..., Stage]] = MappingProxyType(
    {
        "self_contained": SelfContained,
        "normalise": NormaliseQuery,
        "rewrite": RewriteQueries,
        "sub_questions": SubQuestions,
        "step_back": StepBack,
        "expand": ExpandQuery,
        "hypothetical_answers": WriteHypotheticalAnswers,
        "read_filters": ReadFilters,
        "retrieve": retrieve,
        "feedback": Feedback,
        "iterate": iterate,
        "recency": Recency,
        "subgraph": subgraph,
        "cypher": cypher,
        "rerank": rerank,
        "filter": filter_passages,
        "corrective": corrective,
        "diversify": Diversify,
        "to_parent": ToParent,
        "window": Window,
        "compress": Compress,
        "read_images": ReadImages,
        "order": Order,
        "budget": Budget,
        "answer": Answer,
        "answer_candidates": AnswerCandidates,
        "answer_from_memory": AnswerFromMemory,
        "adaptive": adaptive,
    }
)
"""Each takes its settings by name; the first one may be given alone, as in `order: ends`."""

SEARCHES = (retrieve, iterate, subgraph, cypher, adaptive, corrective)
"""Those that take the pipeline's chunker."""

INNER_STAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"adaptive": ("none", "one", "several"), "corrective": ("search",)}
)
"""Those that hold other stages, with the settings that are lists of stages."""

READ_PASSAGES: tuple[type[Stage], ...] = (
    Feedback, Recency, Rerank, Filter, Corrective, Diversify, ToParent, Window, Compress, ReadImages, Order,
    Budget, Answer, AnswerCandidates,
)  # fmt: skip
"""Stages that are of no use before passages have been found."""
