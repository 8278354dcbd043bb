"""Time all pairs of 20 systems on 10,000 questions with 10,000 resamples, rageval against a loop over scipy.

Run from the project's root: `.venv/bin/python benchmarks/perf/paired_resampling.py`. What takes one pair at a time is
timed on one pair, scipy's permutation test also on a tenth of the resamples, and multiplied. Before anything is timed,
that pair's interval must agree to 1e-9 (scipy draws the same resamples) and its p-value within the error of random
patterns. Writes the table to `paired_resampling.md` beside this file.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats

from rageval.stats.many import mean_tests, paired_bootstrap, paired_permutation
from rageval.stats.permutation import sign_flip_p_value
from rageval.stats.resampling import bca

SYSTEMS, QUESTIONS, RESAMPLES = 20, 10_000, 10_000
PAIRS = SYSTEMS * (SYSTEMS - 1) // 2
PART = 1_000
BATCH = 100
REPETITIONS = 5
SEED = 20261121
SETTING = (
    f"{SYSTEMS} systems, {QUESTIONS:,} questions, {RESAMPLES:,} resamples, {PAIRS} pairs. Pair by pair: timed on one "
    f"pair and multiplied by {PAIRS}, not run in full; scipy's permutation test moreover with {PART:,} resamples and "
    f"multiplied by {RESAMPLES // PART} (it shuffles each question's two values; rageval draws a bit). scipy works "
    f"in batches of {BATCH} resamples, for memory. The pair's BCa interval equals scipy's within 1e-9, its p-value "
    f"within the error of random patterns. Median of {REPETITIONS} runs in turn (least and most), one process. Ratio: "
    "of the time for all pairs to that of the last line. Memory: the most that Python and numpy held at once "
    "(tracemalloc), in a run of its own."
)


@dataclass(frozen=True, slots=True)
class Task:
    """Something to time; `times` it makes the whole of 190 pairs and 10,000 resamples."""

    name: str
    call: Callable[[], object]
    times: int = 1


def draw_scores() -> np.ndarray:
    """Draw scores like nDCG: questions hard or easy for all systems, many 1s, systems that differ a little."""
    rng = np.random.default_rng(SEED)
    easiness = rng.beta(2, 1, QUESTIONS) - np.linspace(0, 0.05, SYSTEMS)[:, None]
    return np.where(rng.random((SYSTEMS, QUESTIONS)) < easiness, 1.0, rng.beta(1, 3, (SYSTEMS, QUESTIONS)))


def scipy_bootstrap(d: np.ndarray, method: str) -> tuple[float, float]:
    rng = np.random.default_rng(SEED)
    interval = stats.bootstrap((d,), np.mean, n_resamples=RESAMPLES, batch=BATCH, method=method, rng=rng)
    return interval.confidence_interval


def scipy_permutation(d: np.ndarray) -> float:
    rng = np.random.default_rng(SEED)
    found = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", vectorized=True, n_resamples=PART, batch=BATCH, rng=rng
    )
    return float(found.pvalue)


def check_agreement(scores: np.ndarray) -> None:
    intervals = paired_bootstrap(scores, resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    d = scores[0] - scores[1]
    ours = (intervals.low[0, 1], intervals.high[0, 1])
    np.testing.assert_allclose(ours, scipy_bootstrap(d, "BCa"), rtol=0, atol=1e-9)
    p = paired_permutation(scores, resamples=RESAMPLES, rng=np.random.default_rng(SEED)).p[0, 1]
    assert 0.01 < p < 0.99, p
    np.testing.assert_allclose(
        scipy_permutation(d), p, rtol=0, atol=4 * math.sqrt(p * (1 - p) * (1 / PART + 1 / RESAMPLES))
    )


def time_in_turn(tasks: list[Task]) -> list[list[float]]:
    """Seconds of each task, the tasks taking turns so that a busy moment of the machine falls on all of them."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(REPETITIONS):
        for task, record in zip(tasks, seconds, strict=True):
            started = time.perf_counter()
            task.call()
            record.append(time.perf_counter() - started)
    return seconds


def peak_megabytes(task: Task) -> float:
    """The most memory that Python and numpy held at once during the call, the scores themselves not counted."""
    tracemalloc.start()
    task.call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    scores = draw_scores()
    check_agreement(scores)
    d = scores[0] - scores[1]
    bootstraps = [
        Task("scipy, pair by pair", lambda: scipy_bootstrap(d, "BCa"), PAIRS),
        Task("scipy, pair by pair, percentile", lambda: scipy_bootstrap(d, "percentile"), PAIRS),
        Task("rageval, pair by pair", lambda: bca(d, resamples=RESAMPLES, rng=np.random.default_rng(SEED)), PAIRS),
        Task("rageval", lambda: paired_bootstrap(scores, resamples=RESAMPLES, rng=np.random.default_rng(SEED))),
    ]
    permutations = [
        Task("scipy, pair by pair", lambda: scipy_permutation(d), PAIRS * RESAMPLES // PART),
        Task(
            "rageval, pair by pair",
            lambda: sign_flip_p_value(d, resamples=RESAMPLES, rng=np.random.default_rng(SEED)),
            PAIRS,
        ),
        Task(
            "rageval, with max-T",
            lambda: paired_permutation(scores, resamples=RESAMPLES, rng=np.random.default_rng(SEED)),
        ),
    ]
    documents = np.arange(QUESTIONS) // 4
    ranks = [
        Task("rageval, ranks", lambda: mean_tests(scores, rng=np.random.default_rng(SEED))),
        Task(
            "rageval, ranks, four questions a document",
            lambda: mean_tests(scores, clusters=documents, rng=np.random.default_rng(SEED)),
        ),
        permutations[-1],
    ]
    machine = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"numpy {version('numpy')}, scipy {version('scipy')}; load before the runs {os.getloadavg()[0]:.1f}."
    )
    lines = [
        f"# All pairs of {SYSTEMS} systems: bootstrap and permutation",
        "",
        "Generated by `benchmarks/perf/paired_resampling.py`; do not edit.",
        "",
        SETTING,
        "",
        *table("BCa bootstrap", bootstraps),
        "",
        *table("sign-flip permutation", permutations),
        "",
        *table("ranks: the permutation test guarded against losses that have not come", ranks),
        "",
        machine,
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def table(title: str, tasks: list[Task]) -> list[str]:
    """The rows of tasks of which the last is the one that the others are compared with."""
    timed = time_in_turn(tasks)
    whole = [statistics.median(seconds) * task.times for task, seconds in zip(tasks, timed, strict=True)]
    lines = [f"| {title} | timed, s | all pairs, s | ratio | peak memory, MB |", "|---|---|---|---|---|"]
    for task, seconds, total in zip(tasks, timed, whole, strict=True):
        ratio = f"{total / whole[-1]:,.{0 if total > 5 * whole[-1] else 1}f}"
        lines.append(f"| {task.name} | {show_seconds(seconds)} | {total:,.1f} | {ratio} | {peak_megabytes(task):.0f} |")
    return lines


def show_seconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


if __name__ == "__main__":
    main()
