"""Chunkings of Chroma's five corpora, scored on the evidence: writes docs/chunking_measured.md.

    python benchmarks/chunking.py DATA [OUT] [--all]

DATA holds `questions.csv` and `corpora/*.md` of brandonstarxel/chunking_evaluation (Smith and Troynikov 2024): 472
questions whose evidence is marked by spans of characters. OUT (default: results) keeps runs and vectors. First, recall,
precision, IoU and precision Ω of random retrievals from these chunkings are compared with sets of characters. Tokens
are those of cl100k_base, whose vocabulary comes with LlamaIndex.

The local embedder takes about a quarter of an hour for one chunking of all corpora on two cores. So dense and hybrid
search run over the two smallest corpora, and with `--all` over all of them.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from langchain_text_splitters import RecursiveCharacterTextSplitter

import rageval
from rageval.decide.leaderboard import Leaderboard
from rageval.metrics import parse
from rageval.metrics.evidence import score_evidence
from rageval.metrics.evidence_spans import (
    Part,
    Span,
    evidence_parts,
    joined,
    overlap,
    passage_span,
    precision_omega,
)
from rageval.pipeline import Pipeline, Resources, Stage, State
from rageval.report.leaderboard import rank_cell
from rageval.report.markdown import table
from rageval.retrieval import BM25, Chunker, Dense, Index, Retrieve, SentenceChunker, as_chunker
from rageval.scores.chunkings import score_chunking
from rageval.types import Document, Passage

AT_5 = ["evidence_recall@5", "evidence_precision@5", "evidence_iou@5", "evidence_all@5", "evidence_ndcg@5"]
AT_1000 = [
    "evidence_recall@1000t",
    "evidence_precision@1000t",
    "evidence_iou@1000t",
    "evidence_all@1000t",
    "evidence_ndcg@1000t",
]
KEPT = 100
CHECKS = 200
PAGE = Path("docs/chunking_measured.md")
SEPARATORS = ["\n\n", "\n", ".", "?", "!", " ", ""]
PUBLISHED = {
    "recursive 800, overlap 400": (85.4, 1.5, 6.7, 1.5),
    "recursive 400": (89.5, 3.6, 17.7, 3.6),
    "recursive 200": (88.1, 7.0, 29.9, 6.9),
    "tokens 400": (89.2, 2.7, 12.5, 2.7),
}


@cache
def encoding() -> Any:
    """OpenAI's cl100k_base, from the vocabulary in LlamaIndex."""
    from llama_index.core.utils import get_tokenizer

    tokenizer: Any = get_tokenizer()
    return tokenizer.func.__self__


def count_cl100k(text: str) -> int:
    return len(encoding().encode_ordinary(text))


def recursive(tokens: int, overlap: int = 0) -> Chunker:
    """Chroma's recursive splitter: LangChain's with more separators, in tokens."""
    splitter = RecursiveCharacterTextSplitter(
        SEPARATORS, chunk_size=tokens, chunk_overlap=overlap, length_function=count_cl100k
    )
    return as_chunker(splitter, version=f"cl100k {tokens} {overlap}")


@dataclass(frozen=True)
class TokenWindows:
    """Every `tokens` tokens of cl100k_base, cut wherever that is."""

    tokens: int

    def split(self, document: Document) -> list[Passage]:
        pieces = encoding().decode_tokens_bytes(encoding().encode_ordinary(document.text))
        windows = [b"".join(pieces[at : at + self.tokens]) for at in range(0, len(pieces), self.tokens)]
        ends = [*accumulate(map(_characters_begun, windows))]
        return [document.passage(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _characters_begun(piece: bytes) -> int:
    """How many characters of UTF-8 begin in the piece, which may end within one."""
    return sum(byte & 0xC0 != 0x80 for byte in piece)


@dataclass(frozen=True)
class First(Stage):
    """The first `KEPT` hits: with five documents, every passage is ranked."""

    async def run(self, state: State, resources: Resources) -> State:
        return state.with_response(hits=state.response.hits[:KEPT])


CHUNKINGS: dict[str, Chunker] = {
    "recursive 800, overlap 400": recursive(800, 400),
    "recursive 400": recursive(400),
    "recursive 200": recursive(200),
    "tokens 400": TokenWindows(400),
    "sentences 200": SentenceChunker(200),
    "sentences 100": SentenceChunker(100),
    "sentences 200, overlap 2": SentenceChunker(200, 2),
}
RETRIEVERS = ("bm25", "dense", "hybrid")
SMALLER = ("chatlogs", "state_of_the_union")
OMEGA_HEADER = [
    "chunking",
    "passages",
    "characters",
    "precision Ω",
    "once",
    "published Ω",
    "published recall",
    "published precision",
    "published IoU",
]
HEADER = ["rank", "chunking", "retriever", "recall", "precision", "IoU", "all", "nDCG"]


def indexes(retriever: str, chunker: Chunker) -> tuple[Index, ...]:
    bm25, dense = BM25(chunker), Dense(chunker)
    return {"bm25": (bm25,), "dense": (dense,), "hybrid": (bm25, dense)}[retriever]


def read_benchmark(data: Path) -> rageval.Benchmark:
    documents = [
        rageval.Document(path.stem, path.read_text(encoding="utf-8"), language="en")
        for path in sorted((data / "corpora").glob("*.md"))
    ]
    texts = {document.id: document.text for document in documents}
    questions: list[rageval.Question] = []
    labels: dict[rageval.RelevanceLabel, None] = {}
    with (data / "questions.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            name, doc_id = f"q{number}", row["corpus_id"]
            questions.append(rageval.Question(name, row["question"], "en"))
            for span in json.loads(row["references"]):
                start, end = span["start_index"], span["end_index"]
                assert texts[doc_id][start:end] == span["content"], (name, start)
                labels[rageval.RelevanceLabel(name, doc_id, 1, start, end)] = None
    return rageval.benchmark_from_records("chroma chunking", documents, questions, labels)


def check_against_sets(benchmark: rageval.Benchmark) -> float:
    """The largest difference on `CHECKS` random retrievals, with repeats, some of them empty."""
    rng = np.random.default_rng(0)
    by_question = labels_of_questions(benchmark)
    cut = [
        {document.id: [passage_span(one) for one in chunker.split(document)] for document in benchmark.documents}
        for chunker in CHUNKINGS.values()
    ]
    metrics = [parse(f"evidence_{name}@{k}") for name in ("recall", "precision", "iou") for k in (1, 5, 20)]
    worst = 0.0
    for _ in range(CHECKS):
        parts = evidence_parts(by_question[rng.choice([*by_question])])
        passages = cut[rng.integers(len(cut))]
        near = [
            passage
            for part in parts
            for passage in passages[part[0].doc_id]
            if passage.start < part[0].end + 3000 and part[0].start - 3000 < passage.end
        ]
        read = [near[at] for at in rng.integers(0, len(near), rng.integers(0, 21))]
        scores = score_evidence(metrics, {"q": parts}, {"q": read})
        for metric in metrics:
            expected = by_sets(metric.name, parts, read[: metric.cutoff])
            worst = max(worst, abs(scores[metric]["q"] - expected))
        all_passages = [passage for some in passages.values() for passage in some]
        worst = max(worst, abs(precision_omega(parts, all_passages) - omega_by_sets(parts, all_passages)))
    return worst


def characters(spans: Sequence[Span]) -> set[tuple[str, int]]:
    return {(span.doc_id, at) for span in spans for at in range(span.start, span.end)}


def by_sets(name: str, parts: Sequence[Part], read: Sequence[Span]) -> float:
    evidence, union = characters([span for part in parts for span in part]), characters(read)
    size, found = sum(len(characters([one])) for one in read), len(evidence & union)
    match name:
        case "evidence_recall":
            return found / len(evidence)
        case "evidence_precision":
            return found / size if size else 0.0
        case _:
            return found / (size + len(evidence - union))


def omega_by_sets(parts: Sequence[Part], passages: Sequence[Span]) -> float:
    evidence = characters([span for part in parts for span in part])
    near = [one for one in passages if any(one.doc_id == part[0].doc_id for part in parts)]
    touching = [one for one in near if not evidence.isdisjoint(characters([one]))]
    return by_sets("evidence_iou", parts, touching)


def omega_counted_once(benchmark: rageval.Benchmark, chunker: Chunker) -> float:
    """The mean precision Ω where passages that overlap are joined before they are counted."""
    passages = [passage_span(one) for document in benchmark.documents for one in chunker.split(document)]
    values: list[float] = []
    for labels in labels_of_questions(benchmark).values():
        evidence = joined(span for part in evidence_parts(labels) for span in part)
        touching = joined(passage for passage in passages if overlap(passage, evidence))
        found = sum(overlap(span, touching) for span in evidence)
        values.append(found / (sum(span.length for span in (*touching, *evidence)) - found))
    return sum(values) / len(values)


def labels_of_questions(benchmark: rageval.Benchmark) -> dict[str, list[rageval.RelevanceLabel]]:
    by_question: dict[str, list[rageval.RelevanceLabel]] = {}
    for label in benchmark.labels:
        by_question.setdefault(label.question_id, []).append(label)
    return by_question


def omega_rows(benchmark: rageval.Benchmark) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, chunker in CHUNKINGS.items():
        scores = score_chunking(benchmark, chunker)
        recall, precision, omega, iou = (f"{number:.1f}" for number in PUBLISHED[name]) if name in PUBLISHED else "––––"
        mine = percent(scores.precision_omega)
        size = [f"{scores.passages:,}", f"{scores.mean_characters:,.0f}"]
        once = f"{100 * omega_counted_once(benchmark, chunker):.1f}"
        rows.append([name, *size, mine, once, omega, recall, precision, iou])
    return rows


def percent(mean: rageval.Estimate | None) -> str:
    return "–" if mean is None else f"{100 * mean.point:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"


def board_rows(board: Leaderboard) -> list[list[str]]:
    return [
        [rank_cell(row), *row.label.split(" | "), *(percent(row.estimates[name]) for name in board.metrics)]
        for row in board.rows
    ]


def measure(benchmark: rageval.Benchmark, retrievers: Sequence[str], out: Path, name: str) -> Iterator[str]:
    """A section: five passages, and 1,000 tokens of context."""
    pipelines = [
        Pipeline(f"{chunking} | {retriever}", Retrieve(indexes(retriever, chunker), k=5, depth=5) >> First())
        for chunking, chunker in CHUNKINGS.items()
        for retriever in retrievers
    ]
    corpora = ", ".join(document.id for document in benchmark.documents)
    yield f"## {', '.join(retrievers)}: {len(benchmark.questions)} questions on {corpora}"
    for title, metrics in (("Five passages", AT_5), ("1,000 tokens of context", AT_1000)):
        board = rageval.evaluate(benchmark, pipelines, metrics, out=out, name=name).leaderboard
        yield from ("", f"### {title}", "", *table(HEADER, board_rows(board)))
    yield ""


def part_of(benchmark: rageval.Benchmark, corpora: Sequence[str]) -> rageval.Benchmark:
    """These corpora, and the questions about them."""
    labels = [label for label in benchmark.labels if label.doc_id in corpora]
    asked = {label.question_id for label in labels}
    return rageval.benchmark_from_records(
        "chroma chunking, smaller corpora",
        [document for document in benchmark.documents if document.id in corpora],
        [question for question in benchmark.questions if question.id in asked],
        labels,
    )


def main(data: Path, out: Path, everything: bool) -> None:
    benchmark = read_benchmark(data)
    worst = check_against_sets(benchmark)
    assert worst <= 1e-12, worst
    print(f"{CHECKS} random retrievals: at most {worst:.0e} from sets of characters", flush=True)
    text = [
        "# Chunkings, measured on the evidence",
        "",
        "Written by `python benchmarks/chunking.py DATA`. The five corpora and 472 questions of Smith and Troynikov",
        "2024 (Chroma, Evaluating Chunking Strategies for Retrieval; brandonstarxel/chunking_evaluation, MIT). Mean in",
        f"% [95% interval]. On {CHECKS} random retrievals from these chunkings, recall, precision, IoU and precision Ω",
        f"equal a computation by sets of characters (largest difference {worst:.0e}).",
        "",
        "Sizes of `recursive` and `tokens` are in tokens of cl100k_base, as published; `sentences` is rageval's own",
        "chunker, in its estimated tokens. Ranks are by recall, shared by rows that paired tests cannot tell apart.",
        "`@1000t` reads passages in order until 1,000 estimated tokens are read, the last of them cut. Dense is",
        "multilingual-e5-small in 4 bits.",
        "",
        "## Precision Ω, without retrieval",
        "",
        "Published recall, precision and IoU are of five passages found with OpenAI's text-embedding-3-large",
        "in all five corpora; precision Ω depends on the chunking alone. Where passages overlap, rageval counts what",
        "is in several of them each time; `once` counts it once, and is within a point of what is published.",
        "",
        *table(OMEGA_HEADER, omega_rows(benchmark)),
        "",
    ]
    print("\n".join(text), flush=True)
    smaller = benchmark if everything else part_of(benchmark, SMALLER)
    sections = [] if everything else [*measure(benchmark, RETRIEVERS[:1], out, "chunking-all")]
    print("\n".join(sections), flush=True)
    PAGE.write_text("\n".join([*text, *sections, *measure(smaller, RETRIEVERS, out, "chunking")]), encoding="utf-8")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--all"]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--all" in sys.argv)
