"""An index of LlamaIndex as a retrieval stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

from llama_index.core.base.base_retriever import BaseRetriever

from rageval.errors import DeclarationError
from rageval.integrations.framework_search import FrameworkSearch
from rageval.integrations.llama_index.engines import ask_system
from rageval.integrations.llama_index.identity import digest_of
from rageval.integrations.llama_index.nodes import to_hits
from rageval.pipeline import NO_CONTEXT, ContextSize, Stage
from rageval.types import Document, Hit


@runtime_checkable
class Indexed(Protocol):
    """Any index of LlamaIndex."""

    def as_retriever(self, **kwargs: Any) -> BaseRetriever: ...


def retrieve(index: Indexed, *, k: int = 5, depth: int = 100, version: str | None = None) -> Stage:
    """A stage that searches an index of LlamaIndex with every query and puts the `k` best nodes into the context.

    The ranking goes on to `depth` nodes, for the ranking metrics. Several queries are joined by reciprocal rank fusion.
    A query is embedded as a question even where it is a passage that a model imagined. Nodes become hits, and
    `version` is wanted, as told at `pipeline`. Raises DeclarationError where `index` is none.
    """
    if not isinstance(cast("object", index), Indexed):
        raise DeclarationError(f"retrieve: found a {type(index).__name__}, expected an index of LlamaIndex")
    retriever = index.as_retriever(similarity_top_k=depth)
    return RetrieveNodes(digest_of(retriever, "llama_index.retrieve", version), k, depth, retriever)


@dataclass(frozen=True)
class RetrieveNodes(FrameworkSearch):
    """What `retrieve` returns."""

    retriever: BaseRetriever = field(compare=False, repr=False)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.k, None)

    async def _search(self, text: str, documents: Mapping[str, Document]) -> tuple[Hit, ...]:
        _, nodes = await ask_system(self.retriever, text, False)
        return to_hits(nodes, documents)
