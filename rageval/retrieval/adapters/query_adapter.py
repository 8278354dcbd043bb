"""A linear map on the vectors of questions, and the file that holds it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rageval.errors import DeclarationError
from rageval.io.disk import cannot_write, write_atomically
from rageval.models.base import Embedder, Vectors
from rageval.models.wrapped import WrappedEmbedder
from rageval.types import Question

_ABOUT, _FACTOR = "about", "factor_{}"
_EXPECTED = "expected a file that `rageval train-adapter` wrote"


@dataclass(frozen=True, eq=False)
class QueryAdapter:
    """Moves the vector q of a question to q + q·F, of unit length again; passages stay where they are.

    F is the product of the `factors`: one matrix of shape (dim, dim), or two of shapes (dim, rank) and (rank, dim).
    It belongs to the vectors of the embedder with the identity `embedder`. `trained_on` are the digests of the
    questions that it saw while it was trained (`question_digest`), `source` names the benchmark that they are from.
    """

    embedder: str
    factors: tuple[Vectors, ...]
    source: str
    trained_on: frozenset[str]

    def map(self, vectors: Vectors) -> Vectors:
        """Unit vectors of questions, shape (n, dim), moved. One that would become 0 stays as it is."""
        change = vectors
        for factor in self.factors:
            change = change @ factor
        moved = vectors + change
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.where(lengths > 0.0, moved / np.where(lengths > 0.0, lengths, 1.0), vectors).astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """64 hex digits of what changes a search."""
        found = hashlib.sha256(self.embedder.encode())
        for factor in self.factors:
            found.update(repr(factor.shape).encode() + factor.astype("<f4").tobytes())
        return found.hexdigest()

    def seen(self, questions: Iterable[Question]) -> list[Question]:
        """Those of the questions that it was trained on."""
        return [question for question in questions if question_digest(question.text) in self.trained_on]


def question_digest(text: str) -> str:
    """16 hex digits of the text, in which case and white space make no difference."""
    return hashlib.sha256(" ".join(text.split()).casefold().encode("utf-8", "replace")).hexdigest()[:16]


class AdaptedQueries(WrappedEmbedder):
    """An embedder whose vectors of queries the adapter moves.

    Raises DeclarationError where the adapter belongs to another embedder.
    """

    def __init__(self, embedder: Embedder, adapter: QueryAdapter) -> None:
        super().__init__(embedder)
        if adapter.embedder != embedder.identity:
            raise DeclarationError(
                f"adapter: found one for the vectors of {adapter.embedder}, expected one for {embedder.identity}"
            )
        self._adapter = adapter

    @property
    def identity(self) -> str:
        return f"{super().identity} ({self._adapter.digest[:12]})"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        vectors = await super().embed(texts, kind)
        return self._adapter.map(vectors) if kind == "query" else vectors


def write_adapter(adapter: QueryAdapter, path: Path) -> None:
    """Write the adapter as an NPZ file without pickles. Raises DeclarationError where that cannot be written."""
    about = {"embedder": adapter.embedder, "source": adapter.source, "trained_on": sorted(adapter.trained_on)}
    arrays: dict[str, Any] = {_ABOUT: np.array(json.dumps(about))}
    arrays |= {_FACTOR.format(number): factor for number, factor in enumerate(adapter.factors)}
    content = io.BytesIO()
    np.savez(content, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue())
    except OSError as error:
        raise cannot_write(path, error) from None


def read_adapter(path: Path) -> QueryAdapter:
    """The adapter in a file of `write_adapter`. Raises DeclarationError, which names the file, for any other."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            about = json.loads(str(file[_ABOUT]))
            factors = tuple(file[_FACTOR.format(number)].astype(np.float32) for number in range(len(file.files) - 1))
        adapter = QueryAdapter(
            str(about["embedder"]), factors, str(about["source"]), frozenset(map(str, about["trained_on"]))
        )
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror or error}), {_EXPECTED}") from None
    except (ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile):
        raise DeclarationError(f"{path}: found no adapter, {_EXPECTED}") from None
    shapes = [factor.shape for factor in factors]
    if not _fit_together(shapes) or not all(np.isfinite(factor).all() for factor in factors):
        raise DeclarationError(f"{path}: found matrices of the shapes {shapes}, {_EXPECTED}")
    return adapter


def _fit_together(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether their product is a square matrix."""
    if not shapes or any(len(shape) != 2 for shape in shapes):
        return False
    inner = all(a[1] == b[0] for a, b in pairwise(shapes))
    return inner and shapes[0][0] == shapes[-1][1]
