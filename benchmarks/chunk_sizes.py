"""Five sizes of passages on the handbook, by metrics of documents and of evidence: writes docs/chunk_sizes_measured.md.

    python benchmarks/chunk_sizes.py [OUT]

BM25, no model. For every metric: the mean of each size, and how many questions it takes to tell each pair apart.
"""

from __future__ import annotations

import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

import rageval
from rageval.report.leaderboard import number_cell
from rageval.report.markdown import table
from rageval.stats import required_questions
from rageval.stats.many import mean_tests

SIZES = [32, 64, 128, 256, 384]
METRICS = [
    "ndcg@10",
    "hit_rate@3",
    "evidence_recall@3",
    "evidence_all@3",
    "evidence_precision@3",
    "evidence_iou@3",
    "evidence_recall@500t",
    "evidence_all@500t",
    "evidence_iou@500t",
]
PAIRS = [*combinations(range(len(SIZES)), 2)]
LEVEL = 0.95
PAGE = Path("docs/chunk_sizes_measured.md")


def needed(change: np.ndarray) -> str:
    """Questions that show the observed difference with probability 0.8, by a test of this pair alone."""
    try:
        return f"{required_questions(float(change.mean()), float(change.std(ddof=1)), level=LEVEL):,}"
    except ValueError:
        return "–"


def main(out: Path) -> None:
    pipelines = [{"naive": {"retriever": "bm25", "k": 3, "chunk_tokens": size}} for size in SIZES]
    result = rageval.evaluate(
        "handbook",
        pipelines,
        METRICS,
        questions={"exclude_tags": ["unanswerable"]},
        out=out,
        name="chunk-sizes",
    )
    stored = [json.loads((run / "scores.json").read_text(encoding="utf-8")) for run in result.runs]
    rows = {row.path: row for row in result.leaderboard.rows}
    means, apart, questions = list[list[str]](), list[list[str]](), 0
    for metric in METRICS:
        by_size = [scores[metric]["questions"] for scores in stored]
        shared = [name for name in by_size[0] if all(name in scores for scores in by_size)]
        questions = len(shared)
        matrix = np.array([[scores[name] for name in shared] for scores in by_size])
        p = mean_tests(matrix, rng=np.random.default_rng(0)).p_adjusted
        told = [(i, j) for i, j in PAIRS if p[i, j] <= 1.0 - LEVEL]
        means.append([metric, *(number_cell(rows[run].estimates[metric]) for run in result.runs)])
        cells = [
            f"**{needed(matrix[j] - matrix[i])}**" if (i, j) in told else needed(matrix[j] - matrix[i])
            for i, j in PAIRS
        ]
        apart.append([metric, str(len(told)), *cells])
    text = [
        "# Sizes of passages on the handbook, measured",
        "",
        "Written by `python benchmarks/chunk_sizes.py`.",
        f"The handbook's {questions} answerable questions, BM25, no model.",
        "Sizes are the most estimated tokens of a passage (`chunk_tokens`).",
        "",
        "## Means",
        "",
        "Mean [95% interval].",
        "",
        *table(["metric", *map(str, SIZES)], means),
        "",
        "## Which sizes can be told apart",
        "",
        f"How many of the {len(PAIRS)} pairs the {questions} questions tell apart (as ranks do: `mean_tests`, for all",
        "pairs of the metric, 5%). Then, for each pair, the number of questions that would show the observed",
        "difference with probability 0.8, by a test of that pair alone. In bold: told apart here. –: the means are",
        "equal, or more than ten million questions would be needed.",
        "",
        *table(["metric", "told apart", *(f"{SIZES[i]}, {SIZES[j]}" for i, j in PAIRS)], apart),
        "",
    ]
    PAGE.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
