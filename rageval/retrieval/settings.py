"""From the settings of a recipe to the stages that find passages."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from rageval.errors import DeclarationError
from rageval.pipeline import Stage
from rageval.pipeline.conditions import Condition
from rageval.retrieval.chunkers import AnyChunker, Chunker, SentenceChunker
from rageval.retrieval.indexes import HYBRID, AnyIndex, ApproximateDense, Dense, Index, as_indexes, with_chunker
from rageval.retrieval.rerank import Rerank
from rageval.retrieval.rerankers import AnyReranker, Reranker
from rageval.retrieval.retrieve import Retrieve

DenseSearch: TypeAlias = Literal["exact", "approximate"]


class PassageSettings(TypedDict, total=False):
    """How many passages go into the prompt (`k`, 5) and how many documents are ranked (`depth`, 100), both for the
    ranking that the `reranker` makes where there is one, of the `candidates` (50) best passages.

    The `chunker` is by default whole sentences up to `chunk_tokens` (384), of which each passage repeats `overlap` (0)
    of the one before.
    """

    k: int
    depth: int
    chunk_tokens: int
    overlap: int
    chunker: AnyChunker | None
    reranker: AnyReranker | None
    candidates: int


class SearchSettings(PassageSettings, total=False):
    """Those of passages, and how these are found. `retriever` is `hybrid` (the default), `bm25`, `dense`, any other
    index, or a list of indexes, whose rankings are fused. `dense_search` is `exact`, or `approximate` for very large
    corpora.
    """

    retriever: AnyIndex
    dense_search: DenseSearch


def choose_chunker(chunker: Chunker | None, tokens: int, overlap: int) -> Chunker:
    """Returns the chunker, or by default a sentence chunker with that many tokens. Raises DeclarationError if both are
    given.
    """
    sentences = SentenceChunker(tokens, overlap)
    if chunker is None:
        return sentences
    if sentences != SentenceChunker():
        raise DeclarationError(
            "chunk_tokens or overlap: found beside a chunker, expected in the chunker's own settings"
        )
    return chunker


def retrieve(
    retriever: Index | tuple[Index, ...] = HYBRID,
    *,
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    chunker: Chunker | None = None,
    dense_search: DenseSearch = "exact",
    combine: Literal["rrf", "turns", "mean"] = "rrf",
    rrf_k: int = 60,
    conditions: tuple[Condition, ...] = (),
    reranker: Reranker | None = None,
    candidates: int = 50,
) -> Stage:
    """`Retrieve`, and `Rerank` behind it where there is a reranker; see `SearchSettings`.

    The chunker applies to every index that has only the default chunker. Raises DeclarationError for settings that
    contradict each other.
    """
    chosen = choose_chunker(chunker, chunk_tokens, overlap)
    indexes = tuple(with_chunker(index, chosen) for index in as_indexes(retriever))
    if dense_search == "approximate":
        if not any(isinstance(index, Dense) for index in indexes):
            raise DeclarationError("dense_search: found approximate, expected the retriever dense or hybrid for it")
        indexes = tuple(ApproximateDense(index.chunker) if isinstance(index, Dense) else index for index in indexes)
    if reranker is None:
        return Retrieve(indexes, k, depth, combine, rrf_k, conditions)
    if not k <= candidates <= depth:
        raise DeclarationError(f"candidates: found {candidates}, expected {k} to {depth} (k to depth)")
    return Retrieve(indexes, candidates, depth, combine, rrf_k, conditions) >> Rerank(reranker, k)
