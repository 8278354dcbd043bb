"""LangChain's vector stores as a retrieval stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from rageval.errors import DeclarationError, ExecutionError
from rageval.integrations.langchain.event_loop import run_in_langchain_loop
from rageval.integrations.langchain.identity import Settings, error_text
from rageval.integrations.langchain.passages import DocumentsById, to_hits
from rageval.pipeline import ContextSize, Resources, Shared, Stage, State
from rageval.retrieval import Chunking, reciprocal_rank_fusion
from rageval.types import Json


def retrieve(store: VectorStore, k: int = 5, *, depth: int = 100, name: str = "") -> Stage:
    """A stage that searches a LangChain vector store: `retrieve(store) >> Answer()`.

    `depth` pieces are ranked, and the `k` best are the context. What the store holds maps to the benchmark as in
    `pipeline`. Several queries are joined by reciprocal rank fusion; the store embeds each as a query. The fingerprint
    covers the classes and plain settings of store and embeddings, not what is in the store: name it, and give it
    another `name` when that changes.
    """
    if not isinstance(cast("object", store), VectorStore):
        raise DeclarationError(f"langchain.retrieve: found a {type(store).__name__}, expected a VectorStore")
    if not 1 <= k <= depth:
        raise DeclarationError(f"k: found {k} (depth {depth}), expected 1 <= k <= depth")
    settings = Settings(store, name)
    return SearchStore(settings.digest, k, depth, store, frozenset(settings.secrets))


@dataclass(frozen=True)
class SearchStore(Stage):
    """Search a vector store with every query of the state. `source` identifies it in fingerprints; see `retrieve`."""

    source: str
    k: int
    depth: int
    store: VectorStore = field(compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "SearchStore", "source": self.source, "k": self.k, "depth": self.depth}

    def context_size(self) -> ContextSize:
        """The pieces in the store are taken to be as long as rageval's own passages at most."""
        return ContextSize(self.k, Chunking().tokens)

    def indexes(self) -> tuple[Shared[object], ...]:
        return (DocumentsById(),)

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        known = await resources.get(DocumentsById())
        rankings = [to_hits(await self._search(query.text), known) for query in state.queries]
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))

    async def _search(self, text: str) -> list[Document]:
        try:
            return await run_in_langchain_loop(self.store.asimilarity_search(text, k=self.depth))
        except Exception as error:  # noqa: BLE001 (whatever the store's package raises)
            raise ExecutionError(f"{type(self.store).__name__}: {error_text(error, self.secrets)}") from None
