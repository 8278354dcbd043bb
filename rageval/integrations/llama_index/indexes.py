"""An index of LlamaIndex as a retrieval stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.constants import DEFAULT_CHUNK_SIZE

from rageval.errors import DeclarationError
from rageval.integrations.llama_index.engines import ask_system
from rageval.integrations.llama_index.identity import digest_of
from rageval.integrations.llama_index.nodes import DocumentsById, to_hits
from rageval.pipeline import ContextSize, Resources, Stage, State
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.types import Json

_RRF_K = 60


@runtime_checkable
class Indexed(Protocol):
    """Any index of LlamaIndex."""

    def as_retriever(self, **kwargs: Any) -> BaseRetriever: ...


def retrieve(index: Indexed, *, k: int = 5, depth: int = 100) -> Stage:
    """A stage that searches an index of LlamaIndex with every query and puts the `k` best nodes into the context.

    The ranking goes on to `depth` nodes, for the ranking metrics. Several queries are joined by reciprocal rank fusion.
    A query is embedded as a question even where it is a passage that a model imagined. Nodes become hits, and the
    fingerprint sees, as told at `pipeline`. Raises DeclarationError where `index` is none.
    """
    if not isinstance(cast("object", index), Indexed):
        raise DeclarationError(f"retrieve: found a {type(index).__name__}, expected an index of LlamaIndex")
    if not 1 <= k <= depth:
        raise DeclarationError(f"k: found {k} (depth {depth}), expected 1 <= k <= depth")
    retriever = index.as_retriever(similarity_top_k=depth)
    return RetrieveNodes(digest_of(retriever), k, depth, retriever)


@dataclass(frozen=True)
class RetrieveNodes(Stage):
    """What `retrieve` makes."""

    source: str
    k: int
    depth: int
    retriever: BaseRetriever = field(compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "RetrieveNodes", "source": self.source, "k": self.k, "depth": self.depth}

    def asks_outside(self) -> bool:
        return True

    def context_size(self) -> ContextSize:
        return ContextSize(self.k, DEFAULT_CHUNK_SIZE)

    async def run(self, state: State, resources: Resources) -> State:
        by_id = await resources.get(DocumentsById())
        rankings = [to_hits((await ask_system(self.retriever, q.text, False))[1], by_id) for q in state.queries]
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, _RRF_K)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))
