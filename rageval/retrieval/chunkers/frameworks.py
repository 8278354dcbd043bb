"""Splitters of other frameworks by the names of their classes, for experiment files.

chunker: {langchain: {class: RecursiveCharacterTextSplitter, chunk_size: 400}}
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

from rageval.errors import DeclarationError
from rageval.retrieval.chunkers.base import Chunker
from rageval.retrieval.chunkers.foreign import as_chunker


def langchain(**settings: Any) -> Chunker:
    """A text splitter of LangChain: `class` names it, and the rest are its settings."""
    return _make("langchain_text_splitters", "langchain-text-splitters", settings)


def llama_index(**settings: Any) -> Chunker:
    """A node parser of LlamaIndex: `class` names it, and the rest are its settings."""
    return _make("llama_index.core.node_parser", "llama-index-core", settings)


def chonkie(**settings: Any) -> Chunker:
    """A chunker of chonkie: `class` names it, and the rest are its settings."""
    return _make("chonkie", "chonkie", settings)


def _make(module: str, package: str, settings: dict[str, Any]) -> Chunker:
    try:
        known = vars(import_module(module))
    except ImportError:
        raise DeclarationError(f"class: found no package {package}: install it with  pip install {package}") from None
    name = settings.pop("class", None)
    kinds = [one for one, kind in known.items() if isinstance(kind, type)]
    if name not in kinds:
        near = difflib.get_close_matches(str(name), kinds, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DeclarationError(f"class: found {name!r}, expected the name of a class of {module}{hint}")
    return as_chunker(known[name](**settings))
