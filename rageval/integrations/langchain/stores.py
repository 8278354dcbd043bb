"""LangChain's vector stores as a retrieval stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from langchain_core.vectorstores import VectorStore

from rageval import types
from rageval.errors import DeclarationError, ExecutionError
from rageval.integrations.framework_models import error_text
from rageval.integrations.framework_search import FrameworkSearch
from rageval.integrations.langchain.event_loop import run_in_langchain_loop
from rageval.integrations.langchain.identity import Settings
from rageval.integrations.langchain.passages import to_hits
from rageval.pipeline import NO_CONTEXT, ContextSize, Stage
from rageval.types import Hit


def retrieve(store: VectorStore, k: int = 5, *, depth: int = 100, version: str | None = None) -> Stage:
    """A stage that searches a LangChain vector store: `retrieve(store) >> Answer()`.

    `depth` pieces are ranked, and the `k` best are the context. What the store holds maps to the benchmark as in
    `pipeline`. Several queries are joined by reciprocal rank fusion; the store embeds each as a query. The store is
    known by its class, its embeddings and the documents in it, as told at `pipeline`; where those cannot be read, by
    `version`.
    """
    if not isinstance(cast("object", store), VectorStore):
        raise DeclarationError(f"langchain.retrieve: found a {type(store).__name__}, expected a VectorStore")
    settings = Settings(store, "langchain.retrieve", version)
    return SearchStore(settings.digest, k, depth, store, frozenset(settings.secrets))


@dataclass(frozen=True)
class SearchStore(FrameworkSearch):
    """Search a vector store with every query of the state. `source` identifies it in fingerprints; see `retrieve`."""

    store: VectorStore = field(compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.k, None)

    async def _search(self, text: str, documents: Mapping[str, types.Document]) -> tuple[Hit, ...]:
        try:
            found = await run_in_langchain_loop(self.store.asimilarity_search(text, k=self.depth))
        except Exception as error:  # noqa: BLE001 (whatever the store's package raises)
            message = f"{type(self.store).__name__}: {error_text(error, self.secrets)}"
            raise ExecutionError(message).with_traceback(error.__traceback__) from None
        return to_hits(found, documents)
