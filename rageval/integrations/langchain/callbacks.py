"""What LangChain's callbacks tell of one call: searches, documents, and what the models cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from rageval.integrations.langchain.passages import documents_in
from rageval.types import Usage


@dataclass
class _Part:
    """A run of a part of the system; `found` are the documents that it handed on, None where it is no search."""

    parent: UUID | None
    query: str = ""
    found: Sequence[Document] | None = None


class CallRecorder(BaseCallbackHandler):
    """What callbacks tell of one call: the documents that were found, and what the models cost."""

    run_inline = True

    def __init__(self) -> None:
        self._runs: dict[UUID, _Part] = {}
        self._usages: list[Usage] = []  # appended to, since parts may run in threads of their own

    @property
    def usage(self) -> Usage:
        return sum(self._usages, Usage())

    @property
    def searches(self) -> list[tuple[str, Sequence[Document]]]:
        """Queries and what was found, in the order in which they began.

        Returns only the outermost searches, not those nested inside another search.
        """
        runs = self._runs.values()
        return [(run.query, run.found) for run in runs if run.found is not None and not self._is_within_search(run)]

    @property
    def documents(self) -> list[Document]:
        return [document for _, found in self.searches for document in found]

    def _is_within_search(self, run: _Part) -> bool:
        while run.parent is not None and run.parent in self._runs:
            run = self._runs[run.parent]
            if run.found is not None:
                return True
        return False

    def on_chain_start(
        self, serialized: object, inputs: object, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Part(parent_run_id)

    def on_tool_start(
        self, serialized: object, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Part(parent_run_id, input_str)

    def on_tool_end(self, output: object, *, run_id: UUID, **_: Any) -> None:
        if isinstance(output, ToolMessage):
            self._runs[run_id].found = documents_in(output.artifact)

    def on_retriever_start(
        self, serialized: object, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Part(parent_run_id, query, found=())

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **_: Any) -> None:
        self._runs[run_id].found = documents

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        generations = [generation for some in response.generations for generation in some]
        messages = [generation.message for generation in generations if isinstance(generation, ChatGeneration)]
        counted = [message.usage_metadata for message in messages if isinstance(message, AIMessage)]
        self._usages += [Usage(calls=1), *(usage_of(one) for one in counted if one)]


def usage_of(counted: Mapping[str, Any]) -> Usage:
    """The tokens in a message's `usage_metadata`; the call itself is not counted."""
    details: Mapping[str, Any] = counted.get("input_token_details") or {}
    return Usage(
        prompt_tokens=counted["input_tokens"],
        cached_tokens=details.get("cache_read") or 0,
        completion_tokens=counted["output_tokens"],
    )
