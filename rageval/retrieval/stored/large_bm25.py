"""BM25 over large corpora: postings on disk, made in bounded memory.

Passages are read once, in order. Their words get numbers by first appearance, and every few million words the pairs
(word, passage) are sorted, counted and written away as a run. The runs are then merged by ranges of words, each small
enough for memory. What grows with the corpus and is in memory: the vocabulary and four bytes a passage while indexing,
and a score a passage while searching.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, Layout
from rageval.retrieval.words import Words
from rageval.types import Hit, Passage

# By word, in the order of first appearance: `starts` into the postings. A posting is a passage and its score.
# `words` holds the words in UTF-8, sorted, `word_starts` where each begins, and `numbers` their places in `starts`.
BM25_ARRAYS: Layout = {
    "starts": "<i8",
    "passages": "<i4",
    "scores": "<f4",
    "words": "|u1",
    "word_starts": "<i8",
    "numbers": "<i4",
}

_WORDS_AT_ONCE = 1 << 21
_PASSAGE_BITS = 32


class LargeBM25Index:
    """What `BM25Index` is, over arrays that `write_bm25` wrote: the same scores, to the last bits of a float32."""

    def __init__(self, passages: Sequence[Passage], arrays: Arrays, words: Words | None = None) -> None:
        self.passages = passages
        self._words = words or Words()
        self._arrays = arrays

    def search(self, query: str, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents, best first; only those that share a word with the query."""
        scores = np.zeros(len(self.passages), dtype=np.float32)
        for word in self._words.of_query(query):
            number = self._number(word.encode("utf-8", "surrogatepass"))
            if number is not None:
                start, end = self._arrays["starts"][number : number + 2]
                scores[self._arrays["passages"][start:end]] += self._arrays["scores"][start:end]
        found = np.flatnonzero(scores)
        return top_hits(scores[found], self.passages, depth, positions=found)

    def _number(self, word: bytes) -> int | None:
        numbers = self._arrays["numbers"]
        place = bisect_left(range(len(numbers)), word, key=self._word)
        return int(numbers[place]) if place < len(numbers) and self._word(place) == word else None

    def _word(self, place: int) -> bytes:
        start, end = self._arrays["word_starts"][place : place + 2]
        return self._arrays["words"][start:end].tobytes()


async def write_bm25(
    writer: IndexWriter,
    passages: Sequence[Passage],
    *,
    words: Words | None = None,
    k1: float,
    b: float,
    words_at_once: int = _WORDS_AT_ONCE,
) -> None:
    """Write the arrays of a BM25 index, as `BM25Index` has it, over passages that are read once, in order.

    `words_at_once` bounds the memory for postings: some 90 bytes for each of them.
    """
    counted = await _count(writer.folder, passages, words or Words(), words_at_once)
    frequencies = np.zeros(len(counted.numbers), dtype=np.int64)
    for run in counted.runs:
        pairs, _ = run.read(0, len(frequencies))
        frequencies += np.bincount(pairs >> _PASSAGE_BITS, minlength=len(frequencies))
    starts = np.concatenate([[0], np.cumsum(frequencies)])
    lengths = np.frombuffer(counted.lengths, dtype=np.intc)
    # float32 as in bm25s, whose scores these are
    idf = np.log(1 + (len(lengths) - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)
    mean_length = lengths.mean()
    for low, high in _ranges(starts, words_at_once):
        pairs, counts = _merged(counted.runs, low, high)
        found = pairs & ((1 << _PASSAGE_BITS) - 1)
        norm = k1 * (1 - b + b * lengths[found] / mean_length)
        writer.append("passages", found)
        writer.append("scores", idf[pairs >> _PASSAGE_BITS] * (counts / (norm + counts)))
        await asyncio.sleep(0)
    writer.append("starts", starts)
    _write_vocabulary(writer, counted.numbers)


@dataclass(frozen=True, slots=True)
class _Run:
    """Files of distinct pairs, sorted (the word's number in the upper half, the passage's in the lower), and of how
    often the word stands in the passage.
    """

    pairs: Path
    counts: Path

    def read(self, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The pairs and counts of the words from `low` up to before `high`, copied: nothing stays mapped."""
        pairs = np.memmap(self.pairs, dtype=np.int64, mode="r")
        start, end = np.searchsorted(pairs, np.array([low, high], dtype=np.int64) << _PASSAGE_BITS)
        counts = np.memmap(self.counts, dtype=np.int32, mode="r")
        return np.array(pairs[start:end]), np.array(counts[start:end])


@dataclass
class _Counted:
    """Numbers of the words, in order; the length of each passage in words; and the runs, by rising passages."""

    numbers: dict[str, int] = field(default_factory=dict[str, int])
    lengths: array[int] = field(default_factory=lambda: array("i"))
    runs: list[_Run] = field(default_factory=list[_Run])


async def _count(folder: Path, passages: Sequence[Passage], words: Words, words_at_once: int) -> _Counted:
    counted = _Counted()
    numbers, pending, first = counted.numbers, array("i"), 0
    for passage in passages:
        found = words.of_passage(passage)
        pending.extend([numbers.setdefault(word, len(numbers)) for word in found])
        counted.lengths.append(len(found))
        if len(pending) >= words_at_once:
            counted.runs.append(_write_run(folder, len(counted.runs), pending, counted.lengths[first:], first))
            pending, first = array("i"), len(counted.lengths)
            await asyncio.sleep(0)  # a run can be stopped here
    if pending:
        counted.runs.append(_write_run(folder, len(counted.runs), pending, counted.lengths[first:], first))
    return counted


def _write_run(folder: Path, n: int, words: array[int], lengths: array[int], first: int) -> _Run:
    passages = np.repeat(np.arange(first, first + len(lengths), dtype=np.int64), lengths)
    pairs, counts = np.unique(
        np.frombuffer(words, dtype=np.intc).astype(np.int64) << _PASSAGE_BITS | passages, return_counts=True
    )
    run = _Run(folder / f"pairs-{n}", folder / f"counts-{n}")
    pairs.tofile(run.pairs)
    counts.astype(np.int32).tofile(run.counts)
    return run


def _ranges(starts: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of words, from `low` up to before `high`, with at most `size` postings each, or a single word."""
    low, end = 0, len(starts) - 1
    while low < end:
        high = max(low + 1, int(np.searchsorted(starts, starts[low] + size, "right")) - 1)
        yield low, high
        low = high


def _merged(runs: Sequence[_Run], low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The pairs of these words from all runs, sorted, and their counts."""
    parts = [run.read(low, high) for run in runs]
    pairs = np.concatenate([pairs for pairs, _ in parts])
    order = np.argsort(pairs, kind="stable")
    return pairs[order], np.concatenate([counts for _, counts in parts])[order]


def _write_vocabulary(writer: IndexWriter, numbers: dict[str, int]) -> None:
    words = sorted(numbers)  # by code point, which is the order of their UTF-8 too
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    sizes = np.array([len(word) for word in encoded], dtype=np.int64)
    writer.append("words", np.frombuffer(b"".join(encoded), dtype=np.uint8))
    writer.append("word_starts", np.concatenate([[0], np.cumsum(sizes)]))
    writer.append("numbers", np.array([numbers[word] for word in words], dtype=np.int32))
