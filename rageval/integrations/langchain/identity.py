"""What identifies an object of LangChain's, and the keys that no error may show."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from types import FunctionType, MethodType
from typing import Any, cast

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.vectorstores import VectorStore
from pydantic import BaseModel, SecretStr

from rageval.identity import describe, fingerprint
from rageval.integrations.framework_models import first_text

_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name", "repo_id")
_SHORTEST_KEY = 8  # what is shorter is none, but a word such as "none"


class Settings:
    """What can be seen of LangChain's objects: parts, plain settings, prompts, and the source of functions.

    Stores, clients and objects of other kinds count by their class alone. Keys are no part of it; they are kept in
    `secrets`, to be struck from errors.
    """

    def __init__(self, *things: object) -> None:
        self.secrets: set[str] = set()
        self._seen: dict[int, object] = {}
        self._lines: list[str] = []
        for thing in things:
            self._look(thing)

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return hashlib.sha256("\n".join(self._lines).encode(errors="surrogatepass")).hexdigest()

    def _look(self, thing: object) -> None:
        if isinstance(thing, SecretStr):
            if len(thing) >= _SHORTEST_KEY:
                self.secrets.add(thing.get_secret_value())
        elif thing is None or isinstance(thing, bool | int | float | str | itemgetter):
            self._lines.append(repr(cast("object", thing)))
        elif id(thing) in self._seen:
            self._lines.append("seen above")
        else:
            self._seen[id(thing)] = thing
            self._lines.append(f"{type(thing).__module__}.{type(thing).__qualname__}")
            for name, part in sorted(_parts(thing).items()):
                self._lines.append(name)
                self._look(part)


def _parts(thing: object) -> dict[str, object]:
    match thing:
        case Mapping():
            return {str(key): value for key, value in cast("Mapping[object, object]", thing).items()}
        case list() | tuple():
            return {f"{place:09}": part for place, part in enumerate(cast("Sequence[object]", thing))}
        case FunctionType():
            cells = thing.__closure__ or ()
            source = fingerprint(describe(thing, version=""))
            return {"source": source, **{f"cell {i}": _content(cell) for i, cell in enumerate(cells)}}
        case MethodType():
            return {"self": thing.__self__, "function": thing.__func__}
        case partial():
            part = cast("partial[object]", thing)
            return {"function": part.func, "arguments": part.args, "keywords": part.keywords}
        case type():
            return {"name": f"{thing.__module__}.{thing.__qualname__}"}
        case BaseModel():
            settings = {name for name, field in type(thing).model_fields.items() if not field.exclude}
            if isinstance(thing, BaseMessage):
                settings.discard("id")  # given to a message when it is first used
            return {name: getattr(thing, name) for name in settings}
        case VectorStore():
            return {"embeddings": thing.embeddings}
        case _ if isinstance(thing, Runnable) or type(thing).__module__.startswith("langgraph.pregel"):
            return dict(vars(cast("object", thing)))
        case _:
            return {}


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def identity_of(thing: BaseChatModel | Embeddings, settings: Settings) -> str:
    """Class, model name and the first 8 digits of the settings' digest."""
    name = first_text(thing, _MODEL_NAMES)
    return "/".join(["langchain", type(thing).__name__, *([name] if name else ()), settings.digest[:8]])
