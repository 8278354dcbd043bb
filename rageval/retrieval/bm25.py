"""BM25 over passages, by bm25s."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rageval import text
from rageval.pipeline import Resources
from rageval.retrieval import large_bm25
from rageval.retrieval.chunking import Chunking
from rageval.retrieval.large_bm25 import BM25_ARRAYS, LargeBM25Index, write_bm25
from rageval.retrieval.large_passages import LargePassages
from rageval.retrieval.ranking import top_hits
from rageval.source import code_digest
from rageval.text import search_words
from rageval.types import Hit, Json, Passage

K1 = 1.2
B = 0.75


class _Scorer(Protocol):
    def index(self, corpus: list[list[str]], show_progress: bool = ...) -> None: ...
    def get_scores(self, query_tokens_single: list[str]) -> NDArray[np.float32]: ...


class BM25Index:
    """Passages by their words. Titles are indexed with each passage.

    Lucene's variant of BM25 (Robertson and Zaragoza 2009; Kamphuis et al. 2020) with k1 = 1.2 and b = 0.75. Words of
    the query that no passage holds are ignored; a query without known words has no hits.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        words: Callable[[str], list[str]] = search_words,
        k1: float = K1,
        b: float = B,
    ) -> None:
        import bm25s  # pyright: ignore[reportMissingTypeStubs]

        # bm25s sets its own logger to DEBUG at import, and would write a line per index to anyone's root logger
        logging.getLogger("bm25s").setLevel(logging.WARNING)

        self.passages = passages
        self._words = words
        corpus = [words(f"{p.title}\n{p.text}") for p in passages]
        self._known = {word for passage in corpus for word in passage}
        self._scorer = cast(_Scorer, bm25s.BM25(k1=k1, b=b, method="lucene"))
        if self._known:
            self._scorer.index(corpus, show_progress=False)

    def search(self, query: str, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents, best first; only those that share a word with the query."""
        words = [word for word in self._words(query) if word in self._known]
        if not words:
            return ()
        return top_hits(self._scorer.get_scores(words), self.passages, depth, above=0.0)


@dataclass(frozen=True)
class BM25:
    """The BM25 index of a chunking, built once; that of a large corpus lies on disk."""

    chunking: Chunking = Chunking()

    async def build(self, resources: Resources) -> BM25Index | LargeBM25Index:
        passages = await resources.get(self.chunking)
        if not isinstance(passages, LargePassages):
            return BM25Index(passages)
        settings: dict[str, Json] = {
            "k1": K1,
            "b": B,
            "code": code_digest(text, large_bm25),
            "words": [f"{name} {metadata.version(name)}" for name in ("rjieba", "PyStemmer")],
            "unicode": unicodedata.unidata_version,
        }
        arrays = await passages.stored(
            "bm25", settings, BM25_ARRAYS, lambda writer: write_bm25(writer, passages, k1=K1, b=B)
        )
        return LargeBM25Index(passages, arrays)
