"""What identifies a system of LlamaIndex."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.graph_stores import SimpleGraphStore
from llama_index.core.graph_stores.types import GraphStore, PropertyGraphStore
from llama_index.core.indices.base import BaseIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.storage.docstore import BaseDocumentStore, SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import BasePydanticVectorStore
from pydantic import BaseModel

from rageval.identity import Describer, attributes_of, describe, fingerprint
from rageval.integrations.framework_models import first_text
from rageval.integrations.framework_search import describe_documents, read_chroma
from rageval.source import module_origin, qualified_name
from rageval.types import Json

_UNSTABLE = re.compile(
    r"(^|_)((key|token|secret|password|auth|credential|header|session|node_id|index_id)s?|id)_?($|_)", re.IGNORECASE
)
_PARTS: tuple[type, ...] = (
    BaseQueryEngine,
    BaseChatEngine,
    BaseRetriever,
    BaseSynthesizer,
    BaseNodePostprocessor,
    BaseIndex,
)
_OF_INDEXES = "llama_index.core.data_structs"  # ids that each process draws anew


def digest_of(system: object, label: str, version: str | None = None) -> str:
    """64 hex digits of what can be seen of a system; see `pipeline`. `label` is how a message calls it."""
    return fingerprint(describe(system, label=label, rule=_rule, version=version))


def model_name(llm: BaseLLM) -> str:
    """The name of the LLM's model, as its fields or its metadata give it."""
    return first_text(llm, ("model", "model_name", "model_id")) or llm.metadata.model_name


def _rule(value: object, describer: Describer) -> Json | None:
    match value:
        case type():
            return None
        case ChatMessage():
            return str(value)
        case BaseLLM():
            with describer.vouching():
                return [_class_of(value, describer), model_name(value), repr(getattr(value, "temperature", None))]
        case BaseEmbedding():
            with describer.vouching():
                return [_class_of(value, describer), value.model_name]
        case BaseNode():
            return _node(value, describer)
        case BaseDocumentStore() | BasePydanticVectorStore() | GraphStore() | PropertyGraphStore():
            return _store(value, describer)
        case dict():
            return describer.parts(_stable(cast("dict[object, object]", value)))
        case _:
            return _part(value, describer)


def _part(value: object, describer: Describer) -> Json | None:
    """A part of a system, with what it holds; of LlamaIndex's other objects, those that are plain data."""
    kind = type(value)
    if isinstance(value, Enum) or not any(one.__module__.startswith("llama_index.") for one in kind.__mro__):
        return None
    own = module_origin(kind.__module__) == "user"
    data = issubclass(kind, _PARTS) or issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)
    if kind.__module__.startswith(_OF_INDEXES) or not (own or data):
        return {"class": qualified_name(kind)}
    held = attributes_of(value)
    if issubclass(kind, BaseModel) and not own:
        held = {name: part for name, part in held.items() if name in kind.model_fields}
    return {"class": _class_of(value, describer), "fields": describer.parts(_stable(held))}


def _class_of(value: object, describer: Describer) -> Json:
    """Returns the class's name, and its code for a user's class. A different LlamaIndex version does not change the
    identity.
    """
    kind = type(value)
    return describer.class_of(value) if module_origin(kind.__module__) == "user" else qualified_name(kind)


def _stable(values: Mapping[Any, object]) -> dict[str, object]:
    """Removes texts whose names suggest a secret, and ids that each process draws anew."""
    return {
        str(name): part
        for name, part in values.items()
        if not (isinstance(part, str | list) and _UNSTABLE.search(str(name)))
    }


def _node(node: BaseNode, describer: Describer) -> Json:
    text = node.get_content(MetadataMode.NONE)
    return {"text": text, "document": node.ref_doc_id, "metadata": describer.describe(node.metadata, "metadata")}


def _store(store: object, describer: Describer) -> Json:
    """What a store holds, where that can be read. That of a plain vector store lies in the document store."""
    described: dict[str, Json] = {"class": _class_of(store, describer)}
    if describer.is_vouched or isinstance(store, SimpleVectorStore):
        return described
    match store:
        case SimpleDocumentStore():
            nodes = ((node.get_content(MetadataMode.NONE), node.metadata) for node in store.docs.values())
            return {**described, "documents": describe_documents(nodes)}
        case SimpleGraphStore():
            return {**described, "graph": describer.describe(store.get_rel_map())}
        case _:
            found = read_chroma(getattr(store, "_collection", None))
            if found is not None:
                shown = ((text, _shown(metadata)) for text, metadata in found)
                return {**described, "documents": describe_documents(shown)}
            if module_origin(type(store).__module__) == "user":  # what it holds may be readable, part by part
                return {**described, "fields": describer.parts(_stable(attributes_of(store)))}
            return {**described, "content": describer.unreadable(store)}


def _shown(metadata: Mapping[str, object]) -> dict[str, object]:
    """Removes what LlamaIndex writes for its own use, which contains node ids."""
    return {name: value for name, value in metadata.items() if not name.startswith("_")}
