"""Index and search a large synthetic corpus: BM25, exact dense search, approximate dense search.

Run from the project's root: `.venv/bin/python benchmarks/perf/large_corpora.py 1000000`. Every step is a fresh process,
so that its peak memory is its own; `--parts` does some of the steps only, `--folder` says where the indexes go (a
temporary folder by default; a million passages take 5 GB). Up to 50,000 passages the indexes are compared with those in
memory, which must give the same hits. Writes the table to `large_corpora.md` beside this file.

A document is one passage: words by Zipf's law (the most frequent ones are the English stop words, the others 200,000
made-up ones), lengths log-normal around 100 words. Vectors have 384 dimensions: `isotropic` ones are spread evenly over
the sphere, which no approximate search can do much with; `latent` ones lie near a space of 32 dimensions, as those of
trained embedders do roughly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rageval.models.base import Vectors
from rageval.models.vector_cache import CachedEmbedder
from rageval.pipeline import IndexStore, Resources, Shared
from rageval.retrieval.approximate import ApproximateDense, GraphSettings
from rageval.retrieval.bm25 import BM25
from rageval.retrieval.chunking import Chunking
from rageval.retrieval.dense import Dense
from rageval.retrieval.large_passages import CorpusDigest
from rageval.text import _ENGLISH_STOP_WORDS
from rageval.types import Document, Hit

SEED, DIM, LATENT = 20260117, 384, 32
VOCABULARY, MEDIAN_WORDS, SPREAD, MOST_WORDS, SENTENCE = 200_000, 100, 0.5, 200, 16
QUERIES, QUERY_WORDS, DEPTH, ROUNDS = 100, 8, 100, 5
IN_MEMORY_AT_MOST = 50_000
PARTS = ("bm25", "dense", "approximate-latent", "approximate-isotropic")


def make_words() -> list[str]:
    rng = np.random.default_rng(SEED)
    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "ar", "en", "il")]
    words = dict.fromkeys(sorted(_ENGLISH_STOP_WORDS))
    while len(words) < VOCABULARY:
        words["".join(syllables[i] for i in rng.integers(0, len(syllables), rng.integers(2, 5)))] = None
    return list(words)


def make_documents(n: int) -> tuple[Document, ...]:
    words = make_words()
    shares = np.cumsum(1 / np.arange(1, len(words) + 1))
    rng = np.random.default_rng(SEED + 1)
    documents: list[Document] = []
    while len(documents) < n:
        lengths = np.clip(
            rng.lognormal(np.log(MEDIAN_WORDS), SPREAD, min(10_000, n - len(documents))), 5, MOST_WORDS
        ).astype(int)
        drawn = np.searchsorted(shares, rng.random(lengths.sum()) * shares[-1]).tolist()
        end = 0
        for length in lengths.tolist():
            start, end = end, end + length
            sentences = (drawn[i : min(i + SENTENCE, end)] for i in range(start, end, SENTENCE))
            text = " ".join([" ".join([words[i] for i in sentence]).capitalize() + "." for sentence in sentences])
            documents.append(Document(f"d{len(documents)}", text))
    return tuple(documents)


class RandomEmbedder:
    """The n-th text that is embedded gets the n-th vector of a seeded stream; passages are embedded once, in order."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._rng = np.random.default_rng(SEED + 2)
        self._basis = self._rng.standard_normal((LATENT, DIM), dtype=np.float32) / np.sqrt(LATENT)

    @property
    def identity(self) -> str:
        return f"random-{self._kind}"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return self.draw(len(texts))

    def draw(self, n: int) -> Vectors:
        vectors = self._rng.standard_normal((n, DIM), dtype=np.float32)
        if self._kind == "latent":
            vectors = self._rng.standard_normal((n, LATENT), dtype=np.float32) @ self._basis + 0.05 * vectors
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def close(self) -> None:
        return None


def query_vectors(kind: str) -> Vectors:
    embedder = RandomEmbedder(kind)
    embedder._rng = np.random.default_rng(SEED + 3)
    return embedder.draw(QUERIES)


def query_texts(documents: Sequence[Document]) -> list[str]:
    rng = np.random.default_rng(SEED + 4)
    chosen = [documents[i].text.split() for i in rng.integers(0, len(documents), QUERIES)]
    return [" ".join(rng.choice(words, min(QUERY_WORDS, len(words)), replace=False)) for words in chosen]


def shared_index(part: str) -> Shared[Any]:
    return BM25() if part == "bm25" else Dense() if part == "dense" else ApproximateDense()


def vectors_of(part: str) -> str:
    return "latent" if part == "approximate-latent" else "isotropic"


def resources(documents: tuple[Document, ...], part: str, folder: Path, *, stored: bool = True) -> Resources:
    embedder = CachedEmbedder(RandomEmbedder(vectors_of(part)), folder / "vectors", batch=256)
    return Resources(documents, embedder=embedder, indexes=IndexStore(folder / "indexes", 0) if stored else None)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def searches(part: str, documents: Sequence[Document]) -> list[Callable[[Any], tuple[Hit, ...]]]:
    queries: Sequence[Any] = query_texts(documents) if part == "bm25" else list(query_vectors(vectors_of(part)))
    return [lambda index, query=query: index.search(query, DEPTH) for query in queries]


async def make(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, float]:
    """Time the steps that lead to the index, and say how much memory they took."""
    said: dict[str, float] = {"documents_mb": peak_mb()}
    given = resources(documents, part, folder)
    steps: dict[str, Shared[Any]] = {"digest_s": CorpusDigest(), "split_s": Chunking()}
    if part.startswith("approximate"):
        steps["vectors_s"] = Dense()
    for name, step in {**steps, "index_s": shared_index(part)}.items():
        started = time.perf_counter()
        await given.get(step)
        said[name] = time.perf_counter() - started
    return {**said, "peak_mb": peak_mb()}


async def use(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """Time opening and searching, and compare with what must be found."""
    documents_mb = peak_mb()
    given = resources(documents, part, folder)
    started = time.perf_counter()
    index = await given.get(shared_index(part))
    open_s = time.perf_counter() - started
    work = searches(part, documents)
    found = [search(index) for search in work]
    rates = [len(work) / timed(lambda: [search(index) for search in work])[0] for _ in range(ROUNDS)]
    said: dict[str, Any] = {
        "documents_mb": documents_mb,
        "open_s": open_s,
        "passages": len(index.passages),
        "rates": rates,
        "peak_mb": peak_mb(),
    }
    if part.startswith("approximate"):
        exact = await given.get(Dense())
        truth = [search(exact) for search in work]
        for k in (10, 100):
            names = [
                ({h.passage.doc_id for h in t[:k]}, {h.passage.doc_id for h in f[:k]}) for t, f in zip(truth, found)
            ]
            said[f"recall@{k}"] = statistics.mean(len(wanted & got) / k for wanted, got in names)
        said["exact_rates"] = [len(work) / timed(lambda: [search(exact) for search in work])[0] for _ in range(ROUNDS)]
    return said


async def in_memory(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """The same without any store: time, memory, and whether the hits are the same."""
    documents_mb = peak_mb()
    given = resources(documents, part, folder / "in-memory", stored=False)
    await given.get(Chunking())
    started = time.perf_counter()
    index = await given.get(shared_index(part))
    index_s = time.perf_counter() - started
    peak = peak_mb()
    work = searches(part, documents)
    rates = [len(work) / timed(lambda: [search(index) for search in work])[0] for _ in range(ROUNDS)]
    stored = await resources(documents, part, folder).get(shared_index(part))
    for search in work:
        expected, found = search(index), search(stored)
        if [hit.passage for hit in found] != [hit.passage for hit in expected]:
            raise SystemExit(f"{part}: the hits differ from those in memory")
        np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], rtol=1e-6)
    return {"documents_mb": documents_mb, "index_s": index_s, "peak_mb": peak, "rates": rates}


CHILDREN = {"make": make, "use": use, "in-memory": in_memory}


def child(step: str, part: str, n: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(n), "--folder", str(folder), "--child", step, "--parts", part]
    one_core = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=one_core)
    print(step, part, done.stdout.strip(), file=sys.stderr)
    return json.loads(done.stdout)


def disk_mb(folder: Path, *patterns: str) -> float:
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def measure(n: int, parts: Sequence[str], folder: Path) -> list[str]:
    rows: list[str] = []
    small: list[str] = []
    for part in parts:
        made = child("make", part, n, folder)
        used = child("use", part, n, folder)
        kind = part.split("-")[0]
        size = disk_mb(folder, f"indexes/{kind}-*/*") if kind != "approximate" else graph_mb(folder, vectors_of(part))
        recall = f"{used['recall@10']:.3f} / {used['recall@100']:.3f}" if "recall@10" in used else "1"
        rows.append(
            f"| {part} | {made['split_s']:.0f} | {made['index_s']:.0f} | {size:,.0f} | {made['documents_mb']:,.0f} | "
            f"{made['peak_mb']:,.0f} | {used['open_s']:.2f} | {used['peak_mb']:,.0f} | "
            f"{show_rates(used['rates'])} | {recall} |"
        )
        if n <= IN_MEMORY_AT_MOST and kind != "approximate":
            memory = child("in-memory", part, n, folder)
            small.append(
                f"| {part} | {memory['index_s']:.1f} | {made['index_s']:.1f} | "
                f"{memory['peak_mb'] - memory['documents_mb']:,.0f} | {made['peak_mb'] - made['documents_mb']:,.0f} | "
                f"{show_rates(memory['rates'])} | {show_rates(used['rates'])} |"
            )
    lines = [
        "| index | splitting, s | index, s | on disk, MB | memory: documents, MB | making: peak, MB | opening, s | searching: peak, MB | queries/s | recall@10 / @100 |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
    ]
    if small:
        lines += [
            "",
            "| beside the index in memory | index in memory, s | on disk, s | memory above the documents: in memory, MB | on disk, MB | queries/s in memory | on disk |",
            "|---|---|---|---|---|---|---|",
            *small,
        ]
    return lines


def graph_mb(folder: Path, vectors: str) -> float:
    metas = (path for path in folder.glob("indexes/approximate-*/meta.json"))
    mine = [
        path.parent for path in metas if json.loads(path.read_text("utf-8"))["key"]["embedder"] == f"random-{vectors}"
    ]
    return sum(disk_mb(path, "*") for path in mine)


def show_rates(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):,.1f} ({min(rates):,.1f} to {max(rates):,.1f})"


def write_table(n: int, table: Sequence[str], load: float) -> str:
    graph = GraphSettings()
    setting = (
        f"{n:,} documents, each of them a passage (Zipf's law over {VOCABULARY:,} words, log-normal lengths around {MEDIAN_WORDS} words), "
        f"{QUERIES} queries of {QUERY_WORDS} words of a passage, or as many vectors; {DEPTH} documents a query. Vectors of "
        f"{DIM} float32, drawn and not computed: an embedder's time comes on top. Each step in a process of its own that "
        "holds the documents too. Splitting: text to passages, once for all indexes. Index: making it, through the cache "
        "of vectors where there are any, the exact vectors before an approximate index not counted. Opening: digest of "
        "the documents and checking of the files in a new process, which splits, tokenises and embeds nothing. Peak "
        "memory counts pages of mapped files, which the system can take back. "
        f"Queries/s: one thread, median of {ROUNDS} "
        f"rounds (least and most). Recall: beside exact search. Approximate: HNSW with M = {graph.neighbours}, "
        f"efConstruction = {graph.width_of_insertion}, ef = {graph.width_of_search} at least, float16, one thread."
    )
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "bm25s", "usearch"))
    lines = [
        f"# Large corpora: {n:,} passages",
        "",
        "Generated by `benchmarks/perf/large_corpora.py`; do not edit.",
        "",
    ]
    return (
        "\n".join([*lines, setting, "", *table, "", f"{machine}, {versions}; load before the runs {load:.1f}."]) + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        documents = make_documents(given.n)
        print(json.dumps(asyncio.run(CHILDREN[given.child](given.parts[0], documents, given.folder))))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        table = write_table(given.n, measure(given.n, given.parts, Path(folder)), load)
    Path(__file__).with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
