"""Index and search a large synthetic corpus: BM25, exact dense search, approximate dense search (HNSW, IVF, PQ).

Run from the project's root: `.venv/bin/python benchmarks/perf/large_corpora.py 1000000`. Every step is a fresh process,
so that its peak memory is its own; `--parts` does some of the steps only and keeps the rows of the others that are
there, `--folder` says where the indexes go (a temporary folder by default; a million passages take 8 GB). Up to 50,000
passages the indexes are compared with those in memory, which must give the same hits. Writes the table to
`large_corpora.md` beside this file.

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
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rageval.models.base import Vectors
from rageval.models.vector_cache import CachedEmbedder
from rageval.pipeline import IndexStore, Resources, Shared
from rageval.retrieval import Passages, SentenceChunker
from rageval.retrieval.indexes.approximate import ApproximateDense, GraphSettings
from rageval.retrieval.indexes.bm25 import BM25
from rageval.retrieval.indexes.dense import Dense
from rageval.retrieval.indexes.inverted import InvertedLists
from rageval.retrieval.stored.large_passages import CorpusDigest
from rageval.text import _ENGLISH_STOP_WORDS
from rageval.types import Document, Hit

SEED, DIM, LATENT = 20260117, 384, 32
VOCABULARY, MEDIAN_WORDS, SPREAD, MOST_WORDS, SENTENCE = 200_000, 100, 0.5, 200, 16
QUERIES, QUERY_WORDS, DEPTH, ROUNDS, BATCH = 100, 8, 100, 5, 64
IN_MEMORY_AT_MOST = 50_000
COLUMNS = (
    "index",
    "splitting, s",
    "index, s",
    "on disk, MB",
    "documents in memory, MB",
    "peak while indexing, MB",
    "opening, s",
    "peak while searching, MB",
    "queries/s",
    "in batches",
    "recall@10 / @100",
)
BESIDE = (
    "index",
    "made in memory, s",
    "made on disk, s",
    "peak above the documents in memory, MB",
    "on disk, MB",
    "queries/s in memory",
    "on disk",
)
INDEXES: dict[str, tuple[Shared[Any], Literal["latent", "isotropic"]]] = {
    "bm25": (BM25(), "isotropic"),
    "dense": (Dense(), "isotropic"),
    "approximate-latent": (ApproximateDense(), "latent"),
    "ivf-latent": (InvertedLists(), "latent"),
    "ivf-pq-latent": (InvertedLists(bytes=48), "latent"),
    "approximate-isotropic": (ApproximateDense(), "isotropic"),
}


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
            rng.lognormal(np.log(MEDIAN_WORDS), SPREAD, min(1000, n - len(documents))), 5, MOST_WORDS
        ).astype(int)
        drawn = np.searchsorted(shares, rng.random(lengths.sum()) * shares[-1]).tolist()
        end = 0
        for length in lengths.tolist():
            start, end = end, end + length
            sentences = (drawn[i : min(i + SENTENCE, end)] for i in range(start, end, SENTENCE))
            text = " ".join([" ".join([words[i] for i in sentence]).capitalize() + "." for sentence in sentences])
            documents.append(Document(f"d{len(documents)}", text, language="en"))
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


def resources(documents: tuple[Document, ...], part: str, folder: Path, *, stored: bool = True) -> Resources:
    embedder = CachedEmbedder(RandomEmbedder(INDEXES[part][1]), folder / "vectors", batch=256)
    return Resources(documents, embedder=embedder, indexes=IndexStore(folder / "indexes", 0) if stored else None)


@contextmanager
def timed(said: dict[str, Any], name: str) -> Generator[None]:
    """Note the seconds of the block, and those that the processor spent on it: on a busy machine they differ."""
    started, cpu_started = time.perf_counter(), time.process_time()
    yield
    said[f"{name}_s"] = time.perf_counter() - started
    said[f"{name}_cpu_s"] = time.process_time() - cpu_started


async def batches(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """Time searches in batches, on two cores."""
    index = (await resources(documents, part, folder).get(INDEXES[part][0])).passages
    vectors = query_vectors(INDEXES[part][1])[:BATCH]
    said: dict[str, Any] = {}
    note_rates(said, [lambda index: index.search_many(vectors, [DEPTH] * BATCH)], index, BATCH)
    return {**said, "peak_mb": peak_mb()}


def note_rates(said: dict[str, Any], work: Sequence[Callable[[Any], object]], index: object, at_once: int = 1) -> None:
    """Queries a second in each round, and a second of the processor."""
    rounds: list[dict[str, Any]] = [{} for _ in range(ROUNDS)]
    for one in rounds:
        with timed(one, "round"):
            for search in work:
                search(index)
    said["rates"] = [at_once * len(work) / one["round_s"] for one in rounds]
    said["cpu_rates"] = [at_once * len(work) / one["round_cpu_s"] for one in rounds]


def peak_mb() -> float:
    import resource  # POSIX alone has it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def searches(part: str, documents: Sequence[Document]) -> list[Callable[[Any], tuple[Hit, ...]]]:
    queries: Sequence[Any] = query_texts(documents) if part == "bm25" else list(query_vectors(INDEXES[part][1]))
    return [lambda index, query=query: index.search(query, DEPTH) for query in queries]


async def make(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """Time the steps that lead to the index, and say how much memory they took."""
    said: dict[str, Any] = {"documents_mb": peak_mb()}
    given = resources(documents, part, folder)
    steps: dict[str, Shared[Any]] = {"digest": CorpusDigest(), "split": Passages(SentenceChunker())}
    if not exact_search(part):
        steps["vectors"] = Dense()
    for name, step in {**steps, "index": INDEXES[part][0]}.items():
        with timed(said, name):
            await given.get(step)
    return {**said, "peak_mb": peak_mb()}


async def use(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """Time opening and searching, and compare with what must be found."""
    said: dict[str, Any] = {"documents_mb": peak_mb()}
    given = resources(documents, part, folder)
    with timed(said, "open"):
        index = (await given.get(INDEXES[part][0])).passages
    said["passages"] = len(index.passages)
    work = searches(part, documents)
    found = [search(index) for search in work]
    note_rates(said, work, index)
    said["peak_mb"] = peak_mb()
    if not exact_search(part):
        exact = (await given.get(Dense())).passages
        truth = [search(exact) for search in work]
        for k in (10, 100):
            pairs = zip((ids(hits[:k]) for hits in truth), (ids(hits[:k]) for hits in found), strict=True)
            said[f"recall@{k}"] = statistics.mean(len(wanted & got) / k for wanted, got in pairs)
    return said


def exact_search(part: str) -> bool:
    return part in ("bm25", "dense")


def ids(hits: Sequence[Hit]) -> set[str]:
    return {hit.passage.doc_id for hit in hits}


async def in_memory(part: str, documents: tuple[Document, ...], folder: Path) -> dict[str, Any]:
    """The same without any store: time, memory, and whether the hits are the same."""
    said: dict[str, Any] = {"documents_mb": peak_mb()}
    given = resources(documents, part, folder / "in-memory", stored=False)
    await given.get(Passages(SentenceChunker()))
    with timed(said, "index"):
        index = (await given.get(INDEXES[part][0])).passages
    said["peak_mb"] = peak_mb()
    work = searches(part, documents)
    note_rates(said, work, index)
    stored = (await resources(documents, part, folder).get(INDEXES[part][0])).passages
    for search in work:
        expected, found = search(index), search(stored)
        if [hit.passage for hit in found] != [hit.passage for hit in expected]:
            raise SystemExit(f"{part}: the hits differ from those in memory")
        np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], rtol=1e-6)
    return said


CHILDREN = {"make": make, "use": use, "batches": batches, "in-memory": in_memory}


def child(step: str, part: str, n: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(n), "--folder", str(folder), "--child", step, "--parts", part]
    cores = "2" if step == "batches" else "1"
    limits = {**os.environ, "OPENBLAS_NUM_THREADS": cores, "OMP_NUM_THREADS": cores}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=limits)
    print(step, part, done.stdout.strip(), file=sys.stderr)
    return json.loads(done.stdout)


def measure(n: int, parts: Sequence[str], folder: Path) -> list[str]:
    rows: list[list[str]] = []
    beside: list[list[str]] = []
    for part in parts:
        made = child("make", part, n, folder)
        used = child("use", part, n, folder)
        together = show_rates(child("batches", part, n, folder)) if part == "dense" else "–"
        rows.append(
            [
                part,
                show_seconds(made, "split"),
                show_seconds(made, "index"),
                f"{disk_mb(folder, part):,.0f}",
                f"{made['documents_mb']:,.0f}",
                f"{made['peak_mb']:,.0f}",
                show_seconds(used, "open"),
                f"{used['peak_mb']:,.0f}",
                show_rates(used),
                together,
                f"{used['recall@10']:.3f} / {used['recall@100']:.3f}" if "recall@10" in used else "1",
            ]
        )
        if n <= IN_MEMORY_AT_MOST and exact_search(part):
            memory = child("in-memory", part, n, folder)
            peaks = [f"{said['peak_mb'] - said['documents_mb']:,.0f}" for said in (memory, made)]
            seconds = [show_seconds(said, "index") for said in (memory, made)]
            beside.append([part, *seconds, *peaks, show_rates(memory), show_rates(used)])
    lines = table_lines(COLUMNS, with_kept(n, rows))
    return [*lines, "", "Beside the same index in memory:", "", *table_lines(BESIDE, beside)] if beside else lines


def disk_mb(folder: Path, part: str) -> float:
    """The size of the index of that part, and of nothing that it rests on."""
    index, vectors = INDEXES[part]
    of_kind = folder.glob(f"indexes/{part.split('-')[0]}-*/meta.json")
    keys = {path.parent: json.loads(path.read_text("utf-8"))["key"] for path in of_kind}
    wanted = {"embedder": f"random-{vectors}", "bytes": getattr(index, "bytes", None)}
    mine = [path for path, key in keys.items() if all(key.get(name, value) == value for name, value in wanted.items())]
    return sum(file.stat().st_size for path in mine for file in path.iterdir()) / 1e6


def with_kept(n: int, rows: Sequence[list[str]]) -> list[list[str]]:
    """These rows, and those of other parts in a table of the same size that was written before."""
    path = Path(__file__).with_suffix(".md")
    written = path.read_text("utf-8").splitlines() if path.exists() else [""]
    before = [line.strip("| ").split(" | ") for line in written if written[0].endswith(f" {n:,} passages")]
    found = {row[0]: row for row in [*before, *rows] if row[0] in INDEXES and len(row) == len(COLUMNS)}
    return [found[part] for part in INDEXES if part in found]


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in (columns, *rows)]
    return [lines[0], "|---" * len(columns) + "|", *lines[1:]]


def show_seconds(said: dict[str, Any], name: str) -> str:
    return f"{said[f'{name}_s']:,.1f} ({said[f'{name}_cpu_s']:,.1f})"


def show_rates(said: dict[str, Any]) -> str:
    rates = said["rates"]
    cpu = statistics.median(said["cpu_rates"])
    return f"{statistics.median(rates):,.0f}, {min(rates):,.0f} to {max(rates):,.0f} ({cpu:,.0f})"


def write_table(n: int, table: Sequence[str], load: float) -> str:
    graph, lists = GraphSettings(), InvertedLists()
    setting = (
        f"{n:,} documents, each of them a passage: words by Zipf's law over {VOCABULARY:,}, log-normal lengths around "
        f"{MEDIAN_WORDS} words. {QUERIES} queries of {QUERY_WORDS} words of a passage, or as many vectors; {DEPTH} "
        f"documents a query. Vectors of {DIM} float32 are drawn and not computed: an embedder's time comes on top. "
        "Each step in a process of its own on one core, which holds the documents too. Splitting: from texts to "
        "passages, once for all indexes. Index: making it, through the cache of vectors where there are any; the "
        "vectors of an approximate index are not counted. Opening: digest of the documents and checking of the files "
        "in a new process, which splits, tokenises and embeds nothing. Peaks count pages of mapped files, which the "
        f"system can take back. Queries/s: one thread, median of {ROUNDS} rounds, least to most. Recall: beside "
        f"exact search. Approximate: HNSW with M = {graph.neighbours}, efConstruction = {graph.width_of_insertion}, "
        f"ef = {graph.width_of_search} at least, float16, one thread. IVF: 4·√passages lists, {lists.probes} probed, "
        "float16; with PQ, 48 bytes a vector. In batches: exact search for "
        f"{BATCH} vectors in one pass, on two cores. In brackets: by processor time, which other work on the machine "
        "does not touch. A row stays until its part is run again."
    )
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "bm25s", "usearch", "faiss-cpu"))
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
    parser.add_argument("--parts", nargs="+", choices=[*INDEXES], default=[*INDEXES])
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
