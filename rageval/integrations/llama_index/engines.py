"""Query engines, chat engines and retrievers of LlamaIndex as pipelines."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import AsyncStreamingResponse, PydanticResponse, Response, StreamingResponse
from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle

from rageval.errors import DeclarationError, ExecutionError, RagevalError
from rageval.integrations.framework_models import error_text
from rageval.integrations.llama_index.identity import digest_of
from rageval.integrations.llama_index.nodes import to_hits
from rageval.integrations.llama_index.usage import count_calls
from rageval.pipeline import Pipeline, Resources, Stage, State
from rageval.pipeline.documents import DocumentsById
from rageval.pipeline.function import in_thread

System: TypeAlias = BaseQueryEngine | BaseChatEngine | BaseRetriever
_EMPTY_RESPONSE = "Empty Response"  # what LlamaIndex says where it has nothing to say


def pipeline(system: System, *, name: str | None = None, version: str | None = None) -> Pipeline:
    """A pipeline of a query engine, a chat engine or a retriever, named after its class.

    Source nodes are the hits, in the order in which the system gives them; a score that a node lacks is minus its
    position. A node is a span of the benchmark's document that `ref_doc_id` names, else `metadata["doc_id"]`, else its
    own id; a node of no such document is an ExecutionError, as is whatever the system raises. A retriever gives no
    answer, and a plain `RetrieverQueryEngine` is only asked to retrieve where no metric needs answers. A chat engine is
    reset before each question and asked one question at a time. An answer "Empty Response" is an abstention. Systems
    are asked by their async methods; those that have none of their own, in a thread. Usage counts the calls of
    LlamaIndex LLMs under way and the tokens that their raw replies tell.

    Results are kept by what can be seen: the classes (the code of the user's), their settings, prompts, the names of
    models, and the texts in an index that keeps them in memory, or in Chroma (up to 100,000). Where the content of a
    store or of another object cannot be read, no other process reuses the results, unless there is a `version`: change
    that whenever the content changes. A model's other settings and a program behind an address cannot be seen at all.

    Raises DeclarationError for anything else than such a system.
    """
    if not isinstance(cast("object", system), BaseQueryEngine | BaseChatEngine | BaseRetriever):
        raise DeclarationError(
            f"pipeline: found a {type(system).__name__}, expected a query engine, chat engine or retriever of "
            "LlamaIndex: of an index, give index.as_query_engine() or index.as_retriever()"
        )
    label = name or type(system).__name__
    return Pipeline(label, AskSystem(digest_of(system, label, version), system))


@dataclass(frozen=True)
class AskSystem(Stage):
    """A system of LlamaIndex, asked the question. `source` identifies it in fingerprints."""

    source: str
    system: System = field(compare=False, repr=False)

    def identity_fields(self) -> dict[str, object]:
        return {"source": self.source}

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        turn = await resources.get(_Turn(id(self.system))) if isinstance(self.system, BaseChatEngine) else None
        async with turn or nullcontext():
            with count_calls() as calls:
                answer, nodes = await ask_system(self.system, state.question.text, state.generate)
        hits = to_hits(nodes, await resources.get(DocumentsById()))
        return state.with_response(
            hits=hits,
            context=tuple(range(len(hits))),
            answer=answer,
            abstained=True if answer == _EMPTY_RESPONSE else None,
        ).with_step("llama_index", calls.usage, system=type(self.system).__name__)


@dataclass(frozen=True)
class _Turn:
    """Holds the turn at a chat engine, by its address: the engine's memory holds one conversation."""

    engine: int

    async def build(self, resources: Resources) -> asyncio.Lock:
        return asyncio.Lock()


async def ask_system(system: System, text: str, generate: bool) -> tuple[str | None, Sequence[NodeWithScore]]:
    """The answer, None where there is none, and the source nodes. Raises ExecutionError for whatever goes wrong."""
    try:
        if isinstance(system, BaseRetriever):
            return None, await _nodes(system, text)
        if isinstance(system, BaseChatEngine):
            system.reset()
            return await _read(await system.achat(text))
        if not generate and isinstance(system, RetrieverQueryEngine) and _inherits(system, "_aquery"):
            return None, await system.aretrieve(QueryBundle(text))
        if isinstance(system, CustomQueryEngine) and _inherits(system, "acustom_query"):
            return await _read(await in_thread(system.query, text))
        return await _read(await system.aquery(text))
    except RagevalError:
        raise
    except Exception as error:
        raise ExecutionError(error_text(error)) from error


async def _nodes(retriever: BaseRetriever, text: str) -> Sequence[NodeWithScore]:
    if _inherits(retriever, "_aretrieve"):
        return await in_thread(retriever.retrieve, text)
    return await retriever.aretrieve(text)


_BASES = {"_aquery": RetrieverQueryEngine, "acustom_query": CustomQueryEngine, "_aretrieve": BaseRetriever}


def _inherits(system: System, method: str) -> bool:
    """Whether the system does not override that method. Looks it up statically, since a wrapped method is a new object
    each time.
    """
    return inspect.getattr_static(type(system), method) is inspect.getattr_static(_BASES[method], method)


async def _read(response: object) -> tuple[str | None, Sequence[NodeWithScore]]:
    """Answer and nodes of any response; a stream is read to its end."""
    match response:
        case AsyncStreamingResponse():
            response = await response.get_response()
        case StreamingResponse():
            response = await in_thread(response.get_response)
        case PydanticResponse():
            return None if response.response is None else str(response), response.source_nodes
        case _:
            pass
    if not isinstance(response, Response | AgentChatResponse):
        raise ExecutionError(f"the engine returned a {type(response).__name__}, expected a response of LlamaIndex")
    return None if response.response is None else str(response.response), response.source_nodes
