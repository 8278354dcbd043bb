"""What identifies a system of LlamaIndex."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from types import FunctionType
from typing import Any, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.indices.base import BaseIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import MetadataMode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import MetadataFilters

from rageval.identity import describe, fingerprint
from rageval.integrations.framework_models import first_text
from rageval.types import Json

_UNSTABLE = re.compile("key|token|secret|password|auth|credential|header|session|node_id|index_id", re.IGNORECASE)
_PARTS = (BaseQueryEngine, BaseChatEngine, BaseRetriever, BaseSynthesizer, BaseNodePostprocessor, BaseIndex)


def digest_of(system: object) -> str:
    """64 hex digits of what can be seen of a system; see `pipeline`."""
    return fingerprint(_described(system, "", set()))


def _described(thing: object, name: str, seen: set[int]) -> Json:
    """What can be seen of a part of a system that is kept under that name; None where that is nothing.

    Texts with the name of a secret, or of an id that each process draws anew, are left out.
    """
    match thing:
        case Enum():
            return str(thing.value)
        case bool() | int():
            return thing
        case float():
            return repr(thing)
        case str():
            return None if _UNSTABLE.search(name) else thing
        case FunctionType():
            return describe(thing, version="")
        case ChatMessage():
            return str(thing)
        case BasePromptTemplate():
            return thing.get_template()
        case BaseLLM():
            return [_class(thing), model_name(thing), repr(getattr(thing, "temperature", None))]
        case BaseEmbedding():
            return [_class(thing), thing.model_name]
        case MetadataFilters():
            return thing.model_dump_json()
        case list() | tuple():
            return [_described(item, name, seen) for item in cast("Sequence[object]", thing)]
        case dict():
            return _settings(cast("dict[object, object]", thing), seen)
        case SimpleDocumentStore() if id(thing) not in seen:
            seen.add(id(thing))
            texts = (node.get_content(MetadataMode.NONE) for node in thing.docs.values())
            return [*sorted(hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() for text in texts)]
        case _:
            if id(thing) in seen or not _is_part(thing):
                return None
            seen.add(id(thing))
            return [_class(thing), _settings(vars(thing), seen)]


def _is_part(thing: object) -> bool:
    return isinstance(thing, _PARTS)


def _settings(values: Mapping[Any, object], seen: set[int]) -> dict[str, Json]:
    described = {str(name): _described(value, str(name), seen) for name, value in values.items()}
    return {name: value for name, value in described.items() if value is not None}


def _class(thing: object) -> str:
    """The name of a class, and the source of what is not LlamaIndex's in it."""
    return fingerprint(describe(type(thing), version=""))


def model_name(llm: BaseLLM) -> str:
    """The name of the LLM's model, as its fields or its metadata give it."""
    return first_text(llm, ("model", "model_name", "model_id")) or llm.metadata.model_name
