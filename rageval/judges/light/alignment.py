"""Which tokens of a claim nothing in the context is like, by the vectors of the packaged embedder: no chat model."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.judges.light.features import Window, prepare
from rageval.models.token_vectors import Tokens, packaged_token_vectors
from rageval.text import search_words, sentences
from rageval.text.languages import Language

ALIGNED = ("unmatched_tokens",)
"""The names of the features that need vectors, in the order of `aligned_features`."""
ALIGNED_SIGNS = (-1,)

Rows: TypeAlias = NDArray[np.float32]
"""Of a sentence: a row of length 1 for each of its tokens that has a letter or digit."""

_ALIKE = 0.8
_MOST_WINDOWS = 4
_MOST_SENTENCES_KEPT = 4096


def aligned_features(claim: str, passages: Sequence[str], language: Language) -> tuple[float, ...]:
    """The features of the claim against the passages, in the order of `ALIGNED`, each from 0 to 1.

        unmatched_tokens   tokens of the claim that no token is like in the two neighbouring sentences of the context
                           where they are fewest, 1 - 1/2^n

    Tokens are alike where their vectors in the last layer have a cosine of 0.8 or more; those without a letter or digit
    do not count. Sentences are read one by one, and of a long context only the pairs with the most of the claim's words
    by idf. A claim without tokens has 0; without a context every token is unmatched. Raises `MissingExtraError` or
    DeclarationError where the embedder is not at hand.
    """
    return (1.0 - 0.5 ** unmatched(claim, passages, language, packaged_sentences()),)


def unmatched(claim: str, passages: Sequence[str], language: Language, read: SentenceRows) -> int:
    """How many tokens of the claim no token of the best window is like."""
    windows = _nearest(claim, passages, language)
    said = [claim[start:end] for start, end in sentences(claim)]
    parts = [*dict.fromkeys(part for window in windows for part in window.parts)]
    rows = read.rows([*said, *parts])
    tokens = np.concatenate([_NO_ROWS, *rows[: len(said)]])
    best = {part: _best(tokens, known) for part, known in zip(parts, rows[len(said) :], strict=True)}
    counts = [int(np.sum(np.max([best[part] for part in one.parts], axis=0) < _ALIKE)) for one in windows]
    return min(counts, default=len(tokens))


class SentenceRows:
    """The rows of sentences; the last few thousand are kept, so that claims against one context cost milliseconds.

    `encode` gives the tokens of texts. It may be called from several threads; one at a time computes.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Sequence[Tokens]]) -> None:
        self._encode = encode
        self._kept: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._lock = Lock()

    def rows(self, texts: Sequence[str]) -> list[Rows]:
        """The rows of each text, (tokens, numbers)."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            for text, tokens in zip(new, self._encode(new), strict=True):
                self._kept[text] = _unit(tokens)
            for text in texts:
                self._kept.move_to_end(text)
            found = [self._kept[text].astype(np.float32) for text in texts]
            while len(self._kept) > _MOST_SENTENCES_KEPT:
                self._kept.popitem(last=False)
        return found


@cache
def packaged_sentences() -> SentenceRows:
    """Rows by the packaged embedder, loaded at the first call."""
    return SentenceRows(lambda texts: packaged_token_vectors().vectors(texts))


def _nearest(claim: str, passages: Sequence[str], language: Language) -> list[Window]:
    context = prepare(tuple(passages), language)
    words = frozenset(search_words(claim, language))
    shared = [math.fsum(context.idf[word] for word in words & one.words) for one in context.windows]
    order = sorted(range(len(shared)), key=lambda i: -shared[i])
    return [context.windows[i] for i in order[:_MOST_WINDOWS]]


def _unit(tokens: Tokens) -> NDArray[np.float16]:
    counted = [i for i, text in enumerate(tokens.texts) if any(map(str.isalnum, text))]
    rows = tokens.vectors[counted]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float16)


def _best(tokens: Rows, known: Rows) -> Rows:
    """The largest cosine of each token with those that are known; -1 where there are none."""
    if not known.size:
        return np.full(len(tokens), -1.0, dtype=np.float32)
    return (tokens @ known.T).max(axis=1)


_NO_ROWS: Rows = np.zeros((0, 384), dtype=np.float32)
