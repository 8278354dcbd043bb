"""Time seven evidence metrics on 10,000 questions with 100 passages each, against six ranking metrics on these pairs.

Run from the project's root: `.venv/bin/python benchmarks/perf/evidence_metrics.py`. The numbers of 200 questions must
equal those by sets of characters before anything is timed. Writes the table to `evidence_metrics.md` beside this file.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ranking_metrics import (
    DEPTH,
    METRICS,
    N_QUESTIONS,
    PARSED,
    REPETITIONS,
    SEED,
    draw_data,
    show_seconds,
    time_in_turn,
)

from rageval.metrics import parse
from rageval.metrics.evidence import EvidenceArrays, PassageArrays, score_evidence_arrays
from rageval.metrics.ranking import LabelArrays, RunArrays, score_arrays

EVIDENCE = [
    parse(name)
    for name in (
        "evidence_recall@10",
        "evidence_hit@10",
        "evidence_all@100",
        "evidence_precision@10",
        "evidence_iou@100",
        "evidence_mrr@100",
        "evidence_ndcg@10",
    )
]
CHECKED = 200
CHARACTERS, PASSAGE = 3000, 500

Character = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Setting:
    """The same pairs of question and document for both kinds of metric."""

    name: str
    passages: PassageArrays
    evidence: EvidenceArrays
    run: RunArrays
    labels: LabelArrays


def far_and_wide(alternatives: bool) -> Setting:
    """The pairs of `ranking_metrics.py`: each relevant document has a span, half of these documents are retrieved."""
    rng = np.random.default_rng(SEED)
    data = draw_data()
    best_first = np.lexsort((-data.run_arrays.score, data.run_arrays.question))
    docs = data.run_arrays.doc[best_first]
    start = PASSAGE * rng.integers(0, CHARACTERS // PASSAGE, docs.size)
    marked = data.label_arrays.grade > 0
    begin = rng.integers(0, CHARACTERS - 300, marked.sum())
    evidence = EvidenceArrays(
        data.label_arrays.question[marked],
        data.label_arrays.doc[marked],
        begin,
        begin + rng.integers(20, 300, begin.size),
        np.arange(begin.size) // 2 if alternatives else np.arange(begin.size),
    )
    passages = PassageArrays(data.run_arrays.question[best_first], docs, start, start + PASSAGE)
    name = "15 documents with a span, two by two alternatives" if alternatives else "15 documents with a span"
    return Setting(name, passages, evidence, data.run_arrays, data.label_arrays)


def one_book() -> Setting:
    """Every passage of every question lies in one long document, with overlap, and so does the evidence: 4 spans."""
    rng = np.random.default_rng(SEED)
    question = np.repeat(np.arange(N_QUESTIONS), DEPTH)
    start = PASSAGE // 2 * np.concatenate([rng.permutation(400)[:DEPTH] for _ in range(N_QUESTIONS)])
    of_span = np.repeat(np.arange(N_QUESTIONS), 4)
    begin = rng.integers(0, 99_000, of_span.size)
    nothing = np.zeros(question.size, np.int64)
    labels = LabelArrays(np.arange(N_QUESTIONS), np.zeros(N_QUESTIONS, np.int64), np.ones(N_QUESTIONS, np.int64))
    ranked = np.tile(np.arange(DEPTH), N_QUESTIONS)
    return Setting(
        "one document, passages that overlap by half, 4 spans",
        PassageArrays(question, nothing, start, start + PASSAGE),
        EvidenceArrays(
            of_span,
            nothing[: of_span.size],
            begin,
            begin + rng.integers(20, 900, begin.size),
            np.tile(np.arange(4), N_QUESTIONS),
        ),
        RunArrays(question, ranked, -ranked.astype(np.float64)),
        labels,
    )


def check(setting: Setting) -> None:
    """Recall, precision, IoU and the rest of the first questions, by sets of characters."""
    scores = score_evidence_arrays(EVIDENCE, setting.passages, setting.evidence, N_QUESTIONS)
    for question in range(CHECKED):
        rows = np.flatnonzero(setting.passages.question == question)
        read = [
            {
                (int(setting.passages.doc[row]), at)
                for at in range(setting.passages.start[row], setting.passages.end[row])
            }
            for row in rows
        ]
        parts: dict[int, list[set[Character]]] = {}
        for row in np.flatnonzero(setting.evidence.question == question):
            span = range(setting.evidence.start[row], setting.evidence.end[row])
            parts.setdefault(int(setting.evidence.part[row]), []).append(
                {(int(setting.evidence.doc[row]), at) for at in span}
            )
        for metric in EVIDENCE:
            assert metric.cutoff is not None
            expected = by_sets(metric.name, parts, read[: metric.cutoff], metric.cutoff)
            if expected is not None:
                np.testing.assert_allclose(scores[metric][question], expected, rtol=0, atol=1e-12)


def by_sets(name: str, parts: dict[int, list[set[Character]]], read: list[set[Character]], cutoff: int) -> float | None:
    """None for the reciprocal rank, which needs to know where spans begin; tests check that one."""
    union = set[Character]().union(*read)
    chosen = [min(part, key=lambda span: (-len(span & union) / len(span), len(span))) for part in parts.values()]
    evidence = set[Character]().union(*chosen)
    found, size = len(evidence & union), sum(map(len, read))
    match name:
        case "evidence_recall":
            return found / len(evidence)
        case "evidence_hit":
            return float(any(span <= union for part in parts.values() for span in part))
        case "evidence_all":
            return float(evidence <= union)
        case "evidence_precision":
            return found / size
        case "evidence_iou":
            return found / (size + len(evidence) - found)
        case "evidence_ndcg":
            seen, gained = set[Character](), 0.0
            for rank, passage in enumerate(read, 1):
                gained += len((passage & evidence) - seen) / math.log2(rank + 1)
                seen |= passage
            of_documents = sorted(len([1 for c in evidence if c[0] == doc]) for doc in {c[0] for c in evidence})
            ideal = sum(n / math.log2(rank + 1) for rank, n in enumerate(reversed(of_documents[-cutoff:]), 1))
            return gained / ideal
        case _:
            return None


def main() -> None:
    lines = [
        "# Evidence metrics: one million pairs of question and passage",
        "",
        "Generated by `benchmarks/perf/evidence_metrics.py`; do not edit.",
        "",
        f"{N_QUESTIONS:,} questions, {DEPTH} passages each; {', '.join(map(str, EVIDENCE))};",
        f"beside {', '.join(METRICS)} on the same pairs.",
        f"Equal to sets of characters within 1e-12 on {CHECKED} questions.",
        f"Median of {REPETITIONS} runs in turn (least and most), one process.",
        "",
        "| pairs | ranking metrics, s | evidence metrics, s | ratio |",
        "|---|---|---|---|",
    ]
    for setting in (far_and_wide(alternatives=False), far_and_wide(alternatives=True), one_book()):
        check(setting)
        ranking, evidence = time_in_turn(
            [
                lambda s=setting: score_arrays(PARSED, s.run, s.labels, N_QUESTIONS),
                lambda s=setting: score_evidence_arrays(EVIDENCE, s.passages, s.evidence, N_QUESTIONS),
            ]
        )
        ratio = statistics.median(evidence) / statistics.median(ranking)
        lines.append(f"| {setting.name} | {show_seconds(ranking)} | {show_seconds(evidence)} | {ratio:.2f} |")
        print(lines[-1], flush=True)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines += ["", f"{machine}, numpy {version('numpy')}."]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
