"""From the settings of a recipe to the stages that find passages."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rageval.errors import DeclarationError
from rageval.pipeline import Stage
from rageval.retrieval.indexes import ApproximateDense, Dense, Index
from rageval.retrieval.rerank import Rerank
from rageval.retrieval.rerankers import Reranker
from rageval.retrieval.retrieve import Retrieve

Retriever: TypeAlias = Literal["bm25", "dense", "hybrid"]
DenseSearch: TypeAlias = Literal["exact", "approximate"]


def retrieve(
    index: Index | tuple[Index, ...],
    k: int,
    depth: int,
    *,
    dense_search: DenseSearch = "exact",
    combine: Literal["rrf", "mean"] = "rrf",
    rrf_k: int = 60,
    reranker: Reranker | None = None,
    candidates: int = 50,
) -> Stage:
    """`Retrieve`, and `Rerank` behind it where there is a reranker: it orders `candidates` passages and keeps `k`.

    Where `dense_search` is approximate, every `Dense` among the indexes becomes `ApproximateDense`.
    """
    indexes = index if isinstance(index, tuple) else (index,)
    if dense_search == "approximate":
        if not any(isinstance(one, Dense) for one in indexes):
            raise DeclarationError("dense_search: found approximate, expected the retriever dense or hybrid for it")
        indexes = tuple(ApproximateDense(one.chunker) if isinstance(one, Dense) else one for one in indexes)
    if reranker is None:
        return Retrieve(indexes, k, depth, combine, rrf_k)
    if not k <= candidates <= depth:
        raise DeclarationError(f"candidates: found {candidates}, expected k to depth, which are {k} and {depth}")
    return Retrieve(indexes, candidates, depth, combine, rrf_k) >> Rerank(reranker, k)
