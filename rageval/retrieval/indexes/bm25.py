"""BM25 over passages, by bm25s."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rageval import text
from rageval.identity import fingerprint
from rageval.pipeline import Query, Resources
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.base import Index
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages
from rageval.retrieval.stored import large_bm25
from rageval.retrieval.stored.large_bm25 import BM25_ARRAYS, LargeBM25Index, write_bm25
from rageval.retrieval.stored.large_passages import LargePassages
from rageval.retrieval.words import Words, words_of
from rageval.source import code_digest
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
        words: Words | None = None,
        k1: float = K1,
        b: float = B,
    ) -> None:
        import bm25s  # pyright: ignore[reportMissingTypeStubs]

        # bm25s sets its own logger to DEBUG at import, and would write a line per index to anyone's root logger
        logging.getLogger("bm25s").setLevel(logging.WARNING)

        self.passages = passages
        self._words = words or Words()
        corpus = [self._words.of_passage(passage) for passage in passages]
        self._known = {word for passage in corpus for word in passage}
        self._scorer = cast(_Scorer, bm25s.BM25(k1=k1, b=b, method="lucene"))
        if self._known:
            self._scorer.index(corpus, show_progress=False)

    def search(self, query: str, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents, best first; only those that share a word with the query."""
        words = [word for word in self._words.of_query(query) if word in self._known]
        if not words:
            return ()
        return top_hits(self._scorer.get_scores(words), self.passages, depth, above=0.0)


@dataclass(frozen=True, slots=True)
class _SearchByText:
    """What `BM25` is once it is built."""

    passages: BM25Index | LargeBM25Index

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        return self.passages.search(query.text, depth)


@dataclass(frozen=True)
class BM25(Index):
    """The words of the passages, ranked by BM25. Those of a large corpus lie on disk."""

    chunker: AnyChunker = SentenceChunker()

    async def build(self, resources: Resources) -> _SearchByText:
        passages, words = await resources.get(Passages(self.chunker)), words_of(resources.documents)
        if not isinstance(passages, LargePassages):
            return _SearchByText(BM25Index(passages, words=words))
        settings: dict[str, Json] = {
            "k1": K1,
            "b": B,
            "code": code_digest(text, large_bm25),
            "words": [f"{name} {metadata.version(name)}" for name in ("rjieba", "PyStemmer")],
            "unicode": unicodedata.unidata_version,
        }
        if words.languages:
            settings["languages"] = fingerprint(dict(words.languages))
        arrays = await passages.stored(
            "bm25", settings, BM25_ARRAYS, lambda writer: write_bm25(writer, passages, words=words, k1=K1, b=B)
        )
        return _SearchByText(LargeBM25Index(passages, arrays, words))
