"""Questions rewritten before the search, on the handbook; writes benchmarks/techniques/rewriting.md.

    python benchmarks/techniques/rewriting.py [OUT]

OUT (default: results) keeps runs, vectors and replies, so that a stopped run goes on where it was. From empty caches
about a quarter of an hour of two free cores, nearly all of it for the chat model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rows import answered, compared, costs

import rageval
from rageval.benchmark import load
from rageval.generation import (
    ExpandQuery,
    NormaliseQuery,
    RewriteQueries,
    StepBack,
    SubQuestions,
    WriteHypotheticalAnswers,
)
from rageval.pipeline import Pipeline, Stage
from rageval.report.markdown import table
from rageval.retrieval import BM25, HYBRID, Dense, Feedback, Index, Retrieve

SEED = 20261201
SAMPLE = 32
METRICS = ["hit_rate@1", "ndcg@10", "evidence_recall@5"]
PAGE = Path(__file__).with_suffix(".md")
HEADER = ["before the search", *(cell for metric in METRICS for cell in (metric, "difference [95%]"))]
COST = ["calls", "prompt tokens", "s"]
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def searched(index: Index | tuple[Index, ...], **settings: str) -> Stage:
    return Retrieve(index, k=5, depth=10, **settings)  # pyright: ignore[reportArgumentType]


def written(index: Index | tuple[Index, ...]) -> Mapping[str, Stage]:
    """What the chat model writes before a search with this index."""
    return {
        "rewrite: three other wordings": RewriteQueries(3) >> searched(index),
        "sub_questions": SubQuestions(3) >> searched(index),
        "step_back": StepBack() >> searched(index),
        "expand: a written answer (Query2doc)": ExpandQuery() >> searched(index),
        "hypothetical_answers: one, fused": WriteHypotheticalAnswers(1) >> searched(index),
    }


def typed_in_haste(benchmark: rageval.Benchmark) -> rageval.Benchmark:
    """The questions as a Chinese input method leaves them: letters and digits at full width."""
    questions = tuple(replace(one, text=one.text.translate(WIDE)) for one in benchmark.questions)
    return replace(benchmark, questions=questions, card=replace(benchmark.card, name="handbook, full width"))


def run(benchmark: rageval.Benchmark, stage: Stage, out: Path, sample: int | None) -> rageval.Result:
    return rageval.evaluate(
        benchmark,
        [Pipeline("search", stage)],
        METRICS,
        questions=rageval.QuestionFilter(exclude_tags=("unanswerable",), sample=sample),
        seed=SEED,
        out=out,
        name="rewriting",
    )


def row(name: str, baseline: rageval.Result, found: rageval.Result) -> list[str]:
    return [name, *compared(baseline, found, METRICS), *costs(answered(found))]


def section(
    title: str, benchmark: rageval.Benchmark, alone: Stage, others: Mapping[str, Stage], out: Path, sample: int | None
) -> Sequence[str]:
    baseline = run(benchmark, alone, out, sample)
    rows = [row("nothing", baseline, baseline)]
    for name, stage in others.items():
        rows.append(row(name, baseline, run(benchmark, stage, out, sample)))
        print(title, rows[-1], flush=True)
    return [f"## {title}", "", f"{baseline.leaderboard.questions} questions.", "", *table([*HEADER, *COST], rows), ""]


def main(out: Path) -> None:
    handbook = load("handbook")
    bm25, hybrid = searched(BM25()), searched(HYBRID)
    lines = [
        f"""\
# Questions rewritten, measured

Written by `python benchmarks/techniques/rewriting.py` on the handbook's own answerable questions, half of them Chinese,
with the packaged models: multilingual-e5-small in 4 bits and Qwen2.5-Coder-1.5B, a model that is small for such work.
Differences are paired, with 95% intervals, from the search with the question alone. Samples are {SAMPLE} questions
drawn with the seed {SEED}: they show costs, and large effects at most. `s` are seconds a question on two
cores that other work shared, and near 0 where the replies were kept from the section before. A search of 88 documents
leaves little to gain; on your documents it may differ.
"""
    ]
    feedback = {
        "normalise": NormaliseQuery() >> bm25,
        "feedback: ten words of three passages": bm25 >> Feedback() >> bm25,
    }
    parts: list[tuple[str, rageval.Benchmark, Stage, Mapping[str, Stage], int | None]] = [
        ("BM25, no model", handbook, bm25, feedback, None),
        ("BM25, letters and digits at full width", typed_in_haste(handbook), bm25, feedback, None),
        ("BM25, a sample", handbook, bm25, written(BM25()), SAMPLE),
        ("BM25 and dense, a sample", handbook, hybrid, written(HYBRID), SAMPLE),
        (
            "Dense, a sample",
            handbook,
            searched(Dense()),
            {"HyDE: the mean with a written answer": WriteHypotheticalAnswers(1) >> searched(Dense(), combine="mean")},
            SAMPLE,
        ),
    ]
    for title, benchmark, alone, others, sample in parts:
        lines += section(title, benchmark, alone, others, out, sample)
        PAGE.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
