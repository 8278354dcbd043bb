"""Time six ranking metrics on 10,000 questions with 100 hits each, rageval against pytrec_eval.

Run from the project's root: `.venv/bin/python benchmarks/perf/ranking_metrics.py`. Every number of every question must
agree to 1e-9 before anything is timed. Writes the table to `ranking_metrics.md` beside this file.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytrec_eval

from rageval.metrics import parse
from rageval.metrics.ranking import LabelArrays, RunArrays, score_arrays, score_rankings
from rageval.types import Score

N_QUESTIONS, DEPTH, N_DOCS, N_LABELS = 10_000, 100, 100_000, 50
REPETITIONS = 7
SEED = 20250101
METRICS = {
    "hit_rate@10": "success_10",
    "mrr": "recip_rank",
    "ndcg@10": "ndcg_cut_10",
    "precision@10": "P_10",
    "recall@100": "recall_100",
    "map": "map",
}
PYTREC_EVAL_METRICS = {"success.10", "recip_rank", "ndcg_cut.10", "P.10", "recall.100", "map"}
PARSED = [parse(name) for name in METRICS]

Grades = Mapping[str, Mapping[str, int]]
Rankings = Mapping[str, list[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Data:
    """The same labels and hits as ids in lists (what a pipeline hands over) and as integer codes."""

    labels: Grades
    rankings: Rankings
    label_arrays: LabelArrays
    run_arrays: RunArrays


def draw_data() -> Data:
    """Draw distinct documents per question, half of the labelled ones retrieved, and scores with many ties."""
    rng = np.random.default_rng(SEED)
    questions = [f"q{i:05d}" for i in range(N_QUESTIONS)]
    doc_ids = [f"doc-{i:06d}" for i in range(N_DOCS)]
    pool = DEPTH + N_LABELS // 2
    docs = np.stack([rng.choice(N_DOCS, pool, replace=False) for _ in range(N_QUESTIONS)])
    hits, labelled = docs[:, :DEPTH], docs[:, pool - N_LABELS :]
    scores = rng.integers(0, 1000, hits.shape) / 8
    grades = rng.choice([0, 1, 2, 3], labelled.shape, p=[0.7, 0.15, 0.1, 0.05])
    return Data(
        labels={
            question: dict(zip((doc_ids[d] for d in row), row_grades, strict=True))
            for question, row, row_grades in zip(questions, labelled.tolist(), grades.tolist(), strict=True)
        },
        rankings={
            question: list(zip((doc_ids[d] for d in row), row_scores, strict=True))
            for question, row, row_scores in zip(questions, hits.tolist(), scores.tolist(), strict=True)
        },
        label_arrays=LabelArrays(np.repeat(np.arange(N_QUESTIONS), N_LABELS), labelled.ravel(), grades.ravel()),
        run_arrays=RunArrays(np.repeat(np.arange(N_QUESTIONS), DEPTH), hits.ravel(), scores.ravel()),
    )


def pytrec_eval_from_lists(data: Data) -> dict[str, dict[str, float]]:
    run = {question: dict(ranking) for question, ranking in data.rankings.items()}
    return pytrec_eval.RelevanceEvaluator(data.labels, PYTREC_EVAL_METRICS).evaluate(run)


def check_agreement(data: Data) -> None:
    theirs = pytrec_eval_from_lists(data)
    from_arrays = score_arrays(PARSED, data.run_arrays, data.label_arrays, N_QUESTIONS)
    from_lists = score_rankings(PARSED, data.labels, data.rankings, list(data.rankings))
    for metric, their_name in zip(PARSED, METRICS.values(), strict=True):
        expected = [theirs[question][their_name] for question in data.rankings]
        np.testing.assert_allclose(from_arrays[metric], expected, rtol=0, atol=1e-9)
        scores = [from_lists[metric][question] for question in data.rankings]
        np.testing.assert_allclose([s.value for s in scores if isinstance(s, Score)], expected, rtol=0, atol=1e-9)


def time_in_turn(tasks: list[Callable[[], object]]) -> list[list[float]]:
    """Seconds of each task, the tasks taking turns so that a busy moment of the machine falls on all of them."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(REPETITIONS):
        for task, record in zip(tasks, seconds, strict=True):
            started = time.perf_counter()
            task()
            record.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    data = draw_data()
    check_agreement(data)
    run_dicts = {question: dict(ranking) for question, ranking in data.rankings.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(data.labels, PYTREC_EVAL_METRICS)
    questions = list(data.rankings)
    timed = time_in_turn(
        [
            lambda: evaluator.evaluate(run_dicts),
            lambda: score_arrays(PARSED, data.run_arrays, data.label_arrays, N_QUESTIONS),
            lambda: pytrec_eval_from_lists(data),
            lambda: score_rankings(PARSED, data.labels, data.rankings, questions),
        ]
    )
    table = write_table(timed)
    Path(__file__).with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


def write_table(timed: list[list[float]]) -> str:
    rows = [
        ("its own form ready (dicts; arrays)", timed[0], timed[1]),
        ("from the same lists, conversion counted", timed[2], timed[3]),
    ]
    setting = (
        f"{N_QUESTIONS:,} questions, {DEPTH} hits and {N_LABELS} labels each (30% relevant, grades 1 to 3, tied "
        f"scores), {N_DOCS:,} documents; {', '.join(METRICS)}. Equal to pytrec_eval within 1e-9 on every question. "
        f"Median of {REPETITIONS} runs in turn (least and most), one process."
    )
    lines = [
        "# Ranking metrics: one million hits",
        "",
        "Generated by `benchmarks/perf/ranking_metrics.py`; do not edit.",
        "",
        setting,
        "",
        "| input | pytrec_eval, s | rageval, s | ratio |",
        "|---|---|---|---|",
    ]
    for name, theirs, ours in rows:
        ratio = statistics.median(theirs) / statistics.median(ours)
        lines.append(f"| {name} | {show_seconds(theirs)} | {show_seconds(ours)} | {ratio:.1f} |")
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines += ["", f"{machine}, numpy {version('numpy')}, pytrec-eval-terrier {version('pytrec-eval-terrier')}."]
    return "\n".join(lines) + "\n"


def show_seconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


if __name__ == "__main__":
    main()
