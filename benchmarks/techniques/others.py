"""Techniques that no other page measures, each beside the same pipeline without it; writes
benchmarks/techniques/others.md.

    python benchmarks/techniques/others.py DATA [OUT]

DATA holds `rgb_zh/zh_refine.json`, `musique/` and `chunking/`. OUT (default: results) keeps runs, vectors and replies,
so that a stopped run goes on where it was. From empty caches about forty minutes of two free cores, most of them for
the chat model. The page is written anew after each row.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from multi_hop import graph
from multi_hop import read_benchmark as read_musique
from rows import answered, compared, costs

import rageval
from benchmarks.chunking import part_of, read_benchmark
from rageval.benchmark import load
from rageval.experiment.open_models import OpenModels
from rageval.experiment.spec import LocalModel
from rageval.report.markdown import table
from rageval.retrieval.adapters import train_adapter, write_adapter

SEED = 20261201
SAMPLE = 16
PAGE = Path(__file__).with_suffix(".md")
ANSWER = {"answer": {"abstain": "never", "max_tokens": 64}}
Stages = Sequence[Any]


def search(retriever: Any = "bm25", **settings: Any) -> dict[str, Any]:
    return {"retrieve": {"retriever": retriever, **settings}}


@dataclass(frozen=True)
class Section:
    """A table: the first pipeline is what the others are compared with."""

    title: str
    told: str
    benchmark: rageval.Benchmark
    stages: Mapping[str, Stages]
    metrics: Sequence[str]
    questions: rageval.QuestionFilter | Sequence[str] | None = None


def rows(section: Section, out: Path) -> Iterator[list[str]]:
    baseline: rageval.Result | None = None
    for name, stages in section.stages.items():
        found = rageval.evaluate(
            section.benchmark,
            [{"mine": {"stages": [*stages]}}],
            section.metrics,
            questions=section.questions,
            seed=SEED,
            out=out,
            name="others",
        )
        baseline = baseline or found
        manifest = json.loads((found.runs[0] / "manifest.json").read_text(encoding="utf-8"))
        indexing = manifest["usage"].get("indexing", {}).get("calls", 0)
        yield [name, *compared(baseline, found, section.metrics), *costs(answered(found)), f"{indexing:,}"]


def answering(data: Path) -> Section:
    """Chinese questions whose corpus holds as many misleading passages as right ones."""
    rgb = load(f"rgb:{data / 'rgb_zh' / 'zh_refine.json'}")
    found = [search(k=5)]
    stages: dict[str, Stages] = {
        "read 5 passages": [*found, ANSWER],
        "filter (P(yes) of at least .5)": [*found, "filter", ANSWER],
        "corrective": [*found, {"corrective": {"search": [search(k=5)]}}, ANSWER],
        "compress to 8 sentences, by the embedder": [*found, {"compress": {"sentences": 8}}, ANSWER],
        "compress to 8 sentences, by the model": [*found, {"compress": {"sentences": 8, "by": "model"}}, ANSWER],
        "order: best at both ends": [*found, {"order": "ends"}, ANSWER],
        "answer_candidates": [*found, {"answer_candidates": {"max_tokens": 64, "least": 0.0}}],
    }
    sample = rageval.QuestionFilter(exclude_tags=("compound",), sample=SAMPLE)
    told = f"{SAMPLE} questions with one answer, drawn with the seed; all {len(rgb.documents):,} passages are searched."
    return Section(
        "What is read before answering: RGB zh_refine, BM25", told, rgb, stages, ["answer_contains", "token_f1"], sample
    )


def facts(data: Path) -> Section:
    musique = read_musique(data / "musique")
    iterate = {"iterate": {"retriever": "bm25", "keep": 5}}
    stages: dict[str, Stages] = {
        "read 5 passages": [search(), ANSWER],
        "subgraph: 12 facts": [search(), {"subgraph": graph(data)}, ANSWER],
        "cypher": [search(), {"cypher": graph(data)}, ANSWER],
        "adaptive": [{"adaptive": {"one": [search(), ANSWER], "several": [iterate, ANSWER]}}],
    }
    told = (
        f"{SAMPLE} questions, drawn with the seed. The graph is of the triples of GPT-3.5, as in "
        "[multi_hop.md](multi_hop.md), its entities are found by name. `adaptive` answers from memory, or searches "
        "once, or by `iterate`."
    )
    sample = rageval.QuestionFilter(sample=SAMPLE)
    return Section(
        "Facts of a graph, and how often to search: MuSiQue, BM25",
        told,
        musique,
        stages,
        ["token_f1", "answer_contains"],
        sample,
    )


def first_of(benchmark: rageval.Benchmark, n: int) -> rageval.Benchmark:
    """The first n questions and the documents that were found for them."""
    asked = {question.id for question in benchmark.questions[:n]}
    return rageval.benchmark_from_records(
        f"{benchmark.name}, {n} questions",
        [document for document in benchmark.documents if document.id.rpartition("-")[0] in asked],
        benchmark.questions[:n],
        [label for label in benchmark.labels if label.question_id in asked],
    )


def indexes(data: Path) -> Section:
    rgb = first_of(load(f"rgb:{data / 'rgb_zh' / 'zh_refine.json'}"), 100)
    stages: dict[str, Stages] = {
        "dense": [search("dense", k=10)],
        "bm25": [search(k=10)],
        "sparse": [search("sparse", k=10)],
        "hybrid (reciprocal ranks)": [search("hybrid", k=10)],
        "weighted 0.5, 0.5": [search("weighted", k=10)],
        "hybrid, then diversify": [search("hybrid", k=20), {"diversify": {"keep": 10}}],
    }
    told = f"The first {len(rgb.questions)} questions and the {len(rgb.documents):,} passages found for them, Chinese."
    return Section("What is searched: RGB zh_refine", told, rgb, stages, ["ndcg@10", "recall@5"])


def placed(data: Path) -> Section:
    """One document of Chroma's, whose passages do not say what they are about."""
    speech = part_of(read_benchmark(data / "chunking"), ["state_of_the_union"])
    small = {"sentences": {"tokens": 128}}
    clusters = {"index": "hybrid", "groups": "clusters", "keep": 3, "chunker": small}
    stages: dict[str, Stages] = {
        "bm25": [search({"bm25": {"chunker": small}})],
        "contextual bm25": [search({"contextual": {"index": "bm25", "chunker": small}})],
        "hybrid": [search({"hybrid": {"chunker": small}})],
        "contextual hybrid": [search({"contextual": {"index": "hybrid", "chunker": small}})],
        "hierarchical: 3 clusters of 10, then hybrid": [search({"hierarchical": clusters})],
        "hierarchical: 3 clusters by their summaries": [
            search(
                {
                    "hierarchical": {
                        "groups": "clusters",
                        "by": "summary",
                        "keep": 3,
                        "index": "hybrid",
                        "chunker": small,
                    }
                }
            )
        ],
    }
    told = (
        f"{len(speech.questions)} questions about one speech in passages of 128 tokens. `contextual` writes a sentence "
        "or two for each passage from the first 2,000 tokens of the document, a sixth of it: a speech that the model "
        "cannot see whole is the hard case."
    )
    return Section(
        "Passages placed in their document: a speech of 12,000 tokens",
        told,
        speech,
        stages,
        ["evidence_recall@5", "evidence_recall@1000t"],
    )


def taught(out: Path) -> Section:
    """Adapters trained on one half of the handbook's questions, searched with on the other."""
    handbook = load("handbook")
    asked = [question for question in handbook.questions if question.answerable and question.references]
    training = replace(handbook, questions=tuple(asked[::2]))
    stages: dict[str, Stages] = {"dense": [search("dense", k=10)]}
    with OpenModels(out / "cache") as models:
        embedder, teacher = models.embedder(LocalModel(), Path()), models.chat(LocalModel(), Path())
        for name, chat in (("labels", None), ("answers", teacher)):
            trained = models.run(train_adapter(training, embedder, source="handbook", rank=16, teacher=chat))
            path = out / f"adapter-by-{name}.npz"
            write_adapter(trained.adapter, path)
            told = f"dense, adapter taught by {name} (epoch {trained.best.number})"
            stages[told] = [search({"adapted": {"path": str(path.resolve())}}, k=10)]
    told = (
        f"{len(asked[::2])} questions train an adapter of rank 16, {len(asked[1::2])} others are asked. By labels, or "
        "by how likely the packaged chat model finds the reference answer after each of nine passages (RA-DIT): so few "
        "questions are the hard case; SciFact's 807 are in [adapter.md](adapter.md)."
    )
    others = [question.id for question in asked[1::2]]
    return Section("RA-DIT's half of the retriever: handbook", told, handbook, stages, ["ndcg@10", "recall@5"], others)


def main(data: Path, out: Path) -> None:
    page = f"""\
# Techniques one by one, measured

Written by `python benchmarks/techniques/others.py DATA` on {platform.machine()}, with the packaged models:
multilingual-e5-small in 4 bits, its sparse head, and Qwen2.5-Coder-1.5B, a model that is small for such work.
Differences are paired, with 95% intervals, from the first row of each table. Samples are of {SAMPLE} questions: they
show costs, and large effects at most. There are many comparisons: of twenty intervals of no difference, one excludes 0
by chance. Calls, prompt tokens and seconds are of a question, on two cores that other work shared; `indexing` is the
number of calls before the first question.

Not measured here or elsewhere, because no data at hand have what it takes: `recency` and `read_filters` (documents with
dates, or with fields that questions name), rerankers from a GGUF file and from services (no such file or service here),
images.
"""
    shown = [page]
    for make in (indexes, placed, answering, facts):
        shown.append("")
        for shown[-1] in tables(make(data), out):
            PAGE.write_text("\n".join(shown).rstrip() + "\n", encoding="utf-8")
    for text in tables(taught(out), out):
        PAGE.write_text("\n".join([*shown, text]).rstrip() + "\n", encoding="utf-8")


def tables(section: Section, out: Path) -> Iterator[str]:
    """The section as it stands after each row."""
    cells = [cell for metric in section.metrics for cell in (metric, "difference [95%]")]
    header = ["pipeline", *cells, "calls", "prompt tokens", "s", "indexing"]
    done: list[list[str]] = []
    for row in rows(section, out):
        done.append(row)
        print(section.title, row, flush=True)
        yield "\n".join([f"## {section.title}", "", section.told, "", *table(header, done), ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
