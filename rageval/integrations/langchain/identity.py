"""What identifies an object of LangChain's, and the keys that no error may show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, cast

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.vectorstores import VectorStore
from pydantic import BaseModel, SecretStr

from rageval.identity import Describer, attributes_of, describe, fingerprint
from rageval.integrations.framework_models import first_text
from rageval.integrations.framework_search import describe_documents, read_chroma
from rageval.source import module_origin, qualified_name
from rageval.types import Json

_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name", "repo_id")
_SHORTEST_KEY = 8  # what is shorter is none, but a word such as "none"
_SECRET = re.compile("key|token|secret|password|auth|credential|header", re.IGNORECASE)
_FRAMEWORK = ("langchain", "langchain_core", "langchain_classic", "langgraph", "langsmith", "pydantic", "pydantic_core")
_MODELS: tuple[type[object], ...] = (BaseLanguageModel, Embeddings)
_RUNNABLE: type[object] = Runnable


class Settings:
    """What can be seen of an object of LangChain's: parts, plain settings, prompts, code, and what a store holds.

    Of models, what they are set to counts. Stores in memory are read, and Chroma's of up to 100,000 documents. For what
    else cannot be read a `version` answers, without which no other process takes it for the same. Keys are no part of
    it; they are kept in `secrets`, to be struck from errors. `label` is how a message calls the object.
    """

    def __init__(self, thing: object, label: str = "", version: str | None = None) -> None:
        self.secrets: set[str] = set()
        self.digest = fingerprint(describe(thing, label=label, rule=self._rule, version=version))

    def _rule(self, value: object, describer: Describer) -> Json | None:
        module = type(value).__module__
        if isinstance(value, type | Enum | tuple | list | dict):
            return None
        if isinstance(value, SecretStr):
            if len(value) >= _SHORTEST_KEY:
                self.secrets.add(value.get_secret_value())
            return "secret"
        if isinstance(value, _MODELS):
            with describer.vouching():
                return {**_class_of(value, describer), "fields": describer.parts(_model_settings(value))}
        if isinstance(value, VectorStore):
            return _describe_store(value, describer)
        if isinstance(value, BaseModel):
            return {**_class_of(value, describer), "fields": describer.parts(_fields(value))}
        if isinstance(value, _RUNNABLE) or module.startswith("langgraph.pregel"):
            return {**_class_of(value, describer), "fields": describer.parts(attributes_of(value))}
        if module.startswith("langgraph.store"):
            return describer.unreadable(value)
        return {"class": qualified_name(type(value))} if module.partition(".")[0] in _FRAMEWORK else None


def identity_of(thing: BaseChatModel | Embeddings, settings: Settings) -> str:
    """Class, model name and the first 8 digits of the settings' digest."""
    name = first_text(thing, _MODEL_NAMES)
    return "/".join(["langchain", type(thing).__name__, *([name] if name else ()), settings.digest[:8]])


def _class_of(value: object, describer: Describer) -> dict[str, Json]:
    """Returns the class's name, and its code for a user's class. A different LangChain version does not change the
    identity.
    """
    if module_origin(type(value).__module__) == "user":
        return describer.class_of(value)
    return {"class": qualified_name(type(value))}


def _fields(value: BaseModel) -> dict[str, object]:
    names = [name for name, field in type(value).model_fields.items() if not field.exclude]
    if isinstance(value, BaseMessage):
        names.remove("id")  # given to a message when it is first used
    private = attributes_of(value) if module_origin(type(value).__module__) == "user" else {}
    held = {name: part for name, part in private.items() if name not in type(value).model_fields}
    return {**{name: getattr(value, name) for name in sorted(names)}, **held}


def _model_settings(value: object) -> dict[str, object]:
    """What a model is set to; of embeddings that are no pydantic model, plain values alone."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name, field in type(value).model_fields.items() if not field.exclude}
    plain = {name: part for name, part in attributes_of(value).items() if isinstance(part, bool | int | float | str)}
    return {name: part for name, part in plain.items() if not _SECRET.search(name)}


def _describe_store(store: VectorStore, describer: Describer) -> Json:
    attributes = attributes_of(store)
    settings = {name: part for name, part in attributes.items() if isinstance(part, bool | int | float | Enum)}
    described: dict[str, Json] = {
        **_class_of(store, describer),
        "embeddings": describer.describe(store.embeddings, "embeddings"),
        "fields": describer.parts({**settings, "metadata": attributes.get("_collection_metadata")}),
    }
    if describer.is_vouched:
        return described
    found = _read_store(store)
    if found is not None:
        return {**described, "documents": describe_documents(found)}
    if module_origin(type(store).__module__) == "user":  # what it holds may be readable, part by part
        return {**described, "fields": describer.parts(attributes)}
    return {**described, "content": describer.unreadable(store)}


def _read_store(store: Any) -> Sequence[tuple[str, object]] | None:
    """Text and metadata of what a store holds; None where that cannot be read, or is too much."""
    try:
        if hasattr(store, "_collection"):  # Chroma
            return read_chroma(store._collection)
        if hasattr(store, "docstore"):  # FAISS
            found = cast("list[object]", [*store.docstore._dict.values()])
            return [(one.page_content, _metadata(one)) for one in found if isinstance(one, Document)]
        if hasattr(store, "store") and hasattr(store, "embedding"):  # InMemoryVectorStore
            return [(one["text"], one["metadata"]) for one in store.store.values()]
    except Exception:  # noqa: BLE001 (whatever a store's package raises)
        return None
    return None


def _metadata(document: Document) -> object:
    return document.metadata  # pyright: ignore[reportUnknownMemberType]
