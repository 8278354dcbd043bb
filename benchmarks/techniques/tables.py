"""Ways to find tables, on TAT-QA's dev set; writes benchmarks/techniques/tables.md.

    python benchmarks/techniques/tables.py DATA [OUT] [--all]

DATA holds `tatqa/dev.json` (Zhu et al. 2021): 278 contexts, a table and the paragraphs around it each, with 1,668
questions. OUT (default: results) keeps runs, vectors and replies, so that a stopped run goes on where it was. Half of
the contexts are drawn with a fixed seed, with `--all` all of them are taken. About twenty minutes on two cores, of
which a quarter is the chat model's summaries of 40 tables; the page is written anew after each section.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import rageval
from rageval.models.base import Vectors
from rageval.models.local import LocalEmbedder
from rageval.pipeline import Pipeline
from rageval.report.leaderboard import number_cell
from rageval.report.markdown import table
from rageval.retrieval import (
    BM25,
    Chunker,
    Dense,
    Hierarchical,
    Index,
    MultiVector,
    RecursiveChunker,
    Retrieve,
    Weighted,
)
from rageval.text.tables import find_tables
from rageval.types import Document, Passage

SEED = 20261201
CONTEXTS, WRITTEN = 139, 40
METRICS = ["recall@1", "recall@5", "evidence_recall@5", "evidence_recall@1000t"]
PAGE = Path(__file__).with_suffix(".md")
SOURCES = ("table", "table-text", "text")


@dataclass(frozen=True)
class WithHeader:
    """The passages of a chunker; one that begins within a table has the table's header above it."""

    chunker: Chunker
    tokens: int

    def split(self, document: Document) -> list[Passage]:
        tables = find_tables(document.text)
        passages: list[Passage] = []
        for one in self.chunker.split(document):
            cut = next((found for found in tables if found.start < one.start < found.end), None)
            header = "" if cut is None else f"| {' | '.join(cut.header)} |\n"
            passages.append(replace(one, text=header + one.text))
        return passages


class Counting:
    """The local embedder, with a count of the texts that it embedded and that no cache had."""

    def __init__(self) -> None:
        self.embedder = LocalEmbedder()
        self.identity = self.embedder.identity
        self.texts = 0

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self.texts += len(texts)
        return await self.embedder.embed(texts, kind)

    async def close(self) -> None:
        await self.embedder.close()


SMALL, LARGE = RecursiveChunker(128), RecursiveChunker(384)


def views(*names: Any, own: bool = True, chunker: Chunker = SMALL) -> MultiVector:
    return MultiVector(names, own=own, chunker=chunker)


def indexes(chunker: Chunker) -> dict[str, Index | tuple[Index, ...]]:
    return {
        "dense, raw text": Dense(chunker),
        "dense, header repeated": Dense(WithHeader(chunker, chunker.tokens)),  # type: ignore[attr-defined]
        "dense and tables": views("tables", chunker=chunker),
        "dense and rows of tables": views("table_rows", chunker=chunker),
        "tables alone": views("tables", own=False, chunker=chunker),
        "rows of tables alone": views("table_rows", own=False, chunker=chunker),
        "dense and key phrases": views("key_phrases", chunker=chunker),
        "key phrases alone": views("key_phrases", own=False, chunker=chunker),
        "bm25, raw text": BM25(chunker),
        "bm25, header repeated": BM25(WithHeader(chunker, chunker.tokens)),  # type: ignore[attr-defined]
        "hybrid, raw text": (BM25(chunker), Dense(chunker)),
        "bm25 and dense weighted 0.5, 0.5": Weighted((BM25(chunker), Dense(chunker))),
        "hybrid within the 20 nearest documents": Hierarchical((BM25(chunker), Dense(chunker)), keep=20),
        "hybrid of bm25 and rows of tables": (BM25(chunker), views("table_rows", chunker=chunker)),
    }


def read_benchmark(path: Path) -> rageval.Benchmark:
    """A context is a document: its paragraphs, the table as Markdown behind the first one that ends with a colon, or
    else behind the first. The evidence is the table, the paragraphs that the set names, or both.
    """
    documents, questions, labels = list[Document](), list[rageval.Question](), list[rageval.RelevanceLabel]()
    for number, context in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        name, text, spans = f"c{number}", "", dict[str, tuple[int, int]]()
        paragraphs = sorted(context["paragraphs"], key=lambda one: one["order"])
        before = next((n for n, one in enumerate(paragraphs) if one["text"].rstrip().endswith(":")), 0)
        for n, paragraph in enumerate(paragraphs):
            pieces = [(str(paragraph["order"]), paragraph["text"].strip())]
            if n == before:
                pieces.append(("table", as_markdown(context["table"]["table"])))
            for key, piece in pieces:
                spans[key] = len(text), len(text) + len(piece)
                text += f"{piece}\n\n"
        documents.append(Document(name, text, language="en"))
        for asked in context["questions"]:
            source = asked["answer_from"]
            keys = [*asked["rel_paragraphs"]] if "text" in source else []
            keys += ["table"] if "table" in source else []
            questions.append(rageval.Question(asked["uid"], asked["question"], "en", metadata={"source": source}))
            labels += [rageval.RelevanceLabel(asked["uid"], name, 1, *spans[key], part=key) for key in keys]
    return rageval.benchmark_from_records("tatqa", documents, questions, labels)


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The rows up to the first that has a name are the header: their cells are joined column by column."""
    first = max(next((n for n, row in enumerate(rows) if n and row[0].strip()), 1), 1)
    header = [
        " ".join(dict.fromkeys(filter(None, map(str.strip, column)))) for column in zip(*rows[:first], strict=True)
    ]
    lines = [header, ["---"] * len(header), *rows[first:]]
    return "\n".join(f"| {' | '.join(cell.strip().replace('|', '/') for cell in line)} |" for line in lines)


def sample_of(benchmark: rageval.Benchmark, contexts: int) -> rageval.Benchmark:
    """So many contexts drawn with the seed, and the questions about them."""
    kept = {*random.Random(SEED).sample([document.id for document in benchmark.documents], contexts)}
    labels = [label for label in benchmark.labels if label.doc_id in kept]
    asked = {label.question_id for label in labels}
    return rageval.benchmark_from_records(
        f"tatqa, {contexts} contexts",
        [document for document in benchmark.documents if document.id in kept],
        [question for question in benchmark.questions if question.id in asked],
        labels,
    )


def measure(
    benchmark: rageval.Benchmark, chosen: Mapping[str, Index | tuple[Index, ...]], out: Path, title: str
) -> list[str]:
    """A section: means, and differences to the first pipeline, for all questions and by the source of the answer."""
    means, differences, baseline = list[list[str]](), list[list[str]](), None
    for label, index in chosen.items():
        embedder = Counting()
        result = rageval.evaluate(
            benchmark, [Pipeline(label, Retrieve(index, k=10))], METRICS, embed=embedder, out=out, name="tables"
        )
        (run,), (row,) = result.runs, result.leaderboard.rows
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        calls = manifest["usage"].get("indexing", {})
        cost = (
            f"{calls.get('calls', 0)} calls, {calls.get('prompt_tokens', 0):,} + {calls.get('completion_tokens', 0):,}"
        )
        means.append([label, *(number_cell(row.estimates[metric]) for metric in METRICS), str(embedder.texts), cost])
        print(means[-1], flush=True)
        if baseline is None:
            baseline = run
            continue
        compared = rageval.compare(baseline, run, METRICS, by="source")
        for metric in ("recall@5", "evidence_recall@1000t"):
            whole = difference_cell(compared.comparisons[metric].difference)
            sliced = next(one for one in compared.slices if one.metric == metric)
            parts = {one.name: difference_cell(one.difference) for one in sliced.slices}
            differences.append([label, metric, whole, *(parts[source] for source in SOURCES)])
    return [
        f"## {title}",
        "",
        *table(["pipeline", *METRICS, "texts embedded", "indexing: calls, tokens"], means),
        "",
        f"Differences to {next(iter(chosen))}:",
        "",
        *table(["pipeline", "metric", "all", *SOURCES], differences),
        "",
    ]


def difference_cell(found: Any) -> str:
    cell = f"{found.point:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    return cell if found.low <= 0.0 <= found.high else f"**{cell}**"


def main(data: Path, out: Path, everything: bool) -> None:
    whole = read_benchmark(data / "tatqa" / "dev.json")
    benchmark = whole if everything else sample_of(whole, CONTEXTS)
    some = sample_of(benchmark, WRITTEN)
    large = {label: index for label, index in indexes(LARGE).items() if "repeated" not in label}
    written: dict[str, Index | tuple[Index, ...]] = {
        "dense, raw text": Dense(LARGE),
        "dense and tables": views("tables", chunker=LARGE),
        "dense and rows of tables": views("table_rows", chunker=LARGE),
        "dense and written summaries": views("table_summaries", chunker=LARGE),
        "written summaries alone": views("table_summaries", own=False, chunker=LARGE),
    }
    page = introduction(benchmark, some)
    for part, chosen, title in (
        (benchmark, indexes(SMALL), "Passages of 128 tokens: half of the tables are cut"),
        (benchmark, large, "Passages of 384 tokens: nearly all tables are whole"),
        (some, written, f"{WRITTEN} contexts, passages of 384 tokens: summaries that the chat model wrote"),
    ):
        page += measure(part, chosen, out, title)
        PAGE.write_text("\n".join(page), encoding="utf-8")


def introduction(benchmark: rageval.Benchmark, some: rageval.Benchmark) -> list[str]:
    counts = {source: sum(one.metadata["source"] == source for one in benchmark.questions) for source in SOURCES}
    sources = ", ".join(f"{counts[source]:,} from {source}" for source in SOURCES)
    return [
        "# Ways to find tables, measured on TAT-QA",
        "",
        "Written by `python benchmarks/techniques/tables.py DATA`. From the dev set of TAT-QA (Zhu et al. 2021,",
        f"CC BY 4.0), {len(benchmark.documents)} contexts of annual reports as documents, drawn with seed {SEED}, and",
        f"their {len(benchmark.questions):,} questions ({sources}).",
        "Retrieval alone; the embedder is multilingual-e5-small in 4 bits. The last section has",
        f"{len(some.documents)} of the contexts with {len(some.questions)} questions, and its summaries are by the",
        "packaged 1.5B model at temperature 0.",
        "",
        "`recall` is that of the right context, evidence recall that of the characters of the table or the paragraphs",
        "that the answer comes from, in 5 passages or 1,000 tokens. The small texts of a table are searched, the raw",
        "passage is what counts as read. Means and paired differences with 95% intervals; questions about one context",
        "are not taken for independent. In bold: the interval excludes 0. Texts embedded are those that no earlier row",
        "had embedded, the questions included.",
        "",
        "What it does not show: the questions were written by people who saw the table, and many name no company, so",
        "that no search can tell their contexts apart: the ceiling is below 1. Whether a model answers better from the",
        "raw table is not measured here. One embedder, English alone.",
        "",
    ]


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--all"]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--all" in sys.argv)
