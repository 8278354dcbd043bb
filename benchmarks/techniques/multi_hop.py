"""Ways to find passages that lie several steps away, on MuSiQue: writes benchmarks/techniques/multi_hop.md.

    python benchmarks/techniques/multi_hop.py DATA [OUT]

DATA holds `musique/` as OSU-NLP-Group/HippoRAG publishes it: `corpus.json`, `questions.json` (of which the supporting
paragraphs are the relevance labels) and `openie_gpt35.json`, the triples of every passage. OUT (default: results) keeps
runs, vectors and replies, so that a stopped run goes on where it was. About forty minutes on two cores.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rageval
from rageval.decide.leaderboard import Row
from rageval.report.leaderboard import number_cell
from rageval.report.markdown import table
from rageval.scores.pairs import signed

SEED = 20261201
SAMPLE = 20
SEARCHED = ["recall@2", "recall@5"]
ANSWERED = ["recall@5", "token_f1", "answer_contains"]
PAGE = Path(__file__).with_suffix(".md")
ANSWER = {"answer": {"abstain": "never", "max_tokens": 64}}
PUBLISHED = {
    "BM25": ("32.3", "41.2"),
    "Contriever": ("34.8", "46.6"),
    "ColBERTv2": ("37.9", "49.2"),
    "HippoRAG (Contriever)": ("41.0", "52.1"),
    "HippoRAG (ColBERTv2)": ("40.9", "51.9"),
    "IRCoT + ColBERTv2": ("41.7", "53.7"),
    "IRCoT + HippoRAG (ColBERTv2)": ("45.3", "57.6"),
}

Stages = Sequence[Any]


def graph(data: Path) -> dict[str, Any]:
    """The graph of the triples of GPT-3.5, whose entities are found in questions by name alone."""
    return {"triples": str((data / "musique" / "openie_gpt35.json").resolve()), "facts": 0}


def searches(data: Path) -> dict[str, Stages]:
    """By name, the ways to search that ask no chat model; the first is the baseline."""
    by_graph = {"graph": graph(data)}
    return {
        "naive_hybrid": [{"retrieve": {"retriever": "hybrid"}}],
        "naive_bm25": [{"retrieve": {"retriever": "bm25"}}],
        "naive_dense": [{"retrieve": {"retriever": "dense"}}],
        "graph": [{"retrieve": {"retriever": by_graph}}],
        "bm25_graph": [{"retrieve": {"retriever": ["bm25", by_graph]}}],
        "hybrid_graph": [{"retrieve": {"retriever": ["hybrid", by_graph]}}],
    }


def asking(data: Path) -> dict[str, Stages]:
    """By name, what answers; the first is the baseline. The chat model also takes part in the search of two of them."""
    searched = searches(data)
    return {
        "naive_hybrid": searched["naive_hybrid"],
        "sub_questions": ["sub_questions", *searched["naive_hybrid"]],
        "ircot": [{"iterate": {"retriever": "hybrid", "keep": 5}}],
        "hybrid_graph": searched["hybrid_graph"],
        "subgraph": [*searched["hybrid_graph"], {"subgraph": graph(data)}],
    }


def read_benchmark(data: Path) -> rageval.Benchmark:
    """All passages as documents `p0`, `p1`, …; the supporting paragraphs of a question are relevant."""
    documents = [
        rageval.Document(f"p{number}", one["text"], one["title"], "en")
        for number, one in enumerate(json.loads((data / "corpus.json").read_text(encoding="utf-8")))
    ]
    ids = {(document.title, document.text): document.id for document in documents}
    questions: list[rageval.Question] = []
    labels: list[rageval.RelevanceLabel] = []
    for asked in json.loads((data / "questions.json").read_text(encoding="utf-8")):
        references = (asked["answer"], *asked["answer_aliases"])
        questions.append(rageval.Question(asked["id"], asked["question"], "en", references))
        labels += [
            rageval.RelevanceLabel(asked["id"], ids[one["title"], one["paragraph_text"]], 1)
            for one in asked["paragraphs"]
            if one["is_supporting"]
        ]
    return rageval.benchmark_from_records("musique", documents, questions, labels)


def rows(result: rageval.Result, metrics: Sequence[str], names: Sequence[str]) -> Iterator[list[str]]:
    """A row for each method: its means, its differences to the first one, and what it costs a question."""
    by_path = {row.path: row for row in result.leaderboard.rows}
    for name, run in zip(names, result.runs, strict=True):
        row = by_path[run]
        yield [name, *(number_cell(row.estimates[metric]) for metric in metrics), *costs(row)]
        if run != result.runs[0]:
            compared = rageval.compare(result.runs[0], run, metrics).comparisons
            cells: list[str] = []
            for metric in metrics:
                one = compared[metric].difference
                cells.append(f"{signed(one.point)} [{signed(one.low)}, {signed(one.high)}]")
            yield ["– difference", *cells, "", "", ""]


def costs(row: Row) -> list[str]:
    """Calls and tokens of a question, alone, and seconds of this run, in which some replies were cached."""
    asked = next(estimate.n for estimate in row.estimates.values() if estimate is not None)
    stages = [usage for name, usage in row.usage.items() if name.startswith("stage ")]
    calls = sum(usage.calls for usage in stages) / asked
    tokens = sum(usage.prompt_tokens + usage.completion_tokens for usage in stages) / asked
    return [f"{calls:.1f}", f"{tokens:,.0f}", "–" if row.mean_latency_s is None else f"{row.mean_latency_s:.2f}"]


def measure(
    benchmark: rageval.Benchmark, methods: Mapping[str, Stages], metrics: Sequence[str], sample: int | None, out: Path
) -> tuple[list[str], int]:
    """The table of these methods, and how many questions it is of."""
    result = rageval.evaluate(
        benchmark,
        [{name: {"stages": [*stages]}} for name, stages in methods.items()],
        metrics,
        questions=rageval.QuestionFilter(sample=sample),
        seed=SEED,
        out=out,
        name="multi-hop",
    )
    header = ["method", *metrics, "calls", "tokens", "seconds"]
    return table(header, rows(result, metrics, [*methods])), result.leaderboard.questions


def main(data: Path, out: Path) -> None:
    benchmark = read_benchmark(data / "musique")
    searched, asked = measure(benchmark, searches(data), SEARCHED, None, out)
    print("\n".join(searched), flush=True)
    with_answer = {name: [*stages, ANSWER] for name, stages in asking(data).items()}
    answered, sampled = measure(benchmark, with_answer, ANSWERED, SAMPLE, out)
    text = [
        "# Questions over several passages, measured",
        "",
        f"Written by `python benchmarks/techniques/multi_hop.py DATA` on {platform.machine()}.",
        f"MuSiQue as HippoRAG publishes it: {len(benchmark.documents):,} passages, {asked} questions whose answer",
        "joins two to four of them (Trivedi et al. 2022, CC BY 4.0). Means with 95% intervals; below each method its",
        "difference to the first one, question by question, with the interval of that metric alone. Dense is",
        "multilingual-e5-small in 4 bits. Calls and tokens (prompt and reply) are for a question, alone; seconds are",
        "those of this run, in which some replies and vectors came from the cache.",
        "",
        f"## Searching without a chat model: all {asked} questions",
        "",
        *searched,
        "",
        f"## With the packaged 1.5B chat model: {sampled} questions, drawn with the seed {SEED}",
        "",
        "`token_f1` is F1 of SQuAD, `answer_contains` whether the answer holds a reference. The model answers in a",
        "sentence, which costs F1. It reads five passages and never abstains.",
        "",
        *answered,
        "",
        "## Published",
        "",
        "Recall@2 and recall@5 in % on MuSiQue in Gutiérrez et al. 2024 (HippoRAG, arXiv 2405.14831): 1,000 questions",
        "over 11,656 passages, six times as many as here, so these numbers are higher here. IRCoT is there with",
        "GPT-3.5.",
        "",
        *table(["method", "recall@2", "recall@5"], ([name, *cells] for name, cells in PUBLISHED.items())),
        "",
    ]
    PAGE.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
