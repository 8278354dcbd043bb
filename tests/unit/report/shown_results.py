"""Results made by hand, in both languages, that are rendered in tests."""

from __future__ import annotations

from pathlib import Path

from rageval.decide.comparison import CompareResult, Comparison
from rageval.decide.gate import GateResult, MetricGate
from rageval.decide.leaderboard import Leaderboard, Row
from rageval.decide.slicing import SliceDifference, SlicedMetric, SliceEstimate
from rageval.decide.sweep import Cell, Gap, Saved, SweepResult
from rageval.decide.sweep_effects import Effect, FactorShare, Interaction
from rageval.scores.causes import Cause
from rageval.scores.pairs import Pairs
from rageval.stats import Interval
from rageval.types import Estimate, Usage
from tests.unit.sides import side

LABELS = (
    "rag(retriever=bm25, k=3, chunk_tokens=128)",
    "rag(retriever=bm25, k=5, chunk_tokens=128)",
    "rag(retriever=混合检索, k=5, chunk_tokens=128)",
)
METRICS = ("ndcg@10", "faithfulness", "hallucination")
SHARING = (
    "Questions that share a document are not independent: these 112 are as good as 35 documents (cluster-by none would "
    "not count that)."
)
TEXTS = {
    "en-a-02": "By how much did the retriever reduce the size of the index?",
    "zh-a-12": "该怎么避免多余的半边符号？",
}


def mean(point: float, half: float, n: int = 112, labels: int = 0) -> Estimate:
    return Estimate(point, point - half, point + half, 0.95, "dirichlet", n, 112 - n, n_labelled=labels)


def row(i: int, *, failed: int = 0, paid: int = 120) -> Row:
    estimates = {
        "ndcg@10": mean(0.5 + i / 50, 0.075),
        "faithfulness": mean(0.742, 0.12, 100 + i),
        "hallucination": mean(0.25, 0.08, labels=0 if i else 50),
    }
    usage = {"stage answer": Usage(calls=120, prompt_tokens=54000, completion_tokens=2300, free_calls=120 - paid)}
    causes = (Cause("TimeoutError", "模型没有回答", failed),) if failed else ()
    return Row(LABELS[i], Path(f"run{i}"), estimates, (1, 3), failed, causes, 0, usage, 1.25, {}, {"seed": f"{i}"})


def leaderboard(*, failed: int = 0) -> Leaderboard:
    slices = tuple(
        SliceEstimate("ndcg@10", "language", name, label, Path("run"), n, mean(0.4 + j / 50, 0.11, n))
        for name, n in (("English", 104), ("中文", 8))
        for j, label in enumerate(LABELS)
    )
    rows = (row(0, failed=failed), row(1), row(2, paid=12))
    models = {"chat": "writer @ http://127.0.0.1/v1"}
    return Leaderboard("手册 handbook", 112, METRICS, rows, "", models, None, slices=slices, sharing=SHARING)


def pairs(name: str, *, judged: bool = False, lower: bool = False, changed: bool = True) -> Pairs:
    before, after = (0.631, 1.0), (1.0, 0.315) if changed else (0.631, 1.0)
    return Pairs(
        name, ("en-a-02", "zh-a-12"), before, after, None, ("en-b",), (), (0, 1), judged, lower, sharing=SHARING
    )


def interval(point: float, low: float, high: float, level: float = 0.95) -> Interval:
    return Interval(point, low, high, level, "dirichlet", 112)


def slices() -> tuple[SlicedMetric, ...]:
    parts = (
        SliceDifference("English", 104, 0.472, 0.478, interval(0.006, -0.103, 0.112)),
        SliceDifference("中文", 8, 0.517, 0.521, interval(0.004, -0.412, 0.42)),
    )
    return (SlicedMetric("ndcg@10", "language", 0.95, parts, False, None, "too few questions"),)


def compared() -> CompareResult:
    difference = interval(-0.083, -0.152, -0.016)
    comparisons = {
        name: Comparison(
            pairs(name, judged=name != "ndcg@10", lower=name == "hallucination", changed=name == "ndcg@10"),
            difference,
            0.0004,
            0.087,
            "permutation",
            24,
            70,
            18,
            "cannot be told apart",
            0.05,
            174,
        )
        for name in METRICS
    }
    return CompareResult(
        side({"map": [0, 0]}, "results/baselines/main.json", label=LABELS[0], texts=TEXTS),
        side({"map": [0, 0]}, "results/runs/新", label=LABELS[2], texts=TEXTS),
        0.95,
        comparisons,
        {"map": "other judges"},
        slices=slices(),
    )


def gated() -> GateResult:
    gates = {
        name: MetricGate(
            pairs(name, judged=name != "ndcg@10", lower=name == "hallucination", changed=name == "ndcg@10"),
            0.02,
            3,
            verdict,
            interval(-0.005, -0.068, 0.072, 0.9),
            0.539,
            0.6,
            1.0,
            0.072,
            746,
            -0.005,
        )
        for name, verdict in zip(METRICS, ("pass", "fail", "inconclusive"), strict=True)
    }
    sides = compared()
    return GateResult(sides.baseline, sides.candidate, 0.95, "fail", gates, slices=slices())


def swept() -> SweepResult:
    cells = tuple(
        Cell(label, Path(f"run{i}"), {"k": 3}, 1.0 + i, 412.5, 0.25, 103.0, None if i else 1.25)
        for i, label in enumerate(LABELS)
    )
    gaps = tuple(Gap(label, interval(0.02, -0.01, 0.05), 0.31) for label in LABELS[1:])
    effects = (
        Effect("ndcg@10", "k", "3", "5", 4, interval(0.031, 0.012, 0.049), 0.0001, 0.0004),
        Effect("hallucination", "retriever", "bm25", "混合检索", 2, interval(-0.25, -0.4, -0.1), 0.01, 0.02),
    )
    shared: dict[str, int] = dict.fromkeys(METRICS, 112)
    saved = Saved(6, 2, 1344, 700, 290000)
    shares = (
        FactorShare("ndcg@10", ("retriever",), interval(0.62, 0.31, 0.83)),
        FactorShare("ndcg@10", ("k",), interval(0.0, 0.0, 0.12)),
        FactorShare("ndcg@10", ("retriever", "k"), interval(0.21, 0.03, 0.47)),
    )
    together = (
        Interaction(
            "ndcg@10", "retriever", ("bm25", "混合检索"), "k", ("3", "5"), 1, interval(-0.08, -0.2, 0.04), 0.07, 0.2
        ),
    )
    return SweepResult(leaderboard(failed=4), cells, gaps, effects, LABELS[:2], shared, saved, shares, together)
